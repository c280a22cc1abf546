"""Staff pages of server groups: list and forms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db, n__, noop__

from ..forms.servers import ALLOCATIONS, GroupForm
from ..models.accounts import Account
from ..models.servers import Server, ServerGroup
from .pages import link, page

CRUMBS = ((noop__("Servers"), "servers"), (noop__("Server groups"), "groups"))


class ServerGroupsController(Controller):
    """`/admin/modules/Product/PuqNextcloud/server-groups`."""

    def index(self, request: Request) -> Any:
        """List the groups with their number of servers and accounts."""
        groups = db.session.scalars(sa.select(ServerGroup).order_by(ServerGroup.name)).all()
        servers_query = sa.select(Server.group_id, sa.func.count()).group_by(Server.group_id)
        return page(
            "groups",
            __("Server groups"),
            groups=groups,
            allocations={key: __(label) for key, label in ALLOCATIONS.items()},
            servers=dict(db.session.execute(servers_query).all()),
            accounts=dict(db.session.execute(servers_query.join(Account)).all()),
        )

    def add_form(self, request: Request) -> Any:
        """Show an empty form."""
        return self._form(GroupForm(), __("Add server group"))

    def add_submit(self, request: Request) -> Any:
        """Save a new group."""
        form = GroupForm()
        if not form.validate():
            return self._form(form, __("Add server group")), 422
        with db.transaction() as session:
            group = ServerGroup()
            form.populate_obj(group)
            session.add(group)
        flash(__(":name saved.", {"name": form.name.data}), "good")
        return redirect(link("groups"))

    def edit_form(self, request: Request, id: str) -> Any:
        """Show a group in the form."""
        group = find_group(id)
        return self._form(GroupForm(obj=group), group.name, group)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Save a changed group."""
        group = find_group(id)
        form = GroupForm()
        form.record = group
        if not form.validate():
            return self._form(form, group.name, group), 422
        with db.transaction():
            form.populate_obj(find_group(id))
        flash(__(":name saved.", {"name": form.name.data}), "good")
        return redirect(link("groups"))

    def remove_form(self, request: Request, id: str) -> Any:
        """Ask for confirmation, or explain why the group can't be deleted."""
        group = find_group(id)
        servers = db.session.scalar(sa.select(sa.func.count()).where(Server.group_id == group.id))
        name = {"name": group.name}
        blocker = n__(":name has :count server.", ":name has :count servers.", servers, name)
        return page(
            "remove",
            __("Delete :name?", name),
            name=group.name,
            crumbs=CRUMBS,
            back=link("groups"),
            button=__("Delete server group"),
            blocker=blocker if servers else "",
            advice=__("Move these servers to another group first, or delete them."),
            deleted=[__("the group; its products can't create accounts until you select another")],
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Delete a group that has no servers."""
        with db.transaction() as session:
            query = sa.select(ServerGroup).where(ServerGroup.id == find_group(id).id)
            group = session.scalars(query.with_for_update()).one()
            server_id = session.scalar(
                sa.select(Server.id).where(Server.group_id == group.id).limit(1)
            )
            if server_id is None:
                session.delete(group)
        if server_id is not None:
            return self.remove_form(request, id), 409
        flash(__(":name deleted.", {"name": group.name}), "good")
        return redirect(link("groups"))

    def _form(self, form: GroupForm, title: str, group: ServerGroup | None = None) -> Any:
        links = {"remove": link("groups.remove", id=group.id)} if group else {}
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save=__("Save server group"),
            back=link("groups"),
            wide=(),
            **links,
        )


def find_group(id: str) -> ServerGroup:
    """Return the group with this id, or abort with 404."""
    group: ServerGroup | None = None
    if id.isdecimal() and len(id) < 10:
        group = db.session.get(ServerGroup, int(id))
    if group is None:
        abort(404)
    return group
