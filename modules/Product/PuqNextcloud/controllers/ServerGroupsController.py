"""Server groups: the list and the form pairs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, abort, db

from ..forms.servers import ALLOCATIONS, GroupForm
from ..models.accounts import Account
from ..models.servers import Server, ServerGroup
from .pages import link, page

CRUMBS = (("Servers", "servers"), ("Server groups", "groups"))


class ServerGroupsController(Controller):
    """`/admin/modules/Product/PuqNextcloud/server-groups`."""

    def index(self, request: Request) -> Any:
        """All groups, and what is in them."""
        groups = db.session.scalars(sa.select(ServerGroup).order_by(ServerGroup.name)).all()
        count = sa.func.count()
        wanted = sa.select(Server.group_id, count).group_by(Server.group_id)
        servers, accounts = (
            dict(db.session.execute(query).all()) for query in (wanted, wanted.join(Account))
        )
        return page(
            "groups",
            "Server groups",
            groups=groups,
            allocations=ALLOCATIONS,
            servers=servers,
            accounts=accounts,
        )

    def add_form(self, request: Request) -> Any:
        """An empty form."""
        return self._form(GroupForm(), "Add server group")

    def add_submit(self, request: Request) -> Any:
        """Keep a new group."""
        form = GroupForm()
        if not form.validate():
            return self._form(form, "Add server group"), 422
        with db.transaction() as session:
            group = ServerGroup()
            form.populate_obj(group)
            session.add(group)
        flash(f"{form.name.data} is kept.", "good")
        return redirect(link("groups"))

    def edit_form(self, request: Request, id: str) -> Any:
        """A group in the form."""
        group = find(id)
        return self._form(GroupForm(obj=group), group.name, group)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Change a group."""
        group = find(id)
        form = GroupForm()
        form.record = group
        if not form.validate():
            return self._form(form, group.name, group), 422
        with db.transaction():
            form.populate_obj(find(id))
        flash(f"{form.name.data} is changed.", "good")
        return redirect(link("groups"))

    def remove_form(self, request: Request, id: str) -> Any:
        """The question before a group is forgotten."""
        group = find(id)
        held = db.session.scalar(sa.select(sa.func.count()).where(Server.group_id == group.id)) or 0
        return page(
            "remove",
            f"Delete {group.name}?",
            thing=group.name,
            crumbs=CRUMBS,
            back=link("groups"),
            button="Delete server group",
            refused=f"{group.name} holds {held} server{'s' if held != 1 else ''}." if held else "",
            instead="Move these servers to another group first, or delete them.",
            goes=["the group; products that name it make no accounts until they name another"],
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Forget a group without servers."""
        with db.transaction() as session:
            group = session.scalars(
                sa.select(ServerGroup).where(ServerGroup.id == find(id).id).with_for_update()
            ).one()
            held = session.scalar(sa.select(Server.id).where(Server.group_id == group.id).limit(1))
            if held is None:
                session.delete(group)
        if held is not None:
            return self.remove_form(request, id), 409
        flash(f"{group.name} is deleted.", "good")
        return redirect(link("groups"))

    def _form(self, form: GroupForm, title: str, group: ServerGroup | None = None) -> Any:
        more = {"remove": link("groups.remove", id=group.id)} if group else {}
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save="Save server group",
            back=link("groups"),
            sentence="",
            wide=(),
            **more,
        )


def find(id: str) -> ServerGroup:
    """The group of that id, or 404."""
    group: ServerGroup | None = (
        db.session.get(ServerGroup, int(id)) if id.isdecimal() and len(id) < 10 else None
    )
    if group is None:
        abort(404)
    return group
