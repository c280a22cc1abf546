"""The Servers page: the list, and the forms to add and edit a server."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import (
    Controller,
    Request,
    __,
    abort,
    current_admin,
    db,
    forms,
    url_for_module,
    view_admin_module,
)

from ..forms import ServerForm
from ..models.cloud import CloudServer


class MyCloudServiceController(Controller):
    """`/admin/modules/Product/MyCloudService/servers`; `self.module` is the module."""

    def servers(self, request: Request) -> Any:
        """List the servers."""
        servers = db.session.scalars(sa.select(CloudServer).order_by(CloudServer.name)).all()
        may_manage = current_admin.has_permission("manage-servers")
        return self._page("servers", __("Servers"), servers=servers, may_manage=may_manage)

    def add_form(self, request: Request) -> Any:
        """Show an empty form."""
        return self._page("server", __("Add server"), form=ServerForm())

    def add_submit(self, request: Request) -> Any:
        """Save a new server."""
        return self._submit(request, __("Add server"))

    def edit_form(self, request: Request, uuid: str) -> Any:
        """Show a server in the form, without its API key and password."""
        server = find_server(uuid)
        form = ServerForm(obj=server, group_name=server.group.name)
        return self._page("server", server.name, form=_without_saved_secrets(form, server))

    def edit_submit(self, request: Request, uuid: str) -> Any:
        """Save a changed server."""
        server = find_server(uuid)
        return self._submit(request, server.name, server)

    def _submit(self, request: Request, title: str, server: CloudServer | None = None) -> Any:
        answer = self.module.save_server(request.all(), server)
        if answer["status"] == "error":
            form = forms.bound(ServerForm, request.all(), answer["errors"])
            return self._page("server", title, form=_without_saved_secrets(form, server)), 422
        flash(__("Server saved."), "good")
        return redirect(url_for_module("servers"))

    def _page(self, view: str, title: str, **data: Any) -> Any:
        data |= {"title": title, "link": url_for_module}
        return view_admin_module("Product", "MyCloudService", f"admin_area.{view}", data)


def _without_saved_secrets(form: forms.Form, server: CloudServer | None) -> forms.Form:
    """Make saved secrets optional in the form of a server."""
    saved = {name for name in ("api_key", "password") if getattr(server, name, "")}
    for field in form:
        if isinstance(field, forms.SecretField) and field.short_name in saved:
            field.keep_saved()
    return form


def find_server(uuid: str) -> CloudServer:
    """Return the server with this uuid, or abort with 404."""
    server: CloudServer | None = db.session.get(CloudServer, uuid)
    if server is None:
        abort(404)
    return server
