"""A complete product module: what is sold, how it is provisioned, and the customer's pages.

Read it from top to bottom. Everything a module may use comes from `puqpanel.sdk`; everything it
does not define has a default there. The file manager is in tabs/file_manager.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import Response

from puqpanel.sdk import (
    Request,
    Result,
    Service,
    __,
    abort,
    db,
    format_date,
    forms,
    generate_strong_password,
    refuse_impersonation,
)
from puqpanel.sdk.http import Answer

from .forms import FIXED_FIELDS, AccountForm, ProductForm, ServerForm, ServiceForm
from .models.cloud import CloudServer, CloudServerGroup
from .services.cloud_api import CloudAPIClient
from .tabs.file_manager import FileManager

GB = 1_000_000_000
PASSWORD_LENGTH = 16


class MyCloudService(FileManager):
    """Web space in the demo cloud."""

    # The forms of staff: the panel renders them on the product's and the service's page, and
    # validates what is entered.
    ProductForm = ProductForm
    ServiceForm = ServiceForm
    # These may run again after a worker was lost, because each reads the account before it
    # changes something.
    repeatable = (
        "create_job",
        "suspend_job",
        "unsuspend_job",
        "termination_job",
        "change_package_job",
    )
    job_options: ClassVar = {job: {"tries": 3, "backoff": 30} for job in repeatable}

    # 1. Provisioning. Each job runs in a worker and returns its result.

    def create_job(self) -> Result:
        """Create the account, or find it if an earlier attempt's response was lost."""
        try:
            server = self._server() or self._choose_server()
        except LookupError as error:
            return Result.error(str(error), retry=False)
        self.service_data |= self._generated_credentials() | {"server_uuid": server.uuid}
        # Save the name and password before they are sent, so that a crash cannot lose them.
        Service.find(self.service_uuid).set_provision_data(self.service_data)
        client, data = CloudAPIClient(server), self.service_data
        response = client.account(data["username"])
        if response.http_code == 404:
            account = {key: data[key] for key in ("username", "password", "domain")}
            account["location"] = self.product_data["server_location"]
            response = client.create(account | self._plan())
            if response.http_code in (400, 401, 403, 422):
                self._clear_account()  # certainly not created, so staff may change the fields
        if not response.ok:
            return self._failed(response)
        if response.data["domain"] != data["domain"].lower():
            self._clear_account()
            return Result.error(
                __(
                    "The user name :name belongs to another account. Choose another one.",
                    {"name": data["username"]},
                ),
                retry=False,
            )
        self.service_data |= {"ip_address": response.data["ip_address"], "sold": self._plan()}
        return Result.success()

    def suspend_job(self) -> Result:
        """Suspend the account; the files remain."""
        return self._update("suspend")

    def unsuspend_job(self) -> Result:
        """Unsuspend the account."""
        return self._update("unsuspend")

    def change_package_job(self) -> Result:
        """Apply the plan and the limits of the new product."""
        result = self._update("plan", self._plan())
        if result.ok:
            self.service_data["sold"] = self._plan()
        return result

    def termination_job(self) -> Result:
        """Delete the account; succeed if it no longer exists."""
        server = self._server()
        if server is None:
            return Result.success()
        response = CloudAPIClient(server).delete(self.service_data["username"])
        if response.ok or response.http_code == 404:
            return Result.success()
        return self._failed(response)

    def observe(self) -> Result | dict[str, Any]:
        """Return the account's state at the provider; the panel compares it with its own."""
        absent = {"exists": False, "suspended": False, "data": {}}
        server = self._server()
        if server is None:
            return absent
        response = CloudAPIClient(server).account(self.service_data["username"])
        if response.http_code == 404:
            return absent
        if not response.ok:
            return self._failed(response)
        if response.data["domain"] != self.service_data["domain"].lower():
            return absent  # the user name belongs to another account
        return {
            "exists": True,
            "suspended": response.data["state"] == "suspended",
            "data": {"ip_address": response.data["ip_address"]},
        }

    def _update(self, action: str, data: Mapping[str, Any] | None = None) -> Result:
        server = self._server()
        if server is None:
            return Result.error(
                __("This service has no account yet. Create it first."), retry=False
            )
        response = CloudAPIClient(server).put(self.service_data["username"], action, data)
        if response.http_code == 404:
            Service.find(self.service_uuid).set_provision_status("not_found")
        return Result.success() if response.ok else self._failed(response)

    def _clear_account(self) -> None:
        """Forget the account data of a create that certainly failed."""
        Service.find(self.service_uuid).set_provision_data({})
        self.service_data.pop("server_uuid")

    def _failed(self, response: Answer) -> Result:
        """Return a failed result with a sentence for staff; retry what may succeed later."""
        if response.http_code in (401, 403):
            return Result.error(
                __("The provider rejected the panel's API key. Check it on the Servers page."),
                retry=False,
            )
        body = response.data if isinstance(response.data, dict) else {}
        fields = "; ".join(f"{name} {text}" for name, text in body.get("fields", {}).items())
        retry = response.lost or response.http_code in (0, 429) or response.http_code >= 500
        if body.get("error"):
            reason = f"{body['error']} {fields}".rstrip()
            message = __("The provider reported: :reason", {"reason": reason})
            return Result.error(message, retry=retry)
        return Result.error(response.error, retry=retry)

    def _generated_credentials(self) -> dict[str, str]:
        """Return a user name and a password for those that neither staff nor a job has set."""
        credentials = {
            "username": f"mc{secrets.randbelow(900_000) + 100_000}",
            "password": generate_strong_password(PASSWORD_LENGTH),
        }
        return {key: value for key, value in credentials.items() if not self.service_data[key]}

    def _plan(self) -> dict[str, Any]:
        product = self.product_data
        return {
            "plan": product["plan_type"],
            "disk_space": product["disk_space"],
            "bandwidth": product["bandwidth"],
        }

    def get_service_page(self) -> str:
        """Return the service's fields; most are read-only once the account exists."""
        saved = self
        if self.errors:  # service_data holds the rejected input, so read what is saved
            saved = type(self)()
            saved.set_service_uuid(self.service_uuid or "")
        form = AccountForm if saved._server() else ServiceForm
        return forms.render(self, form, self.service_data, self.errors)

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Validate what staff entered.

        Only the password of an existing account can change; the provider receives it first.
        """
        entered, current, server = dict(data or {}), self.service_data, self._server()
        if server is not None:
            entered |= {name: current[name] for name in FIXED_FIELDS if not entered.get(name)}
        answer = super().save_service_data(entered)
        if answer["status"] == "error" or server is None:
            return answer
        new = answer["data"]
        errors = {
            name: [__(message)]
            for name, message in FIXED_FIELDS.items()
            if current[name] and new[name] != current[name]
        }
        if not errors and new["password"] != current["password"]:
            errors = self._change_password(server, new["password"])
        if errors:
            return {
                "status": "error",
                "message": __("The service was not saved."),
                "errors": errors,
                "code": 422,
            }
        return answer

    def _change_password(self, server: CloudServer, password: str) -> dict[str, list[str]]:
        """Change the password at the provider; return form errors."""
        username = self.service_data["username"]
        response = CloudAPIClient(server).put(username, "password", {"password": password})
        if response.ok:
            return {}
        message = self._failed(response).message
        if response.lost:
            message += " " + __("The new password may be active already. Save it again to be sure.")
        return {"password": [message]}

    # 2. Servers that host the accounts.

    def _choose_server(self) -> CloudServer:
        """Return an active server with capacity, preferably in the group of the product's location.

        Raises:
            LookupError: There is none.
        """
        other_location = CloudServerGroup.name != self.product_data["server_location"]
        query = (
            sa.select(CloudServer)
            .join(CloudServer.group)
            .where(CloudServer.active)
            .order_by(other_location, CloudServer.name)
        )
        for server in db.session.scalars(query):
            if not server.max_accounts:
                return server  # type: ignore[no-any-return]
            accounts = (CloudAPIClient(server).accounts().data or {}).get("accounts", [])
            if len(accounts) < server.max_accounts:
                return server  # type: ignore[no-any-return]
        raise LookupError(__("No active server has capacity. Add one on the Servers page."))

    def save_server(
        self, data: Mapping[str, Any], server: CloudServer | None = None
    ) -> dict[str, Any]:
        """Validate and save a server: the given one, the one with the same name, or a new one."""
        if server is None:
            same_name = sa.select(CloudServer).where(CloudServer.name == data.get("name"))
            server = db.session.scalar(same_name) or CloudServer()
        answer = forms.save(
            ServerForm,
            {"group_name": "Default", **data},
            server,
        )
        if answer["status"] == "success":
            with db.transaction() as session:
                values = answer["data"] | {"max_accounts": answer["data"]["max_accounts"] or 0}
                group_name = values.pop("group_name")
                group = session.scalar(
                    sa.select(CloudServerGroup).where(CloudServerGroup.name == group_name)
                )
                server.group = group or CloudServerGroup(name=group_name)
                for name, value in values.items():
                    setattr(server, name, value)
                session.add(server)
        return answer

    # 3. The admin area.

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions that staff roles can grant."""
        return [
            {
                "name": "View servers",
                "key": "view-servers",
                "description": "View the servers of this module",
            },
            {
                "name": "Manage servers",
                "key": "manage-servers",
                "description": "Add and edit the servers of this module",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry; `link` is the name of a route."""
        return [
            {
                "title": "Servers",
                "link": "servers",
                "active_links": [route["name"] for route in self.admin_web_routes()],
                "permission": "view-servers",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the list, and the GET and POST routes to add and edit a server."""
        controller = "MyCloudServiceController@"
        return [
            {
                "method": "get",
                "uri": "servers",
                "permission": "view-servers",
                "name": "servers",
                "controller": controller + "servers",
            },
            {
                "method": "get",
                "uri": "servers/add",
                "permission": "manage-servers",
                "name": "servers.add",
                "controller": controller + "add_form",
            },
            {
                "method": "post",
                "uri": "servers/add",
                "permission": "manage-servers",
                "name": "servers.add.submit",
                "controller": controller + "add_submit",
            },
            {
                "method": "get",
                "uri": "servers/{uuid}",
                "permission": "manage-servers",
                "name": "servers.edit",
                "controller": controller + "edit_form",
            },
            {
                "method": "post",
                "uri": "servers/{uuid}",
                "permission": "manage-servers",
                "name": "servers.edit.submit",
                "controller": controller + "edit_submit",
            },
        ]

    # 4. The client area: each tab is a template, its variables, and controllers for later requests
    # of its page.

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """Return the tabs of a service."""
        return {
            "general": {"name": "General", "template": "client_area.general"},
            "files": {"name": "File manager", "template": "client_area.files"},
            "statistics": {"name": "Statistics", "template": "client_area.statistics"},
        }

    def variables_general(self) -> dict[str, Any]:
        """Return the account without its password."""
        return {
            "domain": self.service_data["domain"],
            "username": self.service_data["username"],
            "ip_address": self.service_data["ip_address"],
            # what the account has: the product may have changed since
            "plan": self.service_data.get("sold") or self.product_data,
            "api": self._api("general"),
        }

    def controller_client_general_password(self, request: Request) -> Any:
        """Return the password for a POST only, in a response that is never cached."""
        if request.method != "POST":
            abort(405)
        refuse_impersonation()
        body, mimetype = self.service_data["password"], "text/plain"
        if request.headers.get("HX-Request"):
            body, mimetype = self.view("client_area.password", {"password": body}), "text/html"
        return Response(body, mimetype=mimetype, headers={"Cache-Control": "no-store"})

    def variables_statistics(self) -> dict[str, Any]:
        """Return disk usage and the bandwidth of each day."""
        usage = self._usage()
        if usage is None:
            return {"usage": None}
        days = [
            (_format_day(day["day"]), round(day["bytes"] / GB, 2)) for day in usage["bandwidth"]
        ]
        return {
            "usage": usage,
            "days": days,
            "ticks": [days[0][0], days[15][0], days[-1][0]],
            "total_gb": round(sum(amount for _, amount in days), 1),
            "limit_gb": usage["bandwidth_limit_bytes"] // GB,
        }


def _format_day(text: str) -> str:
    """Return `2026-11-21` as the viewer writes days: `21 Nov 2026`."""
    return format_date(date.fromisoformat(text))
