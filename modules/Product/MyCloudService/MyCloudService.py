"""A product module from end to end: what is sold, how it is made at the provider, and what the
customer sees.

Read it from top to bottom. Everything a module may use comes from `puqpanel.sdk`; everything it
does not write has a default there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Response, flash, redirect, send_file
from flask import request as page

from puqpanel.sdk import (
    Product,
    Request,
    Result,
    Service,
    abort,
    db,
    forms,
    generate_strong_password,
)
from puqpanel.sdk.http import Answer

from .forms import LOCKED, AccountForm, ProductForm, ServerForm, ServiceForm
from .models.cloud import CloudServer, CloudServerGroup
from .services import files
from .services.cloud_api import CloudAPIClient

GB = 1_000_000_000


class MyCloudService(Product):
    """Web space in the demo cloud."""

    # The forms of staff: the panel draws them on the product's and the service's page, and checks
    # what is entered.
    ProductForm = ProductForm
    ServiceForm = ServiceForm
    # These may run again after a lost worker, because each asks the provider before it changes
    # something.
    repeatable = (
        "create_job",
        "suspend_job",
        "unsuspend_job",
        "termination_job",
        "change_package_job",
    )
    job_options: ClassVar = {"create_job": {"tries": 3, "backoff": 30}}

    # 1. What happens at the provider. Each of these runs in a worker and answers how it went.

    def create_job(self) -> Result:
        """Make the account, or find it if an earlier attempt made it and its answer was lost."""
        try:
            server = self._server() or self._choose()
        except LookupError as error:
            return Result.error(str(error), retry=False)
        self.service_data |= self._made_up() | {"server_uuid": server.uuid}
        # Kept before the provider hears of it: whatever happens next, these are the name and the
        # password.
        Service.find(self.service_uuid).set_provision_data(self.service_data)
        cloud, data = CloudAPIClient(server), self.service_data
        made = cloud.account(data["username"])
        if made.http_code == 404:
            wanted = {key: data[key] for key in ("username", "password", "domain")}
            plan = {
                "plan": self.product_data["plan_type"],
                "location": self.product_data["server_location"],
            }
            made = cloud.create(wanted | plan | self._sizes())
            if made.http_code in (400, 401, 403, 422):
                self._forget()  # refused for certain: what was refused can be changed
        if not made.ok:
            return self._failed(made)
        if made.data["domain"] != data["domain"].lower():
            self._forget()
            return Result.error(
                f"The user name {data['username']} belongs to another account. Choose another one.",
                retry=False,
            )
        self.service_data["ip_address"] = made.data["ip_address"]
        return Result.success()

    def suspend_job(self) -> Result:
        """Close the account; nothing is lost."""
        return self._change("suspend")

    def unsuspend_job(self) -> Result:
        """Open it again."""
        return self._change("unsuspend")

    def change_package_job(self) -> Result:
        """Give it what its product says now."""
        return self._change("plan", {"plan": self.product_data["plan_type"]} | self._sizes())

    def termination_job(self) -> Result:
        """Remove it; who is gone already needs no removing."""
        server = self._server()
        gone = CloudAPIClient(server).delete(self.service_data["username"]) if server else None
        return (
            Result.success()
            if gone is None or gone.ok or gone.http_code == 404
            else self._failed(gone)
        )

    def observe(self) -> Result | dict[str, Any]:
        """What the provider has now. The panel asks after a crash."""
        server = self._server()
        seen = CloudAPIClient(server).account(self.service_data["username"]) if server else None
        if seen is None or seen.http_code == 404:
            return {"exists": False, "suspended": False, "data": {}}
        if not seen.ok:
            return self._failed(seen)
        return {
            "exists": True,
            "suspended": seen.data["state"] == "suspended",
            "data": {"ip_address": seen.data["ip_address"]},
        }

    def _change(self, what: str, data: Mapping[str, Any] | None = None) -> Result:
        server = self._server()
        if server is None:
            return Result.error("This service has no account yet. Create it first.", retry=False)
        answer = CloudAPIClient(server).put(self.service_data["username"], what, data)
        if answer.http_code == 404:
            Service.find(self.service_uuid).set_provision_status("not_found")
        return Result.success() if answer.ok else self._failed(answer)

    def _forget(self) -> None:
        """There is no account of this service's after all."""
        Service.find(self.service_uuid).set_provision_data({})
        self.service_data.pop("server_uuid")

    def _failed(self, answer: Answer) -> Result:
        """Why it did not work, as a sentence, and whether trying again makes sense."""
        if answer.http_code in (401, 403):
            return Result.error(
                "The cloud refused the panel's key. Check it on the Servers page.", retry=False
            )
        said = answer.data if isinstance(answer.data, dict) else {}
        wrong = "; ".join(f"{name} {text}" for name, text in said.get("fields", {}).items())
        later = answer.lost or answer.http_code in (0, 429) or answer.http_code >= 500
        if said.get("error"):
            return Result.error(f"The cloud says: {said['error']} {wrong}".rstrip(), retry=later)
        error = answer.error.replace("he other side", "he cloud").replace("he server", "he cloud")
        return Result.error(error, retry=later)

    def _made_up(self) -> dict[str, str]:
        """A name and a password where staff gave none; an earlier attempt's are in
        `service_data` already, and stay.
        """
        made = {
            "username": f"mc{secrets.randbelow(900_000) + 100_000}",
            "password": generate_strong_password(16),
        }
        return {key: value for key, value in made.items() if not self.service_data[key]}

    def _sizes(self) -> dict[str, Any]:
        return {key: self.product_data[key] for key in ("disk_space", "bandwidth")}

    def get_service_page(self) -> str:
        """The fields; what was agreed with the cloud cannot be edited once there is an account."""
        stored = self
        if self.errors:  # what is shown now is what was refused
            stored = type(self)()
            stored.set_service_uuid(self.service_uuid or "")
        return forms.render(
            self, AccountForm if stored._server() else ServiceForm, self.service_data, self.errors
        )

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What staff entered.

        Once there is an account, it keeps what was agreed with the cloud; a new password is set
        there first.
        """
        sent, old, server = dict(data or {}), self.service_data, self._server()
        if server is not None:
            sent |= {name: old[name] for name in LOCKED if not sent.get(name)}
        answer = super().save_service_data(sent)
        if answer["status"] == "error" or server is None:
            return answer
        new = answer["data"]
        problem = {name: [sentence] for name, sentence in LOCKED.items() if new[name] != old[name]}
        if not problem and new["password"] != old["password"]:
            told = CloudAPIClient(server).put(
                old["username"], "password", {"password": new["password"]}
            )
            unsure = (
                " It may have the new password already: save it once more." if told.lost else ""
            )
            problem = {} if told.ok else {"password": [self._failed(told).message + unsure]}
        return (
            {"status": "error", "message": "This was not saved.", "errors": problem, "code": 422}
            if problem
            else answer
        )

    # 2. Servers: where accounts are made.

    def _server(self) -> CloudServer | None:
        """The server that has this service's account."""
        server: CloudServer | None = db.session.get(
            CloudServer, self.service_data.get("server_uuid") or ""
        )
        return server

    def _choose(self) -> CloudServer:
        """An active server with room, one in the group named like the product's location first.

        Raises LookupError.
        """
        elsewhere = CloudServerGroup.name != self.product_data["server_location"]
        wanted = (
            sa.select(CloudServer)
            .join(CloudServer.group)
            .where(CloudServer.active)
            .order_by(elsewhere, CloudServer.name)
        )
        for server in db.session.scalars(wanted):
            if (
                not server.max_accounts
                or len((CloudAPIClient(server).accounts().data or {}).get("accounts", []))
                < server.max_accounts
            ):
                return server  # type: ignore[no-any-return]
        raise LookupError("No active server has room. Add one on the Servers page.")

    def save_server(
        self, data: Mapping[str, Any], server: CloudServer | None = None
    ) -> dict[str, Any]:
        """Keep a server; without one given, that of the same name is changed or a new one made."""
        server = (
            server
            or db.session.scalar(sa.select(CloudServer).where(CloudServer.name == data.get("name")))
            or CloudServer()
        )
        answer = forms.save(
            ServerForm,
            {"group_name": "Default", **data},
            {"api_key": server.api_key, "password": server.password},
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
        """What a role can be allowed."""
        return [
            {"name": "View Servers", "key": "view-servers", "description": "View cloud servers"},
            {
                "name": "Manage Servers",
                "key": "manage-servers",
                "description": "Create and manage cloud servers",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """One entry; `link` is the name of a route."""
        pages = [route["name"] for route in self.admin_web_routes()]
        return [
            {
                "title": "Servers",
                "link": "servers",
                "active_links": pages,
                "permission": "view-servers",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """The list, and a form pair to add and to change a server."""
        at = "MyCloudServiceController@"
        return [
            {
                "method": "get",
                "uri": "servers",
                "permission": "view-servers",
                "name": "servers",
                "controller": at + "servers",
            },
            {
                "method": "get",
                "uri": "servers/add",
                "permission": "manage-servers",
                "name": "servers.add",
                "controller": at + "add_form",
            },
            {
                "method": "post",
                "uri": "servers/add",
                "permission": "manage-servers",
                "name": "servers.add.submit",
                "controller": at + "add_submit",
            },
            {
                "method": "get",
                "uri": "servers/{uuid}",
                "permission": "manage-servers",
                "name": "servers.edit",
                "controller": at + "edit_form",
            },
            {
                "method": "post",
                "uri": "servers/{uuid}",
                "permission": "manage-servers",
                "name": "servers.edit.submit",
                "controller": at + "edit_submit",
            },
        ]

    # 4. The client area: a tab is a template, its variables, and controllers for what its page asks
    # for later.

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """The tabs of a service."""
        return {
            "general": {"name": "General", "template": "client_area.general"},
            "files": {"name": "File Manager", "template": "client_area.files"},
            "statistics": {"name": "Statistics", "template": "client_area.statistics"},
        }

    def variables_general(self) -> dict[str, Any]:
        """The account without its password."""
        return {key: self.service_data[key] for key in ("domain", "username", "ip_address")} | {
            "api": self._api("general"),
            "plan": self.product_data,
        }

    def controller_client_general_password(self, request: Request) -> Any:
        """The password, for who asks for it by POST: in no page before, and kept by no cache."""
        if request.method != "POST":
            abort(405)
        password = self.service_data["password"]
        piece = (
            self.view("client_area.password", {"password": password})
            if request.headers.get("HX-Request")
            else password
        )
        return Response(
            piece,
            mimetype="text/html" if request.headers.get("HX-Request") else "text/plain",
            headers={"Cache-Control": "no-store"},
        )

    def variables_files(self) -> dict[str, Any]:
        """One folder: what is in it, and the way up.

        A cloud that did not answer is not asked a second time.
        """
        path = self._path(page.args.get("path", ""))
        found = self._cloud().files(self.service_data["username"], files.inside(path))
        if found.http_code in (404, 422) or (found.ok and found.data is None):
            abort(404, "There is no such folder.")
        above = [(part.name, str(part)) for part in reversed([path, *path.parents]) if part.name]
        entries = found.data["entries"] if found.ok else None
        for entry in entries or []:
            entry["changed_at"] = datetime.fromisoformat(entry["changed_at"])
        usage = self._usage() if found.ok else None
        return {
            "entries": entries,
            "path": files.inside(path),
            "above": above,
            "api": self._api("files"),
            "usage": usage,
            "largest": files.LARGEST_TEXT,
        }

    def controller_client_files_get(self, request: Request) -> Any:
        """One file, to keep: it is never shown as a page of the panel's."""
        path = self._path(request.args.get("path", ""))
        found = self._cloud().files(self.service_data["username"], files.inside(path))
        if not found.ok and found.http_code not in (404, 422):
            abort(503, "The cloud does not answer just now. Try again in a minute.")
        if not found.ok or found.data is not None:
            abort(404, "There is no such file.")
        return send_file(
            BytesIO(found.content),
            "application/octet-stream",
            as_attachment=True,
            download_name=files.download_name(path.name),
        )

    def controller_client_files_upload(self, request: Request) -> Any:
        """Write what was chosen into the folder that is open; over another file only where that
        was ticked.
        """
        file = request.files.get("file")
        name = (
            files.sent_name(file.filename or "", file.headers.get("Content-Disposition", ""))
            if file
            else ""
        )
        problem = files.wrong_name(name) or (
            f"{name} is too large: {files.LARGEST_TEXT} at most."
            if file and _size(file.stream) > files.LARGEST
            else ""
        )

        def write(cloud: CloudAPIClient, user: str, at: PurePosixPath) -> Answer | str:
            there = cloud.files(user, files.inside(at))
            if not there.ok or there.data is None:
                return there
            kind = next(
                (entry["type"] for entry in there.data["entries"] if entry["name"] == name), None
            )
            if kind and (kind == "folder" or not request.form.get("replace")):
                return (
                    f"{name} is a folder."
                    if kind == "folder"
                    else (
                        f"{name} is there already. To overwrite it, upload it again with “Replace”"
                        " ticked."
                    )
                )
            return cloud.write(user, files.inside(at, name), file.read() if file else b"")

        return self._did(request, write, f"{name} is uploaded.", problem)

    def controller_client_files_folder(self, request: Request) -> Any:
        """Make a folder in the one that is open."""
        name = request.form.get("name", "").strip(" ")
        return self._did(
            request,
            lambda cloud, user, at: cloud.make_folder(user, files.inside(at, name)),
            f"The folder {name} is made.",
            files.wrong_name(name),
        )

    def controller_client_files_remove(self, request: Request) -> Any:
        """Remove a file or an empty folder."""
        name = request.form.get("name", "")
        problem = "Choose a name first." if not name or "/" in name or name in (".", "..") else ""
        return self._did(
            request,
            lambda cloud, user, at: cloud.remove(user, files.inside(at, name)),
            f"{name} is deleted.",
            problem,
        )

    def variables_statistics(self) -> dict[str, Any]:
        """Disk, and bandwidth by the day."""
        usage = self._usage()
        days = (
            [(_day(day["day"]), round(day["bytes"] / GB, 2)) for day in usage["bandwidth"]]
            if usage
            else []
        )
        return {
            "usage": usage,
            "days": days,
            "sum": round(sum(amount for _, amount in days), 1),
            "gb": GB,
        }

    def _did(
        self,
        request: Request,
        work: Callable[[CloudAPIClient, str, PurePosixPath], Answer | str],
        done: str,
        problem: str,
    ) -> Any:
        """Change something in the open folder unless there is a problem, say how it went, and
        show the folder again.
        """
        if request.method != "POST":
            abort(405)
        at = self._path(request.form.get("path", ""))
        answer: Answer | str = problem or work(self._cloud(), self.service_data["username"], at)
        if isinstance(answer, str):
            flash(answer, "bad")
        elif answer.ok and answer.data is not None:
            flash(done, "good")
        else:
            said = answer.data.get("error") if isinstance(answer.data, dict) else None
            flash(
                said
                or (
                    "There is no such folder."
                    if answer.ok
                    else "The cloud does not answer just now."
                ),
                "bad",
            )
        return redirect(
            f"/client/services/{self.service_uuid}/files?{urlencode({'path': files.inside(at)})}"
        )

    def _path(self, text: str) -> PurePosixPath:
        try:
            return files.folder(text)
        except LookupError as error:
            abort(404, str(error))

    def _cloud(self) -> CloudAPIClient:
        return CloudAPIClient(self._server() or abort(404))

    def _usage(self) -> dict[str, Any] | None:
        found = self._cloud().usage(self.service_data["username"])
        return found.data if found.ok else None

    def _api(self, tab: str) -> str:
        return f"/client/services/{self.service_uuid}/{tab}/api"


def _size(stream: IO[bytes]) -> int:
    """How much was sent; the stream is at its beginning afterwards."""
    size = stream.seek(0, 2)
    stream.seek(0)
    return size


def _day(text: str) -> str:
    """`2026-11-21` as the panel writes days: `21 Nov 2026`."""
    day = date.fromisoformat(text)
    return f"{day.day} {day:%b %Y}"
