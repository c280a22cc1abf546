"""Client of DigitalOcean's API v2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from puqpanel.sdk import http

from .responses import ApiResponse, Outcome, parse

if TYPE_CHECKING:
    from ..models.accounts import Account

CONNECT_TIMEOUT_SECONDS, TIMEOUT_SECONDS = 10.0, 30.0
PAGE_SIZE = 200  # the API's maximum
MAX_PAGES = 50  # stops a list that never ends


class DigitalOcean:
    """Sends requests for one account.

    The client never repeats a request; retrying is the caller's decision.
    """

    def __init__(
        self, account: Account, *, timeout_seconds: float | None = None, secrets: Iterable[str] = ()
    ) -> None:
        """Open an HTTP session.

        Args:
            account: The account whose token signs the requests.
            timeout_seconds: Limit for a whole request.
            secrets: Texts besides the token that the module log must redact.
        """
        timeout = timeout_seconds or TIMEOUT_SECONDS
        self._http = http.session(
            account.api_url,
            bearer=account.api_token,
            timeout=timeout,
            connect_timeout=min(timeout, CONNECT_TIMEOUT_SECONDS),
            secrets=tuple(secrets),
        )

    def account(self) -> ApiResponse:
        """Return the account's details, such as its server limit."""
        return self._get("/v2/account", "account")

    # Servers

    def create(self, droplet: Mapping[str, Any]) -> ApiResponse:
        """Request a server; DigitalOcean creates it after responding."""
        return _with_id(parse(self._http.post("/v2/droplets", json=dict(droplet)), "droplet"))

    def droplet(self, server_id: str) -> ApiResponse:
        """Return a server."""
        return _with_id(self._get(f"/v2/droplets/{_quote(server_id)}", "droplet"))

    def is_locked(self, server_id: str) -> bool:
        """Return whether an action in progress prevents others; the API's sign is `locked`."""
        response = self.droplet(server_id)
        return response.ok and response.data.get("locked") is True

    def tagged(self, tag: str) -> ApiResponse:
        """Return the servers with a tag, oldest first."""
        response = self._list("/v2/droplets", "droplets", {"tag_name": tag})
        # Check the tag again, whatever the API's filter returned.
        found = response.data or []
        if not all(number(item.get("id")) and isinstance(item.get("tags"), list) for item in found):
            return ApiResponse(Outcome.UNKNOWN, response.http)  # nothing is known to be missing
        response = _filtered(response, lambda item: tag in item["tags"])
        response.data.sort(key=lambda item: number(item.get("id")))
        return response

    def delete(self, server_id: str) -> ApiResponse:
        """Delete a server; the outcome may be `NOT_FOUND`."""
        return parse(self._http.delete(f"/v2/droplets/{_quote(server_id)}", expected=(404,)))

    # Actions: changes of a server take time, and their progress is read with `action`.

    def act(self, server_id: str, action: str, **parameters: Any) -> ApiResponse:
        """Start an action: power_on, shutdown, power_off, reboot, resize, snapshot or rebuild."""
        body = {"type": action, **parameters}
        return parse(
            self._http.post(f"/v2/droplets/{_quote(server_id)}/actions", json=body), "action"
        )

    def action(self, action_id: str) -> ApiResponse:
        """Return an action, whose status is in-progress, completed or errored."""
        return self._get(f"/v2/actions/{_quote(action_id)}", "action")

    def actions(self, server_id: str) -> ApiResponse:
        """Return the latest actions of a server, newest first."""
        path = f"/v2/droplets/{_quote(server_id)}/actions"
        return self._get(path, "actions", {"per_page": 20}, list)

    # Snapshots and backups

    def snapshots(self, server_id: str) -> ApiResponse:
        """Return the snapshots of a server; `NOT_FOUND` once the server is deleted."""
        response = self._list(f"/v2/droplets/{_quote(server_id)}/snapshots", "snapshots")
        return _filtered(response, _is_snapshot)

    def orphaned_snapshots(self, server_id: str) -> ApiResponse:
        """Return the snapshots of a server that may be deleted already."""
        response = self._list("/v2/snapshots", "snapshots", {"resource_type": "droplet"})
        return _filtered(
            response,
            lambda item: (
                _is_snapshot(item)
                and item.get("resource_type") == "droplet"
                and str(item.get("resource_id")) == server_id
            ),
        )

    def backup_policy(self, server_id: str) -> ApiResponse:
        """Return the backup policy of a server: `backup_enabled` and `backup_policy`."""
        return self._get(f"/v2/droplets/{_quote(server_id)}/backups/policy", "policy")

    def delete_snapshot(self, snapshot_id: str) -> ApiResponse:
        """Delete a snapshot; the outcome may be `NOT_FOUND`."""
        return parse(self._http.delete(f"/v2/snapshots/{_quote(snapshot_id)}", expected=(404,)))

    # Images, keys and metrics

    def images(self) -> ApiResponse:
        """Return the operating systems that DigitalOcean offers."""
        return self._list("/v2/images", "images", {"type": "distribution"})

    def key(self, fingerprint: str) -> ApiResponse:
        """Return an SSH key of the account by its fingerprint or id."""
        return self._get(f"/v2/account/keys/{_quote(fingerprint)}", "ssh_key")

    def add_key(self, name: str, public_key: str) -> ApiResponse:
        """Add an SSH key to the account."""
        body = {"name": name, "public_key": public_key}
        return parse(self._http.post("/v2/account/keys", json=body), "ssh_key")

    def metrics(self, metric: str, query: Mapping[str, Any]) -> ApiResponse:
        """Return the metric `cpu` or `bandwidth` as a Prometheus matrix."""
        path = f"/v2/monitoring/metrics/droplet/{metric}"
        answer = self._http.get(path, params=dict(query), expected=(404,))
        response = parse(answer, "data")
        if not response.ok:
            return response
        matrix = response.data.get("result") if isinstance(response.data, dict) else None
        # The status of the query, which may fail although that of HTTP is 200.
        if answer.data.get("status") == "success" and isinstance(matrix, list):
            return ApiResponse(Outcome.OK, response.http, "", matrix)
        return ApiResponse(Outcome.UNKNOWN, response.http)

    def _get(
        self, path: str, key: str, query: Mapping[str, Any] | None = None, kind: type = dict
    ) -> ApiResponse:
        params = dict(query or {}) or None
        return parse(self._http.get(path, params=params, expected=(404,)), key, kind)

    def _list(self, path: str, key: str, query: Mapping[str, Any] | None = None) -> ApiResponse:
        """Return all pages of a list.

        Pages are counted instead of following the link to the next one, so that the token is
        sent to the account's own address only.
        """
        found: list[dict[str, Any]] = []
        for page in range(1, MAX_PAGES + 1):
            params = {**(query or {}), "page": page, "per_page": PAGE_SIZE}
            answer = self._http.get(path, params=params, expected=(404,))
            response = parse(answer, key, list)
            if not response.ok:
                return response
            if not all(isinstance(item, dict) for item in response.data):
                return ApiResponse(Outcome.UNKNOWN, response.http)
            found += response.data
            links = answer.data.get("links") if isinstance(answer.data, dict) else None
            pages = links.get("pages") if isinstance(links, dict) else None
            if not (isinstance(pages, dict) and pages.get("next")):
                break
        return ApiResponse(Outcome.OK, 200, "", found)


