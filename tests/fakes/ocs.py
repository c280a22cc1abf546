"""Fake of Nextcloud's OCS user provisioning API, version 1, in its real wire format.

Based on the public API description, against which each request that it accepts and each of its
responses is validated (`ocs_schema`), and on known responses: version 1 returns HTTP 200 for nearly
everything and the result in `meta.statuscode` (100 is success). Responses are XML unless JSON is
requested. A request without the `OCS-APIRequest` header returns 412, wrong credentials return HTTP
401 with 997, missing rights HTTP 401 with 403, and a missing user returns 404 when read, 998 when
edited or deleted and 101 when enabled or disabled. In maintenance mode everything returns HTTP 503
with a header of its own. User names are found in any case.

Other servers differ in details, which `Dialect` describes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from tests.fakes import ocs_schema as description
from tests.fakes.faults import FaultyServer, Reply, Seen

UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
DISK = 2 * 1024**4
MAINTENANCE_PAGE = (
    b"<!DOCTYPE html><html><body><h2>Maintenance mode</h2><p>This Nextcloud instance is currently"
    b" in maintenance mode, which may take a while.</p></body></html>"
)
# what a user may have told of oneself
PROFILE = (
    *("address", "biography", "fediverse", "headline", "locale", "manager", "organisation"),
    *("phone", "role", "twitter", "website"),
)
UNKNOWN_ROUTE = (
    "Invalid query, please check the syntax. API specifications are here:"
    " http://www.freedesktop.org/wiki/Specifications"
)


@dataclass
class Dialect:
    """Differences between servers."""

    json: bool = True  # supports JSON; old servers always return XML
    missing: int = 404  # code for reading a missing user (ownCloud: 998)
    # "map"; "text": numbers as text; "bare": only the limit as it was set; "none": an empty list
    quota: str = "map"
    enabled: bool = True  # whether a user's data includes `enabled`
    root: str = ""  # path of the installation
    min_password: int = 10
    display_name: bool = True


@dataclass
class Account:
    """A user."""

    password: str
    groups: list[str] = field(default_factory=list)
    quota: str = "default"
    enabled: bool = True
    display_name: str = ""
    used: int = 0
    signed_in: bool = False


class OcsFault(Exception):
    """An API error with a status code and a message."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class OcsServer(FaultyServer):
    """The fake server; tests can read and change its state.

    Attributes:
        users: The users by name.
        groups: The names of the groups.
        maintenance: "ocs" for the response of the API in maintenance mode, "page" for a page.
        broken: Requests of these methods end in an exception of the server, which has no effect.
    """

    def __init__(self, port: int = 0, dialect: Dialect | None = None) -> None:
        """Create an administrator and two groups; `FaultyServer` describes how to start the server."""
        super().__init__(port)
        self.dialect = dialect or Dialect()
        self.admin, self.password = "panel-admin", "app-Password-7f3a91"
        self.users = {self.admin: Account(self.password, ["admin"])}
        self.groups = {"admin", "customers"}
        self.version = "31.0.9"
        self.maintenance = ""
        self.broken: set[str] = set()
        self.violations: list[str] = []

    @property
    def customers(self) -> dict[str, Account]:
        """All users except the administrator."""
        return {name: one for name, one in self.users.items() if name != self.admin}

    def work(self, request: Seen) -> Reply:
        """Authenticate and handle a request."""
        if self.maintenance == "page":
            headers = {"Content-Type": "text/html; charset=UTF-8", "Retry-After": "120"}
            return Reply(503, MAINTENANCE_PAGE, {"X-Nextcloud-Maintenance-Mode": "1", **headers})
        if request.headers.get("ocs-apirequest", "").lower() not in ("true", "1"):
            return Reply.of({"message": "CSRF check failed"}, 412)
        who = self._signed_in(request.headers.get("authorization", ""))
        start = f"{self.dialect.root}/ocs/v1.php/"
        wants_json = ("format", "json") in request.query or "json" in request.headers.get(
            "accept", ""
        )
        try:
            if not request.path.startswith(start):
                return Reply(
                    404,
                    b"<!DOCTYPE html><html><body>File not found</body></html>",
                    {"Content-Type": "text/html"},
                )
            if self.maintenance:
                raise OcsFault(503, "Service unavailable")
            if request.method in self.broken:
                raise OcsFault(996, "Internal Server Error\n")
            if not who:
                raise OcsFault(997, "Current user is not logged in")
            code, message, data = (
                100,
                "OK",
                self._route(who, request, "/" + request.path.removeprefix(start)),
            )
            self._check(request, request.path.removeprefix(start[:-1]), data)
        except OcsFault as fault:
            code, message, data = fault.code, str(fault), []
        return self._reply(code, message, data, as_json=wants_json and self.dialect.json)

    def _check(self, request: Seen, path: str, data: Any) -> None:
        """Note how a request or its response deviates from the API's description."""
        if self.dialect.quota != "map":
            return
        sent = {name for name, _ in [*request.query, *request.form]}
        whole = {"ocs": {"meta": self._meta(100, "OK"), "data": data}}
        problems = description.problems(request.method, path, sent, whole)
        self.violations += [f"{request.method} {path}: {problem}" for problem in problems]

    def stop(self) -> None:
        """Stop, and fail if a request or a response did not conform to the API's description."""
        super().stop()
        assert not self.violations, self.violations

    def _signed_in(self, header: str) -> str:
        """Return the authenticated user name, or an empty string."""
        try:
            name, _, password = (
                base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            )
        except ValueError:
            return ""
        account = self.users.get(name)
        return name if account and account.enabled and account.password == password else ""

    def _route(self, who: str, request: Seen, path: str) -> Any:
        """Call the handler for a method and path."""
        for method, pattern, handler, open_to_all in self._routes():
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                if not open_to_all and "admin" not in self.users[who].groups:
                    raise OcsFault(
                        403,
                        "Logged in account must be an administrator or have authorization to edit"
                        " this setting.",
                    )
                return handler(request, *match.groups())
        raise OcsFault(998, UNKNOWN_ROUTE)

    def _routes(self) -> list[tuple[str, str, Callable[..., Any], bool]]:
        user = r"/cloud/users/([^/]+)"
        return [
            ("GET", "/cloud/capabilities", self._capabilities, True),
            ("GET", "/cloud/users", self._search, False),
            ("POST", "/cloud/users", self._add, False),
            ("GET", user, self._read, False),
            ("PUT", user, self._edit, False),
            ("DELETE", user, self._delete, False),
            ("PUT", user + "/enable", lambda _request, name: self._switch(name, True), False),
            ("PUT", user + "/disable", lambda _request, name: self._switch(name, False), False),
            (
                "GET",
                user + "/groups",
                lambda _request, name: {"groups": self._user(name, 998).groups},
                False,
            ),
            ("POST", user + "/groups", self._join, False),
            ("DELETE", user + "/groups", self._leave, False),
            ("GET", "/cloud/groups", lambda _request: {"groups": sorted(self.groups)}, False),
        ]

    def _user(self, name: str, code: int) -> Account:
        """Return an account, or raise the code for a missing one."""
        found = next((key for key in self.users if key.lower() == name.lower()), None)
        if found is None:
            raise OcsFault(code, "User does not exist" if code == 404 else "")
        return self.users[found]

    def _capabilities(self, request: Seen) -> Any:
        major, minor, micro = self.version.split(".")
        version = {
            "major": int(major),
            "minor": int(minor),
            "micro": int(micro),
            "string": self.version,
            "edition": "",
            "extendedSupport": False,
        }
        return {
            "version": version,
            "capabilities": {"core": {"pollinterval": 60, "webdav-root": "remote.php/webdav"}},
        }

    def _search(self, request: Seen) -> Any:
        found = sorted(name for name in self.users if request.field("search") in name)
        return {"users": found[: int(request.field("limit") or len(found))]}

    def _add(self, request: Seen) -> Any:
        name, password, groups = (
            request.field("userid"),
            request.field("password"),
            request.fields("groups[]"),
        )
        if name.lower() in map(str.lower, self.users):
            raise OcsFault(102, "User already exists")
        for group in groups:
            if group not in self.groups:
                raise OcsFault(104, f"Group {group} does not exist")
        if not password:
            raise OcsFault(108, "To send a password link to the user an email address is required.")
        if (
            not re.fullmatch(r"[a-zA-Z0-9 _.@'-]+", name)
            or name != name.strip()
            or name in (".", "..")
        ):
            raise OcsFault(
                101,
                'Only the following characters are allowed in a username: "a-z", "A-Z", "0-9", and'
                ' "_.@-\'"',
            )
        if len(password) < self.dialect.min_password:
            raise OcsFault(
                107, f"Password needs to be at least {self.dialect.min_password} characters long"
            )
        self.users[name] = Account(password, groups)
        if display_name := request.field("displayName"):
            self.users[name].display_name = display_name
        if quota := request.field("quota"):
            self._set_quota(self.users[name], quota)  # refused, the user has been made all the same
        return {"id": name}

    def _read(self, request: Seen, name: str) -> Any:
        account = self._user(name, self.dialect.missing)
        data = {
            "id": name,
            **dict.fromkeys(PROFILE, ""),
            "profile_enabled": "1",
            "additional_mail": [],
            "notify_email": None,
            "backendCapabilities": {"setDisplayName": True, "setPassword": True},
            "lastLogin": 1732180000000 if account.signed_in else 0,
            "backend": "Database",
            "subadmin": [],
            "quota": self._quota(account),
            "email": None,
            "displayname": account.display_name or name,
            "display-name": account.display_name or name,
            "groups": account.groups,
            "language": "en",
        }
        return {"enabled": account.enabled, **data} if self.dialect.enabled else data

    def _quota(self, account: Account) -> Any:
        """Return the quota of a user in the server's dialect."""
        limit = size(account.quota)
        if self.dialect.quota == "none":
            return []
        if self.dialect.quota == "bare":
            return account.quota
        if not account.signed_in and limit is None:
            return {"quota": "none", "used": account.used}
        total = DISK if limit is None else limit
        share = round(account.used / total * 100, 2) if total else 0
        figures = {
            "free": max(0, total - account.used),
            "used": account.used,
            "total": total,
            "relative": share,
            "quota": -3 if limit is None else limit,
        }
        return (
            {key: str(value) for key, value in figures.items()}
            if self.dialect.quota == "text"
            else figures
        )

    def _set_quota(self, account: Account, quota: str) -> None:
        if quota not in ("none", "default") and size(quota) is None:
            raise OcsFault(101, f"Invalid quota value: {quota}")
        account.quota = quota

    def _edit(self, request: Seen, name: str) -> Any:
        account, key, value = self._user(name, 998), request.field("key"), request.field("value")
        if key == "quota":
            self._set_quota(account, value)
        elif key == "password":
            if len(value) < self.dialect.min_password:
                raise OcsFault(
                    107,
                    f"Password needs to be at least {self.dialect.min_password} characters long",
                )
            account.password = value
        elif key in ("displayname", "display") and self.dialect.display_name:
            account.display_name = value
        else:
            raise OcsFault(113)
        return []

    def _delete(self, request: Seen, name: str) -> Any:
        account = self._user(name, 998)
        if account is self.users[self.admin]:
            raise OcsFault(101)
        self.users = {key: one for key, one in self.users.items() if one is not account}
        return []

    def _switch(self, name: str, enabled: bool) -> Any:
        if name == self.admin:
            raise OcsFault(101)
        self._user(name, 101).enabled = enabled
        return []

    def _membership(self, request: Seen, name: str) -> tuple[Account, str]:
        group = request.field("groupid")
        if not group:
            raise OcsFault(101)
        if group not in self.groups:
            raise OcsFault(102)
        return self._user(name, 103), group

    def _join(self, request: Seen, name: str) -> Any:
        account, group = self._membership(request, name)
        if group not in account.groups:
            account.groups.append(group)
        return []

    def _leave(self, request: Seen, name: str) -> Any:
        account, group = self._membership(request, name)
        if group in account.groups:
            account.groups.remove(group)
        return []

    @staticmethod
    def _meta(code: int, message: str) -> dict[str, Any]:
        return {
            "status": "ok" if code == 100 else "failure",
            "statuscode": code,
            "message": message,
            "totalitems": "",
            "itemsperpage": "",
        }

    def _reply(self, code: int, message: str, data: Any, *, as_json: bool) -> Reply:
        """Encode the result as JSON or XML."""
        meta = self._meta(code, message)
        status = {997: 401, 403: 401, 503: 503}.get(code, 200)
        headers = {"X-Nextcloud-Maintenance-Mode": "1"} if code == 503 else {}
        if as_json:
            body = json.dumps({"ocs": {"meta": meta, "data": data}}).encode()
            return Reply(
                status, body, {"Content-Type": "application/json; charset=utf-8", **headers}
            )
        text = f'<?xml version="1.0"?>\n<ocs>\n{_xml("meta", meta)}{_xml("data", data)}</ocs>\n'
        return Reply(status, text.encode(), {"Content-Type": "text/xml; charset=UTF-8", **headers})


def size(text: str) -> int | None:
    """Parse a quota such as "5 GB" to bytes; None if it is not a size."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?b)?\s*", text.lower())
    return round(float(match[1]) * UNITS[match[2] or ""]) if match else None


def _xml(tag: str, value: Any) -> str:
    """Encode a value as XML; lists become `element` tags, and None and False are empty."""
    if isinstance(value, dict):
        inner = "".join(_xml(key, one) for key, one in value.items())
        return f"<{tag}>{inner}</{tag}>\n"
    if isinstance(value, list):
        return (
            f"<{tag}>{''.join(_xml('element', one) for one in value)}</{tag}>\n"
            if value
            else f"<{tag}/>\n"
        )
    if isinstance(value, bool):
        value = int(value)
    return f"<{tag}>{escape(str(value))}</{tag}>\n" if value not in (None, "") else f"<{tag}/>\n"
