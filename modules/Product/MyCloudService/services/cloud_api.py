"""Client of the provider's HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from puqpanel.sdk import __, http, noop__
from puqpanel.sdk.http import Answer

from ..models.cloud import CloudServer

UNREADABLE = noop__("The provider sent an unreadable response.")


class CloudAPIClient:
    """Sends requests to one server.

    The client never repeats a request; a retried job reads the account before it changes it.
    """

    timeout = 30.0  # seconds

    def __init__(self, server: CloudServer) -> None:
        self.http = http.session(server.url, bearer=server.api_key or "", timeout=self.timeout)

    def plans(self) -> Answer:
        """Return the plans; this also tests the address and the API key."""
        return self._request("GET", "/plans")

    def accounts(self) -> Answer:
        """Return all accounts."""
        return self._request("GET", "/accounts")

    def create(self, account: Mapping[str, Any]) -> Answer:
        """Create an account; the status is 409 if the name is taken, 422 for invalid fields."""
        return self._request("POST", "/accounts", json=dict(account))

    def account(self, username: str) -> Answer:
        """Return an account, or status 404."""
        return self._request("GET", _account_path(username), expected=(404,))

    def delete(self, username: str) -> Answer:
        """Delete an account with its files."""
        return self._request("DELETE", _account_path(username), expected=(404,))

    def put(self, username: str, action: str, data: Mapping[str, Any] | None = None) -> Answer:
        """Change an account.

        Args:
            username: The account.
            action: One of suspend, unsuspend, plan and password.
            data: The JSON body.
        """
        return self._request("PUT", f"{_account_path(username)}/{action}", json=dict(data or {}))

    def usage(self, username: str) -> Answer:
        """Return disk usage, and the bandwidth of the last 30 days."""
        return self._request("GET", f"{_account_path(username)}/usage")

    def files(self, username: str, path: str = "") -> Answer:
        """Return a folder with its entries in `data`, or a file with its bytes in `content`.

        `data` is None for a file, even if it contains JSON. The customer's files stay out of the
        module log.
        """
        response = self.http.get(_file_path(username, path), log_body=False, expected=(404, 422))
        if not response.ok:
            return response
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not headers.get("content-type", "").startswith("application/json"):
            return replace(response, data=None)
        data = response.data
        if not isinstance(data, dict) or not isinstance(data.get("entries"), list):
            return replace(response, ok=False, data=None, error=__(UNREADABLE))
        return response

    def write(self, username: str, path: str, content: bytes) -> Answer:
        """Write a file."""
        return self._request("PUT", _file_path(username, path), data=content, log_body=False)

    def remove(self, username: str, path: str) -> Answer:
        """Delete a file or an empty folder."""
        return self._request("DELETE", _file_path(username, path))

    def make_folder(self, username: str, path: str) -> Answer:
        """Create a folder in an existing one."""
        return self._request("POST", f"{_account_path(username)}/folders", json={"path": path})

    def _request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request; treat a success without a JSON object as a lost response."""
        response = self.http.request(method, path, **options)
        if response.ok and not isinstance(response.data, dict):
            return replace(response, ok=False, lost=True, error=__(UNREADABLE))
        return response


def _account_path(username: str) -> str:
    return f"/accounts/{quote(username, safe='')}"


def _file_path(username: str, path: str) -> str:
    # A ".." would be resolved on the way and lead into another account.
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return f"{_account_path(username)}/files/{quote('/'.join(parts))}"
