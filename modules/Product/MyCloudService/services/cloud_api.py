"""The provider's HTTP API: one method a call, each answering what `sdk.http` makes of the
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from puqpanel.sdk import http
from puqpanel.sdk.http import Answer

from ..models.cloud import CloudServer


class CloudAPIClient:
    """Speaks to one server. Nothing is repeated here: a job that is tried again looks first."""

    timeout = 30.0  # seconds

    def __init__(self, server: CloudServer) -> None:
        self.http = http.session(server.url, bearer=server.api_key or "", timeout=self.timeout)

    def plans(self) -> Answer:
        """What can be bought; also tells whether address and key are right."""
        return self._ask("GET", "/plans")

    def accounts(self) -> Answer:
        """All accounts."""
        return self._ask("GET", "/accounts")

    def create(self, account: Mapping[str, Any]) -> Answer:
        """Make an account; 409 where the name is taken, 422 for fields that are wrong."""
        return self._ask("POST", "/accounts", json=dict(account))

    def account(self, username: str) -> Answer:
        """One account; 404 where there is none."""
        return self._ask("GET", _account(username), expected=(404,))

    def delete(self, username: str) -> Answer:
        """Remove an account with its files."""
        return self._ask("DELETE", _account(username), expected=(404,))

    def put(self, username: str, what: str, data: Mapping[str, Any] | None = None) -> Answer:
        """Change an account. Args: what, one of suspend, unsuspend, plan and password."""
        return self._ask("PUT", f"{_account(username)}/{what}", json=dict(data or {}))

    def usage(self, username: str) -> Answer:
        """Disk and bandwidth of the last 30 days."""
        return self._ask("GET", f"{_account(username)}/usage")

    def files(self, username: str, path: str = "") -> Answer:
        """A folder with its entries in `data`, or a file with its bytes in `content` and no `data`,
        whatever stands in it.

        What customers keep is nobody else's business: it stays out of the log.
        """
        answer = self.http.get(_file(username, path), log_body=False, expected=(404, 422))
        if not answer.ok:
            return answer
        kind = next(
            (value for name, value in answer.headers.items() if name.lower() == "content-type"), ""
        )
        if not kind.startswith("application/json"):
            return replace(answer, data=None)
        if not isinstance(answer.data, dict) or not isinstance(answer.data.get("entries"), list):
            return replace(answer, ok=False, data=None, error="The cloud's answer cannot be read.")
        return answer

    def write(self, username: str, path: str, content: bytes) -> Answer:
        """Write a file."""
        return self._ask("PUT", _file(username, path), data=content, log_body=False)

    def remove(self, username: str, path: str) -> Answer:
        """Remove a file or an empty folder."""
        return self._ask("DELETE", _file(username, path))

    def make_folder(self, username: str, path: str) -> Answer:
        """Make a folder in one that exists."""
        return self._ask("POST", f"{_account(username)}/folders", json={"path": path})

    def _ask(self, method: str, path: str, **options: Any) -> Answer:
        """One request; what answers no JSON object may have done its work, so it counts as lost."""
        answer = self.http.request(method, path, **options)
        if answer.ok and not isinstance(answer.data, dict):
            return replace(answer, ok=False, lost=True, error="The cloud's answer cannot be read.")
        return answer


def _account(username: str) -> str:
    return f"/accounts/{quote(username, safe='')}"


def _file(username: str, path: str) -> str:
    # A ".." would be resolved on the way, and lead out of this account into another one.
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return f"{_account(username)}/files/{quote('/'.join(parts))}"