def _quote(text: str) -> str:
    return quote(str(text), safe=":")


def _filtered(response: ApiResponse, is_wanted: Callable[[Mapping[str, Any]], bool]) -> ApiResponse:
    wanted = [item for item in response.data or [] if is_wanted(item)]
    return ApiResponse(response.outcome, response.http, response.message, wanted)


def _with_id(response: ApiResponse) -> ApiResponse:
    """Return the response for a server; without its id, the response is unreadable."""
    if response.ok and not number(response.data.get("id")):
        return ApiResponse(Outcome.UNKNOWN, response.http)
    return response


def _is_snapshot(item: Mapping[str, Any]) -> bool:
    """Return whether an item is a snapshot, not a backup; only a server's list has the type."""
    return bool(item.get("type", "snapshot") == "snapshot")


def number(value: object) -> int:
    """Return a positive number of a response, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def items(value: object) -> list[Any]:
    """Return a list of a response, an empty one for anything else."""
    return value if isinstance(value, list) else []


def public_address(droplet: Mapping[str, Any]) -> str:
    """Return a server's public IPv4 address, or an empty string while it has none."""
    networks = droplet.get("networks")
    v4 = networks.get("v4") if isinstance(networks, Mapping) else None
    for network in v4 if isinstance(v4, list) else []:
        if not isinstance(network, Mapping) or network.get("type") != "public":
            continue
        if address := network.get("ip_address"):
            return str(address)[:45]
    return ""
