"""Sells accounts on Nextcloud servers: what staff and customers see.

What happens at the provider stands in services/provisioning.py.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask import request as current_request

from puqpanel.sdk import Request, abort

from .forms.products import ProductForm, ServiceForm
from .models.accounts import Account
from .services import placement
from .services.provisioning import Provisioning
from .services.quota import Usage, usage


class PuqNextcloud(Provisioning):
    """Accounts on your own Nextcloud servers."""

    ProductForm = ProductForm
    ServiceForm = ServiceForm

    # What the customer sees

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """One tab."""
        return {"general": {"name": "General", "template": "client_area.general"}}

    def variables_general(self) -> dict[str, Any]:
        """The account without its password, and without its use unless the page was asked for
        it.
        """
        account = placement.find(self._uuid)
        asked = bool(current_request.args.get("usage"))
        return {
            "address": account.server.url if account else "",
            "username": account.username if account else "",
            "api": f"/client/services/{self.service_uuid}/general/api",
            "usage": self._usage(account) if asked and account else None,
            "asked": asked,
        }

    def controller_client_general_quota(self, request: Request) -> Any:
        """How much is used: JSON, or a piece of the page where that is asked for."""
        account = placement.find(self._uuid)
        if account is None:
            abort(404)
        found = self._usage(account)
        if request.headers.get("HX-Request"):
            return self.view("client_area.quota", {"usage": found})
        if found is None:
            return {
                "status": "error",
                "message": "The cloud does not tell just now. Try again in a minute.",
                "code": 503,
            }, 503
        return {"status": "success", "data": found.as_dict()}

    def controller_client_general_password(self, request: Request) -> Any:
        """The password, for who asks for it by POST; kept by no cache, and in no page before."""
        if request.method != "POST":
            abort(405)
        password = self.service_data["password"]
        self.log_info("password shown to the customer")
        if request.headers.get("HX-Request"):
            answer = Response(self.view("client_area.password", {"password": password}))
        elif request.accept_mimetypes.accept_html:  # a browser without script
            answer = Response(password, mimetype="text/plain")
        else:
            answer = jsonify({"status": "success", "data": {"password": password}})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _usage(self, account: Account) -> Usage | None:
        seen = self.cloud(account.server).user(account.username)
        return usage(seen.data) if seen.ok else None

    # What staff see

    def get_service_page(self) -> str:
        """The fields of a service; once there is an account, with its name and its server in
        them, unless something else was refused.
        """
        if not self.errors and (account := placement.find(self._uuid)) is not None:
            self.service_data |= {"username": account.username, "server": account.server_id}
        return super().get_service_page()

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Who may look at servers, and who may change them."""
        return [
            {
                "name": "View servers",
                "key": "view-servers",
                "description": "See server groups, servers and how full they are",
            },
            {
                "name": "Manage servers",
                "key": "manage-servers",
                "description": "Add, change, test and delete servers and groups",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """One entry; server groups are reached from the servers."""
        active = [route["name"] for route in self.admin_web_routes()]
        return [
            {
                "title": "Servers",
                "link": "servers",
                "active_links": active,
                "permission": "view-servers",
                "icon": "fas fa-server",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """The two lists, and for each noun a form pair to add, to edit and to delete."""
        routes = [
            _route("get", "servers", "servers", "ServersController@index", "view-servers"),
            _route("post", "servers/{id}/test", "servers.test", "ServersController@test"),
            _route(
                "get", "server-groups", "groups", "ServerGroupsController@index", "view-servers"
            ),
        ]
        for noun, uri, controller in (
            ("servers", "servers", "ServersController"),
            ("groups", "server-groups", "ServerGroupsController"),
        ):
            for page, address in (
                ("add", f"{uri}/add"),
                ("edit", f"{uri}/{{id}}"),
                ("remove", f"{uri}/{{id}}/delete"),
            ):
                routes.append(_route("get", address, f"{noun}.{page}", f"{controller}@{page}_form"))
                routes.append(
                    _route("post", address, f"{noun}.{page}.submit", f"{controller}@{page}_submit")
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
