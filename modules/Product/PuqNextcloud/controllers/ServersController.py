"""Staff pages of servers: list, forms, connection test."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db, format_number, forms, n__, noop__

from ..forms.servers import ServerForm
from ..models.accounts import Account
from ..models.servers import Server, ServerGroup
from ..services import placement
from ..services.connection import test_connection
from .pages import link, page

CRUMBS = ((noop__("Servers"), "servers"),)


class ServersController(Controller):
    """`/admin/modules/Product/PuqNextcloud/servers`."""

    def index(self, request: Request) -> Any:
        """List the servers with their number of accounts."""
        order = (ServerGroup.name, Server.position, Server.id)
        servers = db.session.scalars(sa.select(Server).join(Server.group).order_by(*order)).all()
        counts = placement.accounts_per_server()
        rows = [_row(server, counts.get(server.id, 0)) for server in servers]
        has_groups = db.session.scalar(sa.select(ServerGroup.id).limit(1)) is not None
        return page("servers", __("Servers"), rows=rows, has_groups=has_groups)

    def add_form(self, request: Request) -> Any:
        """Show an empty form."""
        return self._form(ServerForm(), __("Add server"))

    def add_submit(self, request: Request) -> Any:
        """Save a new server."""
        form = ServerForm()
        if not form.validate():
            return self._form(form, __("Add server")), 422
        with db.transaction() as session:
            session.add(form.fill(Server()))
        flash(__(":name saved. Test the connection now.", {"name": form.name.data}), "good")
        return redirect(link("servers"))

    def edit_form(self, request: Request, id: str) -> Any:
        """Show a server in the form, without its password."""
        server = find_server(id)
        return self._form(ServerForm(obj=server), server.name, server)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Save a changed server."""
        server = find_server(id)
        form = ServerForm()
        form.record = server
        forms.keep_secrets(form, server)
        if not form.validate():
            return self._form(form, server.name, server), 422
        with db.transaction():
            form.fill(find_server(id))
        flash(__(":name saved.", {"name": form.name.data}), "good")
        return redirect(link("servers"))

    def remove_form(self, request: Request, id: str) -> Any:
        """Ask for confirmation, or explain why the server can't be deleted."""
        server = find_server(id)
        accounts = placement.accounts_per_server().get(server.id, 0)
        name = {"name": server.name}
        blocker = n__(":name has :count account.", ":name has :count accounts.", accounts, name)
        return page(
            "remove",
            __("Delete :name?", name),
            name=server.name,
            crumbs=CRUMBS,
            back=link("servers"),
            button=__("Delete server"),
            blocker=blocker if accounts else "",
            advice=__("Terminate these services first, or turn off “Accept new accounts”."),
            deleted=[__(":url and its credentials in the panel", {"url": server.url})],
            retained=__("The Nextcloud server and its users are not affected."),
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Delete a server that has no accounts."""
        with db.transaction() as session:
            query = sa.select(Server).where(Server.id == find_server(id).id)
            server = session.scalars(query.with_for_update(of=Server)).one()
            account_id = session.scalar(
                sa.select(Account.id).where(Account.server_id == server.id).limit(1)
            )
            if account_id is None:
                session.delete(server)
        if account_id is not None:
            return self.remove_form(request, id), 409
        flash(__(":name deleted.", {"name": server.name}), "good")
        return redirect(link("servers"))

    def test(self, request: Request, id: str) -> Any:
        """Test the connection and the panel's rights on the server."""
        ok, message = test_connection(find_server(id))
        flash(message, "good" if ok else "bad")
        return redirect(link("servers"))

    def _form(self, form: ServerForm, title: str, server: Server | None = None) -> Any:
        links = {}
        if server:
            form.password.description = __("Leave blank to keep the current value.")
            links = {
                "test": link("servers.test", id=server.id),
                "remove": link("servers.remove", id=server.id),
            }
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save=__("Save server"),
            back=link("servers"),
            wide=("host",),
            **links,
        )


def _row(server: Server, accounts: int) -> dict[str, Any]:
    """Return what the list shows of a server."""
    if server.has_capacity(accounts):
        tone, icon, state = "good", "check", __("Accepted")
    elif server.active:
        tone, icon, state = "warn", "pause", __("Full")
    else:
        tone, icon, state = "mute", "stop", __("Not accepted")
    count = format_number(accounts)
    if server.max_accounts:
        limit = format_number(server.max_accounts)
        count = __(":count of :limit", {"count": count, "limit": limit})
    return {
        "id": server.id,
        "name": server.name,
        "url": server.url,
        "group": server.group.name,
        "accounts": count,
        "summary": __(":group, accounts: :count", {"group": server.group.name, "count": count}),
        "tone": tone,
        "icon": icon,
        "state": state,
    }


def find_server(id: str) -> Server:
    """Return the server with this id, or abort with 404."""
    server: Server | None = None
    if id.isdecimal() and len(id) < 10:
        server = db.session.get(Server, int(id))
    if server is None:
        abort(404)
    return server
