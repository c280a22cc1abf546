"""Client of the OCS user provisioning API, version 1, of Nextcloud and compatible servers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from puqpanel.sdk import __, http

from .ocs_response import (
    CODE_EXISTS,
    CODE_INVALID,
    CODE_NO_GROUP,
    OcsResponse,
    Outcome,
    parse,
    parse_bool,
)

HEADERS = {"OCS-APIRequest": "true", "Accept": "application/json"}
# Codes with a meaning of their own in the responses about group membership.
CODE_GROUP_MISSING, CODE_MEMBER_MISSING = 102, 103
CONNECT_TIMEOUT_SECONDS = 10.0
# In tasks; on pages, sdk.http waits for at most 6 s. Creating a user can be slow: the server copies
# a folder of initial files.
TIMEOUT_SECONDS = 30.0


class OcsClient:
    """Sends requests to one server, signed in as an administrator.

    The client never repeats a request; retrying is the caller's decision.
    """

    def __init__(self, url: str, username: str, password: str, *, verify: bool = True) -> None:
        """Open an HTTP session.

        Args:
            url: Address of the Nextcloud, including its folder.
            username: An administrator.
            password: The administrator's password or app password.
            verify: Whether to verify the TLS certificate.
        """
        self._http = http.session(
            url,
            auth=(username, password),
            verify=verify,
            timeout=TIMEOUT_SECONDS,
            connect_timeout=min(TIMEOUT_SECONDS, CONNECT_TIMEOUT_SECONDS),
        )

    def capabilities(self) -> OcsResponse:
        """Return the server's capabilities, which every user may read."""
        return self._request("GET", "/cloud/capabilities")

    def users(self) -> OcsResponse:
        """Return at most one user name; this succeeds only for users who may manage users."""
        return self._request("GET", "/cloud/users", query={"limit": "1"})

    def groups(self) -> OcsResponse:
        """Return the names of all groups."""
        return self._request("GET", "/cloud/groups")

    def user(self, name: str) -> OcsResponse:
        """Return a user's details, or `NOT_FOUND`."""
        response = self._request("GET", _user_path(name), expected=(404,))
        if response.code == CODE_INVALID:  # some servers send it for an unknown user
            return replace(response, outcome=Outcome.NOT_FOUND)
        if response.ok and not _describes(response.data, name):
            return replace(
                response, outcome=Outcome.UNKNOWN, message=__("the response is for another user")
            )
        return response

    def create(
        self,
        name: str,
        password: str,
        *,
        groups: Iterable[str] = (),
        quota: str = "",
        display: str = "",
    ) -> OcsResponse:
        """Create a user; the outcome is `EXISTS` if the name is taken."""
        form = {
            "userid": name,
            "password": password,
            "groups[]": list(groups),
            "quota": quota,
            "displayName": display,
        }
        form = {key: value for key, value in form.items() if value}
        response = self._request("POST", "/cloud/users", form=form)
        if response.code == CODE_EXISTS:
            return replace(response, outcome=Outcome.EXISTS)
        return response

    def set_quota(self, name: str, quota: str) -> OcsResponse:
        """Set a user's storage quota."""
        return self._edit(name, "quota", quota)

    def set_display_name(self, name: str, display: str) -> OcsResponse:
        """Set the name that other users see."""
        return self._edit(name, "displayname", display)

    def set_password(self, name: str, password: str) -> OcsResponse:
        """Set a user's password."""
        return self._edit(name, "password", password)

    def enable(self, name: str) -> OcsResponse:
        """Allow a user to sign in."""
        return self._set_enabled(name, "enable")

    def disable(self, name: str) -> OcsResponse:
        """Stop a user from signing in; the files remain."""
        return self._set_enabled(name, "disable")

    def delete(self, name: str) -> OcsResponse:
        """Delete a user with all files; the outcome may be `NOT_FOUND`."""
        return self._request("DELETE", _user_path(name), expected=(404,))

    def join(self, name: str, group: str) -> OcsResponse:
        """Add a user to a group; succeed if the user is a member already."""
        path = f"{_user_path(name)}/groups"
        return self._membership(self._request("POST", path, form={"groupid": group}), group)

    def leave(self, name: str, group: str) -> OcsResponse:
        """Remove a user from a group; succeed if the user is not a member."""
        path = f"{_user_path(name)}/groups"
        # Not every server reads the body of a DELETE, so the query string names the group too.
        pair = {"groupid": group}
        response = self._request("DELETE", path, form=pair, query=pair)
        if response.code == CODE_GROUP_MISSING:
            return replace(response, outcome=Outcome.OK)  # deleted there, with its memberships
        return self._membership(response, group)

    def _edit(self, name: str, key: str, value: str) -> OcsResponse:
        return self._request("PUT", _user_path(name), form={"key": key, "value": value})

    def _set_enabled(self, name: str, action: str) -> OcsResponse:
        response = self._request("PUT", f"{_user_path(name)}/{action}")
        # 101 means "no such user" or "you cannot do this to yourself".
        if response.code == CODE_INVALID and self.user(name).outcome is Outcome.NOT_FOUND:
            return replace(response, outcome=Outcome.NOT_FOUND)
        return response

    @staticmethod
    def _membership(response: OcsResponse, group: str) -> OcsResponse:
        if response.code == CODE_GROUP_MISSING:
            return replace(
                response,
                code=CODE_NO_GROUP,
                message=__("group :group does not exist", {"group": group}),
            )
        if response.code == CODE_MEMBER_MISSING:
            return replace(response, outcome=Outcome.NOT_FOUND)
        return response

    def _request(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (),
    ) -> OcsResponse:
        """Send one request and parse the response.

        The form is a dictionary so that the module log can redact a password by its key.
        """
        started = time.monotonic()
        reply = self._http.request(
            method,
            "/ocs/v1.php" + path,
            params={"format": "json", **(query or {})},
            data=form,
            headers=HEADERS,
            expected=expected,
        )
        seconds = time.monotonic() - started
        if not reply.http_code:
            return OcsResponse(Outcome.UNKNOWN, message=reply.error, seconds=seconds)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        maintenance = parse_bool(headers.get("x-nextcloud-maintenance-mode", ""))
        response = parse(reply.http_code, reply.text, maintenance=maintenance)
        if 300 <= reply.http_code < 400:
            # The address of the Nextcloud, without the path of the request.
            location = headers.get("location", "").partition("/ocs/v1.php")[0]
            return replace(response, message=location)
        return replace(response, seconds=seconds)


def _user_path(name: str) -> str:
    return "/cloud/users/" + quote(name, safe="")


def _describes(data: Any, name: str) -> bool:
    """Return whether the data are those of this user, as far as they say."""
    return isinstance(data, dict) and str(data.get("id") or name).lower() == name.lower()


def version(capabilities: Any) -> str:
    """Return the server's version from its capabilities, or an empty string."""
    entry = capabilities.get("version") if isinstance(capabilities, dict) else None
    return str(entry.get("string", "")) if isinstance(entry, dict) else ""
