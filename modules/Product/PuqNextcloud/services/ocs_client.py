"""A client of the OCS user provisioning API, version 1, of Nextcloud and its relatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from puqpanel.sdk import http

from .ocs_answer import EXISTS, INVALID, NO_GROUP, UNAUTHORISED, OcsAnswer, Outcome, read

HEADERS = {"OCS-APIRequest": "true", "Accept": "application/json"}
GROUP_MISSING, MEMBER_MISSING = 102, 103
# Seconds to connect, and to wait for an answer: a create that copies a large folder of first files
# takes its time.
CONNECT, TIMEOUT = 10.0, 30.0


class OcsClient:
    """Speaks to one server as an administrator.

    No request is ever repeated here: who asks decides that.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        verify: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Args: url, where the cloud is, folder included; verify, whether its certificate must
        be a good one; timeout in seconds.
        """
        timeout = timeout or TIMEOUT
        wait = min(timeout, CONNECT)
        self._http = http.session(
            url, auth=(username, password), verify=verify, timeout=timeout, connect_timeout=wait
        )

    def capabilities(self) -> OcsAnswer:
        """What the server is; every user may ask."""
        return self._ask("GET", "/cloud/capabilities")

    def users(self) -> OcsAnswer:
        """One user's name at most: only who may manage users is answered."""
        return self._ask("GET", "/cloud/users", query={"limit": "1"})

    def groups(self) -> OcsAnswer:
        """The names of all groups."""
        return self._ask("GET", "/cloud/groups")

    def user(self, name: str) -> OcsAnswer:
        """All about one user; MISSING if there is none of that name."""
        answer = self._ask("GET", _user(name), expected=(404,))
        if answer.code == INVALID:  # what some servers say of a user that they do not know
            return replace(answer, outcome=Outcome.MISSING)
        if answer.ok and not isinstance(answer.data, dict):
            return replace(answer, outcome=Outcome.UNKNOWN, message="the answer holds no user")
        return answer

    def create(
        self,
        name: str,
        password: str,
        *,
        groups: Iterable[str] = (),
        quota: str = "",
        display: str = "",
    ) -> OcsAnswer:
        """Make a user; EXISTS if the name is taken."""
        form = {
            "userid": name,
            "password": password,
            "groups[]": list(groups),
            "quota": quota,
            "displayName": display,
        }
        answer = self._ask(
            "POST", "/cloud/users", form={key: value for key, value in form.items() if value}
        )
        return replace(answer, outcome=Outcome.EXISTS) if answer.code == EXISTS else answer

    def set_quota(self, name: str, quota: str) -> OcsAnswer:
        """Set how much the user may store."""
        return self._ask("PUT", _user(name), form={"key": "quota", "value": quota})

    def enable(self, name: str) -> OcsAnswer:
        """Let the user in."""
        return self._switch(name, "enable")

    def disable(self, name: str) -> OcsAnswer:
        """Keep the user out; the files stay."""
        return self._switch(name, "disable")

    def delete(self, name: str) -> OcsAnswer:
        """Remove the user and all files; MISSING if there is none of that name."""
        return self._ask("DELETE", _user(name), expected=(404,))

    def join(self, name: str, group: str) -> OcsAnswer:
        """Put the user into a group; being in it already is fine."""
        return self._member(
            self._ask("POST", _user(name) + "/groups", form={"groupid": group}), group
        )

    def leave(self, name: str, group: str) -> OcsAnswer:
        """Take the user out of a group; not being in it is fine."""
        # Not every server reads the body of a DELETE, so the name goes into the address too.
        pair = {"groupid": group}
        return self._member(
            self._ask("DELETE", _user(name) + "/groups", form=pair, query=pair), group
        )

    def _switch(self, name: str, verb: str) -> OcsAnswer:
        answer = self._ask("PUT", f"{_user(name)}/{verb}")
        # 101 is "no such user" and "that is yourself": a look tells which.
        if answer.code == INVALID and self.user(name).outcome is Outcome.MISSING:
            return replace(answer, outcome=Outcome.MISSING)
        return answer

    @staticmethod
    def _member(answer: OcsAnswer, group: str) -> OcsAnswer:
        if answer.code == GROUP_MISSING:
            return replace(answer, code=NO_GROUP, message=f"group {group} does not exist")
        return replace(answer, outcome=Outcome.MISSING) if answer.code == MEMBER_MISSING else answer

    def _ask(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (),
    ) -> OcsAnswer:
        """Send one request and make out its answer.

        A form is a dictionary: so the log can tell a password by its name.
        """
        params = {"format": "json", **(query or {})}
        got = self._http.request(
            method,
            "/ocs/v1.php" + path,
            params=params,
            data=form,
            headers=HEADERS,
            expected=expected,
        )
        if not got.http_code:
            return OcsAnswer(Outcome.UNKNOWN, message=got.error)
        headers = {name.lower(): value for name, value in got.headers.items()}
        answer = read(got.http_code, got.text, headers.get("retry-after", ""))
        if 300 <= got.http_code < 400:
            return replace(
                answer, message=f"it sends to {headers.get('location', 'another address')}"
            )
        return answer


def _user(name: str) -> str:
    return "/cloud/users/" + quote(name, safe="")


def explain(answer: OcsAnswer, server: str) -> str:
    """Why an answer was no yes, as a sentence for staff.

    Args:
        answer: any answer that is not ok.
        server: the server's name.
    """
    said = f": {answer.message.rstrip('.')}" if answer.message else ""
    if answer.outcome is Outcome.REFUSED:
        if answer.code in (0, UNAUTHORISED, 401):
            return (
                f"{server} refused the panel's credentials. Check the user name and password of the"
                " server."
            )
        return (
            f"{server} knows the panel's user but does not let it manage users{said}. Make it an"
            " administrator there."
        )
    if answer.outcome is Outcome.BUSY:
        return f"{server} is being asked too often just now."
    if answer.outcome is Outcome.MISSING:
        return f"The user is not on {server} any more."
    if answer.ok or answer.outcome is Outcome.EXISTS:
        return f"{server} has another user of that name already."
    if answer.outcome is Outcome.INVALID:
        if answer.code:
            return f"{server} says no{said} (code {answer.code})."
        if 300 <= answer.http < 400:
            return (
                f"{server} answers from another address{said}. Enter that one, with or without TLS."
            )
        return f"There is no Nextcloud with its provisioning API at the address of {server}{said}."
    if answer.http >= 500 or answer.code:
        return f"{server} has an error of its own{said}."
    return (
        f"{server} gave no answer that can be read{said}."
        if answer.http
        else f"{server} cannot be reached{said}."
    )


def version(capabilities: Any) -> str:
    """The server's version out of its capabilities; empty if it does not say."""
    told = capabilities.get("version") if isinstance(capabilities, dict) else None
    return str(told.get("string", "")) if isinstance(told, dict) else ""
