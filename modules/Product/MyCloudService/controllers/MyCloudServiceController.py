"""The Servers page: a list, and a form pair to add and to change a server."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import (
    Controller,
    Request,
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
        """All servers."""
        found = db.session.scalars(sa.select(CloudServer).order_by(CloudServer.name)).all()
        return self._page(
            "servers",
            "Servers",
            servers=found,
            may_manage=current_admin.has_permission("manage-servers"),
        )

    def add_form(self, request: Request) -> Any:
        """An empty form."""
        return self._page("server", "Add server", form=ServerForm())

    def add_submit(self, request: Request) -> Any:
        """Keep a new server."""
        return self._submit(request, "Add server")

    def edit_form(self, request: Request, uuid: str) -> Any:
        """A server in the form; its key and password are never shown."""
        server = find(uuid)
        return self._page(
            "server",
            server.name,
            form=_known(ServerForm(obj=server, group_name=server.group.name), server),
        )

    def edit_submit(self, request: Request, uuid: str) -> Any:
        """Change a server."""
        server = find(uuid)
        return self._submit(request, server.name, server)

    def _submit(self, request: Request, title: str, server: CloudServer | None = None) -> Any:
        answer = self.module.save_server(request.all(), server)
        if answer["status"] == "error":
            return (
                self._page(
                    "server",
                    title,
                    form=_known(forms.bound(ServerForm, request.all(), answer["errors"]), server),
                ),
                422,
            )
        flash("The server is kept.", "good")
        return redirect(url_for_module("servers"))

    def _page(self, view: str, title: str, **data: Any) -> Any:
        return view_admin_module(
            "Product",
            "MyCloudService",
            f"admin_area.{view}",
            {"title": title, "link": url_for_module, **data},
        )


def _known(form: forms.Form, server: CloudServer | None) -> forms.Form:
    """The form of a server: secrets that are stored need not be entered again."""
    for name in ("api_key", "password"):
        if server is not None and getattr(server, name):
            form[name].flags.required = False
            form[name].description = "Empty keeps the stored one."
    return form


def find(uuid: str) -> CloudServer:
    """The server of that uuid, or 404."""
    server: CloudServer | None = db.session.get(CloudServer, uuid)
    if server is None:
        abort(404)
    return server
