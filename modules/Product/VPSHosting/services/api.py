"""A client of DigitalOcean's API v2. No request is ever repeated here: who asks decides that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from puqpanel.sdk import http

from .answers import Outcome, Told, read

if TYPE_CHECKING:
    from ..models.accounts import Account

# Seconds to connect, and to wait for an answer.
CONNECT, TIMEOUT = 10.0, 30.0
# Things a page, the most that the API gives; and pages at most, so that an answer that never ends
# does.
PAGE, PAGES = 200, 50


class DigitalOcean:
    """Speaks for one account."""

    def __init__(
        self, account: Account, *, timeout: float | None = None, secrets: Iterable[str] = ()
    ) -> None:
        """Args: timeout in seconds; secrets, texts that the log must not show besides the token."""
        timeout = timeout or TIMEOUT
        self._http = http.session(
            account.api_url,
            bearer=account.api_token,
            timeout=timeout,
            connect_timeout=min(timeout, CONNECT),
            secrets=tuple(secrets),
        )

    def account(self) -> Told:
        """Whose token it is, and how many servers it may have."""
        return self._get("/v2/account", "account")

    # Servers

    def create(self, wish: Mapping[str, Any]) -> Told:
        """Ask for a server; it is made after the answer."""
        return read(self._http.post("/v2/droplets", json=dict(wish)), "droplet")

    def droplet(self, server_id: str) -> Told:
        """One server."""
        return self._get(f"/v2/droplets/{_id(server_id)}", "droplet")

    def tagged(self, tag: str) -> Told:
        """The servers that have a tag, the oldest first."""
        told = self._all("/v2/droplets", "droplets", {"tag_name": tag})
        # A server that does not say that it has the tag is not the one that was looked for,
        # whatever the list says.
        mine = [one for one in told.data or [] if tag in (one.get("tags") or [])]
        return Told(
            told.outcome,
            told.http,
            told.message,
            sorted(mine, key=lambda one: int(one.get("id") or 0)),
        )

    def delete(self, server_id: str) -> Told:
        """Destroy a server; MISSING if it is gone already."""
        return read(self._http.delete(f"/v2/droplets/{_id(server_id)}", expected=(404,)))

    # What is done to a server takes time: an action, which is asked after until it has ended.

    def act(self, server_id: str, kind: str, **more: Any) -> Told:
        """Begin an action: power_on, shutdown, power_off, reboot, resize, snapshot, rebuild …"""
        return read(
            self._http.post(f"/v2/droplets/{_id(server_id)}/actions", json={"type": kind, **more}),
            "action",
        )

    def action(self, action_id: str) -> Told:
        """How an action is doing: in-progress, completed or errored."""
        return self._get(f"/v2/actions/{_id(action_id)}", "action")

    def actions(self, server_id: str) -> Told:
        """The last actions of a server, the newest first."""
        return self._get(f"/v2/droplets/{_id(server_id)}/actions", "actions", {"per_page": 20})

    # Snapshots

    def snapshots(self, server_id: str) -> Told:
        """The snapshots of a server; MISSING once the server is gone."""
        return self._all(f"/v2/droplets/{_id(server_id)}/snapshots", "snapshots")

    def left_snapshots(self, server_id: str) -> Told:
        """What snapshots the account has of a server that may be gone."""
        told = self._all("/v2/snapshots", "snapshots", {"resource_type": "droplet"})
        return Told(
            told.outcome,
            told.http,
            told.message,
            [one for one in told.data or [] if str(one.get("resource_id")) == server_id],
        )

    def delete_snapshot(self, snapshot_id: str) -> Told:
        """Delete a snapshot; MISSING if it is gone already."""
        return read(self._http.delete(f"/v2/snapshots/{_id(snapshot_id)}", expected=(404,)))

    # The rest

    def images(self) -> Told:
        """The systems that DigitalOcean offers."""
        return self._all("/v2/images", "images", {"type": "distribution"})

    def key(self, fingerprint: str) -> Told:
        """An SSH key of the account, by its fingerprint or id."""
        return self._get(f"/v2/account/keys/{_id(fingerprint)}", "ssh_key")

    def add_key(self, name: str, public_key: str) -> Told:
        """Keep an SSH key in the account."""
        return read(
            self._http.post("/v2/account/keys", json={"name": name, "public_key": public_key}),
            "ssh_key",
        )

    def metrics(self, what: str, query: Mapping[str, Any]) -> Told:
        """Figures that the agent in the server sent: cpu or bandwidth.

        A matrix of Prometheus's in `data`.
        """
        told = self._get(f"/v2/monitoring/metrics/droplet/{what}", "data", query)
        result = told.data.get("result") if told.ok and isinstance(told.data, dict) else None
        return (
            told
            if not told.ok
            else (
                Told(Outcome.OK, told.http, "", result)
                if isinstance(result, list)
                else Told(Outcome.UNKNOWN, told.http)
            )
        )

    def _get(self, path: str, root: str, query: Mapping[str, Any] | None = None) -> Told:
        return read(self._http.get(path, params=dict(query or {}) or None, expected=(404,)), root)

    def _all(self, path: str, root: str, query: Mapping[str, Any] | None = None) -> Told:
        """All pages of a list.

        The next page is counted to, not followed: the token goes nowhere but to the account's own
        address.
        """
        found: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            answer = self._http.get(
                path, params={**(query or {}), "page": page, "per_page": PAGE}, expected=(404,)
            )
            told = read(answer, root)
            if not told.ok:
                return told
            if not isinstance(told.data, list):
                return Told(Outcome.UNKNOWN, told.http)
            found += [one for one in told.data if isinstance(one, dict)]
            links = answer.data.get("links") if isinstance(answer.data, dict) else None
            pages = links.get("pages") if isinstance(links, dict) else None
            if not (isinstance(pages, dict) and pages.get("next")):
                break
        return Told(Outcome.OK, 200, "", found)


def _id(text: str) -> str:
    return quote(str(text), safe=":")


def address_of(droplet: Mapping[str, Any]) -> str:
    """A server's public IPv4 address; empty where it has none yet."""
    networks = droplet.get("networks")
    v4 = networks.get("v4") if isinstance(networks, Mapping) else None
    for one in v4 if isinstance(v4, list) else []:
        if isinstance(one, Mapping) and one.get("type") == "public" and one.get("ip_address"):
            return str(one["ip_address"])[:45]
    return ""
