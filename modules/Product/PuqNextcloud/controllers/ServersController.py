"""Servers: the list, the form pairs, and the test of a connection."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, abort, db

from ..forms.servers import ServerForm
from ..models.accounts import Account
from ..models.servers import Server, ServerGroup
from ..services import placement
from ..services.connection import test_connection
from .pages import link, page

CRUMBS = (("Servers", "servers"),)


class ServersController(Controller):
    """`/admin/modules/Product/PuqNextcloud/servers`."""

    def index(self, request: Request) -> Any:
        """All servers, and how full they are."""
        order = (ServerGroup.name, Server.position, Server.id)
        servers = db.session.scalars(sa.select(Server).join(Server.group).order_by(*order)).all()
        groups = db.session.scalar(sa.select(sa.func.count()).select_from(ServerGroup))
        return page("servers", "Servers", servers=servers, groups=groups, taken=placement.count())

    def add_form(self, request: Request) -> Any:
        """An empty form."""
        return self._form(ServerForm(), "Add server")

    def add_submit(self, request: Request) -> Any:
        """Keep a new server."""
        form = ServerForm()
        if not form.validate():
            return self._form(form, "Add server"), 422
        with db.transaction() as session:
            session.add(form.fill(Server()))
        flash(f"{form.name.data} is kept. Test the connection before a customer needs it.", "good")
        return redirect(link("servers"))

    def edit_form(self, request: Request, id: str) -> Any:
        """A server in the form; the password is never shown."""
        server = find(id)
        return self._form(ServerForm(obj=server), server.name, server)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Change a server."""
        server = find(id)
        form = ServerForm()
        form.record = server
        if not form.validate():
            return self._form(form, server.name, server), 422
        with db.transaction():
            form.fill(find(id))
        flash(f"{form.name.data} is changed.", "good")
        return redirect(link("servers"))

    def remove_form(self, request: Request, id: str) -> Any:
        """The question before a server is forgotten."""
        server = find(id)
        held = placement.count().get(server.id, 0)
        return page(
            "remove",
            f"Delete {server.name}?",
            thing=server.name,
            crumbs=CRUMBS,
            back=link("servers"),
            button="Delete server",
            refused=(
                f"{server.name} holds {held} account{'s' if held != 1 else ''}." if held else ""
            ),
            instead="Terminate these services first, or switch the server off for new accounts.",
            goes=[f"the panel's record of {server.url}, with the credentials"],
            stays="The cloud itself and all its users stay as they are.",
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Forget a server that holds no account."""
        with db.transaction() as session:
            server = session.scalars(
                sa.select(Server).where(Server.id == find(id).id).with_for_update(of=Server)
            ).one()
            held = session.scalar(
                sa.select(Account.id).where(Account.server_id == server.id).limit(1)
            )
            if held is None:
                session.delete(server)
        if held is not None:
            return self.remove_form(request, id), 409
        flash(f"{server.name} is deleted.", "good")
        return redirect(link("servers"))

    def test(self, request: Request, id: str) -> Any:
        """Ask the server who it is and whether the panel may manage users there."""
        server = find(id)
        ok, sentence = test_connection(server)
        flash(sentence, "good" if ok else "bad")
        return redirect(link("servers"))

    def _form(self, form: ServerForm, title: str, server: Server | None = None) -> Any:
        if server:
            form.password.description = "Empty keeps the one that is stored."
        more = (
            {
                "test": link("servers.test", id=server.id),
                "remove": link("servers.remove", id=server.id),
            }
            if server
            else {}
        )
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save="Save server",
            back=link("servers"),
            sentence="",
            wide=("host",),
            **more,
        )


def find(id: str) -> Server:
    """The server of that id, or 404."""
    server: Server | None = (
        db.session.get(Server, int(id)) if id.isdecimal() and len(id) < 10 else None
    )
    if server is None:
        abort(404)
    return server
