"""Sell accounts on your own Nextcloud servers: the pages of staff and customers.

The provisioning jobs are in services/provisioning.py, passwords in services/credentials.py.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask import request as current_request

from puqpanel.sdk import Request, __, abort, noop__, reading, refuse_impersonation

from .forms.products import ProductForm, ServiceForm
from .models.accounts import Account
from .services import placement
from .services.credentials import Credentials
from .services.ocs_response import Outcome
from .services.quota import Usage, parse_usage

UNAVAILABLE = noop__("Storage usage is temporarily unavailable. Try again in a minute.")
MAINTENANCE = noop__("The server is in maintenance. Try again later.")
GONE = noop__("This account no longer exists on the server. Contact support.")


class PuqNextcloud(Credentials):
    """Accounts on your own Nextcloud servers."""

    ProductForm = ProductForm
    ServiceForm = ServiceForm

    # Client area

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """Return the single tab of a service."""
        return {"general": {"name": "General", "template": "client_area.general"}}

    def variables_general(self) -> dict[str, Any]:
        """Return the account's address and name, never its password.

        The page loads the usage later, unless `?usage=1` requests it (for browsers without
        JavaScript).
        """
        account = self.find_created()
        show_usage = bool(current_request.args.get("usage"))
        usage, message = self._usage(account) if show_usage and account else (None, "")
        return {
            "address": account.server.url if account else "",
            "username": account.username if account else "",
            "api": self._api,
            "usage": usage,
            "message": message,
            "show_usage": show_usage,
            "note": self.password_note(),
        }

    @property
    def _api(self) -> str:
        return f"/client/services/{self.service_uuid}/general/api"

    @reading
    def controller_client_general_quota(self, request: Request) -> Any:
        """Return the usage as JSON, or as a fragment of the page for htmx."""
        account = self.find_created()
        if account is None:
            abort(404)
        usage, message = self._usage(account)
        if request.headers.get("HX-Request"):
            return self.view("client_area.quota", {"usage": usage, "message": message})
        if usage is None:
            code = 410 if message == __(GONE) else 503
            return {"status": "error", "message": message, "code": code}, code
        return {"status": "success", "data": usage.as_dict()}

    def controller_client_general_password(self, request: Request) -> Any:
        """Return the password for a POST only, in a response that is never cached."""
        self._open_password(request)
        self.log_info("password shown to the customer")
        return self._password_response(request)

    def controller_client_general_reset(self, request: Request) -> Any:
        """Set a new password for a POST only, and return it in a response that is never cached."""
        account = self._open_password(request)
        reset, message = self.reset_password(account)
        return self._password_response(request, message, failed=not reset)

    def _open_password(self, request: Request) -> Account:
        if request.method != "POST":
            abort(405)
        refuse_impersonation()
        account = self.find_created()
        if account is None:
            abort(404)
        return account

    def _password_response(
        self, request: Request, message: str = "", *, failed: bool = False
    ) -> Response:
        """Return the password, or why it could not be reset, as the client accepts it."""
        password, code = "" if failed else self.service_data["password"], 503 if failed else 200
        if request.headers.get("HX-Request"):
            data = {"password": password, "message": message, "failed": failed}
            data |= {"note": self.password_note(), "api": self._api}
            response = Response(self.view("client_area.password", data))
        elif request.accept_mimetypes.accept_html:  # a browser without JavaScript
            response = Response(message if failed else password, code, mimetype="text/plain")
        elif failed:
            response = jsonify({"status": "error", "message": message, "code": code})
            response.status_code = code
        else:
            response = jsonify({"status": "success", "data": {"password": password}})
        response.headers["Cache-Control"] = "no-store"
        return response

    def _usage(self, account: Account) -> tuple[Usage | None, str]:
        """Return the usage, or a sentence for the customer that says why there is none."""
        user = self.client(account.server).user(account.username)
        usage = parse_usage(user.data) if user.ok else None
        if usage is not None:
            return usage, ""
        if user.outcome is Outcome.NOT_FOUND:
            return None, __(GONE)
        return None, __(MAINTENANCE if user.outcome is Outcome.MAINTENANCE else UNAVAILABLE)

    # Admin area

    def get_service_page(self) -> str:
        """Return the service's fields, with the name and server of an existing account."""
        if not self.errors and (account := placement.find(self._uuid)) is not None:
            self.service_data |= {"username": account.username, "server": account.server_id}
        return super().get_service_page()

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions for viewing and managing servers."""
        return [
            {
                "name": "View servers",
                "key": "view-servers",
                "description": "View server groups, servers and their account counts",
            },
            {
                "name": "Manage servers",
                "key": "manage-servers",
                "description": "Add, edit, test and delete servers and server groups",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry; the servers page links to the server groups."""
        return [
            {
                "title": "Servers",
                "link": "servers",
                "active_links": [route["name"] for route in self.admin_web_routes()],
                "permission": "view-servers",
                "icon": "fas fa-server",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the lists, the connection test, and the forms to add, edit and delete."""
        view = "view-servers"
        return [
            _route("get", "servers", "servers", "ServersController@index", view),
            _route("post", "servers/{id}/test", "servers.test", "ServersController@test"),
            _route("get", "server-groups", "groups", "ServerGroupsController@index", view),
            *_form_routes("servers", "servers", "ServersController"),
            *_form_routes("groups", "server-groups", "ServerGroupsController"),
        ]


def _form_routes(name: str, uri: str, controller: str) -> list[dict[str, Any]]:
    """Return the GET and POST routes to add, edit and delete an entity."""
    pages = {"add": f"{uri}/add", "edit": f"{uri}/{{id}}", "remove": f"{uri}/{{id}}/delete"}
    routes = []
    for page, address in pages.items():
        routes.append(_route("get", address, f"{name}.{page}", f"{controller}@{page}_form"))
        routes.append(
            _route("post", address, f"{name}.{page}.submit", f"{controller}@{page}_submit")
        )
    return routes


def _route(
    method: str, uri: str, name: str, controller: str, permission: str = "manage-servers"
) -> dict[str, Any]:
    return {
        "method": method,
        "uri": uri,
        "name": name,
        "controller": controller,
        "permission": permission,
    }
