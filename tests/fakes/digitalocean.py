"""Fake of DigitalOcean's API v2 for virtual servers, in its real wire format.

Based on the public API description, against which each request that it accepts and each of its
responses is validated (`digitalocean_schema`): lists are paginated by 20 with `links` and `meta`, errors are
`{id, message}`, a deletion returns 204, and creations and actions respond immediately and complete
later. Progress is counted in reads: a new server becomes active after `polls` reads, and an action
completes after it or its server was read `steps` times.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from modules.Product.VPSHosting.services.sizes import SIZES
from tests.fakes import digitalocean_schema as description
from tests.fakes.faults import FaultyServer, Reply, Seen

TOKEN = "dop_v1_0a6c9b1f2e3d4c5b6a79880716253443"
REGIONS = {
    "nyc3": "New York 3",
    "sfo3": "San Francisco 3",
    "ams3": "Amsterdam 3",
    "fra1": "Frankfurt 1",
}
IMAGES = {
    "ubuntu-20-04-x64": ("Ubuntu", "20.04 (LTS) x64"),
    "ubuntu-22-04-x64": ("Ubuntu", "22.04 (LTS) x64"),
    "ubuntu-24-04-x64": ("Ubuntu", "24.04 (LTS) x64"),
    "debian-12-x64": ("Debian", "12 x64"),
    "debian-13-x64": ("Debian", "13 x64"),
    "rockylinux-9-x64": ("Rocky Linux", "9 x64"),
    "fedora-43-x64": ("Fedora", "43 x64"),
    "gpu-h100x1-base": ("Ubuntu", "AI/ML Ready"),
}
HOSTNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")


@dataclass
class Droplet:
    """A server."""

    id: int
    name: str
    region: str
    size: str
    image: str
    disk: int
    tags: list[str]
    ssh_keys: list[Any]
    user_data: str
    backups: bool
    monitoring: bool
    looks: int
    policy: dict[str, Any] | None = None
    status: str = "new"
    address: str = ""
    locked: bool = False  # by an event that is none of its actions, such as a backup


@dataclass
class Action:
    """An action on a server."""

    id: int
    droplet: int
    type: str
    asked: dict[str, Any]
    looks: int
    status: str = "in-progress"


class ApiFault(Exception):
    """An API error with a status, an id and a message."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.id = {
            400: "bad_request",
            401: "Unauthorized",
            403: "Forbidden",
            404: "not_found",
            422: "unprocessable_entity",
            429: "too_many_requests",
        }[status]


@dataclass
class Snapshot:
    """A snapshot of a server."""

    id: int
    name: str
    droplet: int
    gigabytes: float = 2.34
    created: str = "2026-11-20T08:00:00Z"
    type: str = "snapshot"  # or "backup"


@dataclass
class Temper:
    """Behaviour of the fake provider."""

    polls: int = 2
    steps: int = 1
    deaf: bool = False  # servers ignore a shutdown, so the action fails
    failing: set[str] = field(default_factory=set)  # types of actions that fail
    limit: int = 25  # server limit of the account
    per_hour: int | None = None  # remaining requests
    figures: bool = True  # whether the agent sends metrics
    metrics_fail: bool = False  # whether queries of metrics fail, with HTTP status 200
    scopes: set[str] | None = None  # of the token; None for all
    busy: str = "Droplet already has a pending event."  # the message for a locked server


class DigitalOceanServer(FaultyServer):
    """The fake server; tests can read and change all of its state."""

    def __init__(self, port: int = 0) -> None:
        """Create an empty account; `FaultyServer` describes how to start the server."""
        super().__init__(port)
        self.token = TOKEN
        self.temper = Temper()
        self.droplets: dict[int, Droplet] = {}
        self.actions: dict[int, Action] = {}
        self.snapshots: dict[int, Snapshot] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.images = dict(IMAGES)
        self.created: list[int] = []
        self.numbers = itertools.count(3164400)
        self.violations: list[str] = []

    def work(self, request: Seen) -> Reply:
        """Handle a request."""
        left = self.temper.per_hour
        headers = {
            "ratelimit-limit": "5000",
            "ratelimit-remaining": str(4999 if left is None else max(left - 1, 0)),
            "ratelimit-reset": str(int(time.time()) + 1800),
        }
        try:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                raise ApiFault(401, "Unable to authenticate you")
            if left is not None:
                if left <= 0:
                    headers["retry-after"] = "1800"
                    raise ApiFault(429, "API Rate limit exceeded.")
                self.temper.per_hour = left - 1
            self._check_scopes(request)
            status, body = self._route(request)
            self._check(request, status, body)
            reply = Reply.of(body, status) if body is not None else Reply(status)
        except ApiFault as fault:
            reply = Reply.of(
                {
                    "id": fault.id,
                    "message": fault.message or "The resource you requested could not be found.",
                },
                fault.status,
            )
        return Reply(reply.status, reply.body, {**reply.headers, **headers})

    def _check_scopes(self, request: Seen) -> None:
        operation = description.operation_of(request.method, request.path)
        if operation is None or self.temper.scopes is None:
            return
        for scope in description.scopes_of(operation, request.json):
            if scope not in self.temper.scopes:
                raise ApiFault(403, f"You are missing the required permission {scope}")

    def _check(self, request: Seen, status: int, body: Any) -> None:
        """Note how a request or its response deviates from the API's description."""
        method, path = request.method, request.path
        problems = description.request_problems(method, path, request.query, request.json)
        problems += description.response_problems(method, path, status, body)
        self.violations += [f"{method} {path}: {problem}" for problem in problems]

    def stop(self) -> None:
        """Stop, and fail if a request or a response did not conform to the API's description."""
        super().stop()
        assert not self.violations, self.violations

    def _route(self, request: Seen) -> tuple[int, Any]:
        table: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
            (
                "GET",
                r"/v2/account",
                lambda _: (
                    200,
                    {
                        "account": {
                            "droplet_limit": self.temper.limit,
                            "floating_ip_limit": 3,
                            "email": "ops@example.com",
                            "name": "Ops",
                            "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
                            "email_verified": True,
                            "status": "active",
                            "status_message": "",
                        }
                    },
                ),
            ),
            ("POST", r"/v2/droplets", self._create),
            ("GET", r"/v2/droplets", self._droplets),
            ("GET", r"/v2/droplets/(\d+)", self._droplet),
            ("DELETE", r"/v2/droplets/(\d+)", self._delete),
            ("POST", r"/v2/droplets/(\d+)/actions", self._act),
            ("GET", r"/v2/droplets/(\d+)/actions", self._actions_of),
            ("GET", r"/v2/actions/(\d+)", self._action),
            ("GET", r"/v2/droplets/(\d+)/snapshots", self._snapshots_of),
            ("GET", r"/v2/droplets/(\d+)/backups/policy", self._policy_of),
            ("GET", r"/v2/snapshots", self._snapshots),
            ("DELETE", r"/v2/snapshots/(\d+)", self._delete_snapshot),
            ("GET", r"/v2/images", self._images),
            (
                "GET",
                r"/v2/regions",
                lambda r: self._page(r, "regions", [self._region(slug) for slug in REGIONS]),
            ),
            (
                "GET",
                r"/v2/sizes",
                lambda r: self._page(r, "sizes", [_size(one.slug) for one in SIZES]),
            ),
            (
                "GET",
                r"/v2/account/keys",
                lambda r: self._page(r, "ssh_keys", list(self.keys.values())),
            ),
            ("POST", r"/v2/account/keys", self._add_key),
            ("GET", r"/v2/account/keys/(.+)", lambda _, mark: (200, {"ssh_key": self._key(mark)})),
            ("GET", r"/v2/monitoring/metrics/droplet/(cpu|bandwidth)", self._metrics),
        ]
        for method, pattern, handler in table:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return handler(request, *match.groups())
        raise ApiFault(404)

    # Servers

    def _create(self, request: Seen) -> tuple[int, Any]:
        wish = request.json
        if not HOSTNAME.fullmatch(str(wish.get("name", ""))):
            raise ApiFault(
                422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
            )
        if wish.get("region") not in REGIONS:
            raise ApiFault(422, "You specified an invalid region for Droplet creation.")
        if wish.get("size") not in {one.slug for one in SIZES}:
            raise ApiFault(422, "You specified an invalid size for Droplet creation.")
        if wish.get("image") not in self.images:
            raise ApiFault(422, "You specified an invalid image for Droplet creation.")
        for key in wish.get("ssh_keys") or []:
            if not any(
                str(key) in (str(one["id"]), one["fingerprint"]) for one in self.keys.values()
            ):
                raise ApiFault(422, f"{key} are invalid key identifiers for Droplet creation.")
        if any(not re.fullmatch(r"[A-Za-z0-9:_-]{1,255}", tag) for tag in wish.get("tags") or []):
            raise ApiFault(422, "Tag name contains invalid characters.")
        if len(self.droplets) >= self.temper.limit:
            raise ApiFault(422, "creating this/these droplet(s) will exceed your droplet limit")
        number = next(self.numbers)
        droplet = Droplet(
            number,
            wish["name"],
            wish["region"],
            wish["size"],
            wish["image"],
            _spec(wish["size"]).disk,
            list(wish.get("tags") or []),
            list(wish.get("ssh_keys") or []),
            wish.get("user_data") or "",
            bool(wish.get("backups")),
            bool(wish.get("monitoring")),
            self.temper.polls,
            _policy(wish.get("backup_policy")) if wish.get("backups") else None,
        )
        self.droplets[number] = droplet
        self.created.append(number)
        href = f"https://api.digitalocean.com/v2/actions/{number}"
        return 202, {
            "droplet": self._shown(droplet),
            "links": {"actions": [{"id": number, "rel": "create", "href": href}]},
        }

    def _droplets(self, request: Seen) -> tuple[int, Any]:
        tag = dict(request.query).get("tag_name")
        found = [one for one in self.droplets.values() if tag is None or tag in one.tags]
        return self._page(
            request,
            "droplets",
            [self._shown(one) for one in sorted(found, key=lambda one: -one.id)],
        )

    def _droplet(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet = self._known(number)
        self._look(droplet)
        return 200, {"droplet": self._shown(droplet)}

    def _delete(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet = self._known(number)
        if droplet.locked:
            raise ApiFault(422, self.temper.busy)
        del self.droplets[droplet.id]
        backups = [one for one in self.snapshots.values() if one.type == "backup"]
        for one in backups:
            if one.droplet == droplet.id:
                del self.snapshots[one.id]
        return 204, None

    def _known(self, number: str) -> Droplet:
        if int(number) not in self.droplets:
            raise ApiFault(404)
        return self.droplets[int(number)]

    def _look(self, droplet: Droplet) -> None:
        """Advance the state of a server by one read."""
        if droplet.status == "new":
            droplet.looks -= 1
            if droplet.looks <= 0:
                droplet.status, droplet.address = "active", f"203.0.113.{droplet.id % 250 + 1}"
        for action in self._running(droplet.id):
            self._step(action)

    # Actions

    def _running(self, number: int) -> list[Action]:
        return [
            one
            for one in self.actions.values()
            if one.droplet == number and one.status == "in-progress"
        ]

    def _act(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet, asked = self._known(number), request.json
        kind = asked.get("type")
        running = self._running(droplet.id)
        blocking = [one for one in running if one.type != "shutdown" or kind != "power_off"]
        if droplet.status == "new" or droplet.locked or blocking:
            raise ApiFault(422, self.temper.busy)
        if droplet.status == "archive":
            raise ApiFault(422, "Droplet is archived.")
        if kind not in (
            "power_on",
            "power_off",
            "shutdown",
            "reboot",
            "power_cycle",
            "resize",
            "snapshot",
            "rebuild",
            "restore",
            "enable_backups",
            "disable_backups",
            "change_backup_policy",
        ):
            raise ApiFault(422, "The action type that you requested does not exist.")
        if kind in ("shutdown", "power_off", "reboot") and droplet.status == "off":
            raise ApiFault(422, "Droplet is already powered off.")
        if kind == "power_on" and droplet.status == "active":
            raise ApiFault(422, "Droplet is already powered on.")
        if kind == "change_backup_policy" and not droplet.backups:
            raise ApiFault(422, "Backups are not enabled on this Droplet.")
        if kind == "resize":
            self._check_resize(droplet, asked)
        if kind == "restore":
            raise ApiFault(422, "You must specify a backup of this Droplet to restore from.")
        if (
            kind == "rebuild"
            and asked.get("image") not in self.snapshots
            and asked.get("image") not in self.images
        ):
            raise ApiFault(422, "You specified an invalid image for Droplet rebuild.")
        for one in running:
            one.status = "errored"
        action = Action(next(self.numbers), droplet.id, kind, asked, self.temper.steps)
        self.actions[action.id] = action
        return 201, {"action": _action(action)}

    def _check_resize(self, droplet: Droplet, asked: dict[str, Any]) -> None:
        if droplet.status != "off":
            raise ApiFault(422, "Droplet must be powered off to be resized.")
        if asked.get("size") not in {one.slug for one in SIZES}:
            raise ApiFault(422, "You specified an invalid size for Droplet resize.")
        if _spec(asked["size"]).disk < droplet.disk:
            raise ApiFault(422, "This size is not available because it has a smaller disk.")

    def _step(self, action: Action) -> None:
        action.looks -= 1
        if action.looks > 0:
            return
        droplet = self.droplets.get(action.droplet)
        if (
            droplet is None
            or action.type in self.temper.failing
            or (action.type == "shutdown" and self.temper.deaf)
        ):
            action.status = "errored"
            return
        action.status = "completed"
        match action.type:
            case "shutdown" | "power_off":
                droplet.status = "off"
            case "power_on" | "reboot" | "power_cycle" | "rebuild":
                droplet.status = "active"
            case "resize":
                droplet.size = action.asked["size"]
                if action.asked.get("disk"):
                    droplet.disk = _spec(droplet.size).disk
            case "snapshot":
                number = next(self.numbers)
                self.snapshots[number] = Snapshot(
                    number, action.asked.get("name") or "snapshot", droplet.id
                )
            case "enable_backups" | "disable_backups":
                droplet.backups = action.type == "enable_backups"
                policy = _policy(action.asked.get("backup_policy"))
                droplet.policy = policy if droplet.backups else None
            case "change_backup_policy":
                droplet.policy = _policy(action.asked["backup_policy"])

    def _action(self, request: Seen, number: str) -> tuple[int, Any]:
        action = self.actions.get(int(number))
        if action is None:
            raise ApiFault(404)
        if action.status == "in-progress":
            self._step(action)
        return 200, {"action": _action(action)}

    def _actions_of(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet = self._known(number)
        found = sorted(
            (one for one in self.actions.values() if one.droplet == droplet.id),
            key=lambda one: -one.id,
        )
        return self._page(request, "actions", [_action(one) for one in found])

    # Snapshots

    def _snapshots_of(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet = self._known(number)
        return self._page(
            request,
            "snapshots",
            [
                _snapshot(one) | {"id": one.id, "type": one.type}
                for one in self.snapshots.values()
                if one.droplet == droplet.id
            ],
        )

    def _snapshots(self, request: Seen) -> tuple[int, Any]:
        rows = [
            _snapshot(one)
            | {
                "id": str(one.id),
                "resource_id": str(one.droplet),
                "resource_type": "droplet",
                "tags": [],
            }
            for one in self.snapshots.values()
            if one.type == "snapshot"
        ]
        return self._page(request, "snapshots", rows)

    def _delete_snapshot(self, request: Seen, number: str) -> tuple[int, Any]:
        snapshot = self.snapshots.get(int(number))
        if snapshot is None:
            raise ApiFault(404)
        if snapshot.type != "snapshot":
            raise ApiFault(400, "the resource is not a snapshot")
        del self.snapshots[snapshot.id]
        return 204, None

    def _policy_of(self, request: Seen, number: str) -> tuple[int, Any]:
        droplet = self._known(number)
        return 200, {
            "policy": {
                "droplet_id": droplet.id,
                "backup_enabled": droplet.backups,
                "backup_policy": droplet.policy,
                "next_backup_window": _window(droplet),
            }
        }

    # The rest

    def _images(self, request: Seen) -> tuple[int, Any]:
        return self._page(request, "images", [self._image(slug) for slug in self.images])

    def _image(self, slug: str) -> dict[str, Any]:
        """Return an image; a server that was rebuilt from a snapshot keeps its own."""
        family, name = self.images.get(slug, ("Unknown", slug))
        return {
            "id": 1 + list(self.images).index(slug) if slug in self.images else 1,
            "name": name,
            "distribution": family,
            "slug": slug,
            "public": True,
            "regions": list(REGIONS),
            "created_at": "2026-05-04T22:23:02Z",
            "type": "base",
            "min_disk_size": 7,
            "size_gigabytes": 0.5,
            "description": f"{family} {name}",
            "tags": [],
            "status": "available",
        }

    def _add_key(self, request: Seen) -> tuple[int, Any]:
        wish = request.json
        mark = _fingerprint(str(wish.get("public_key", "")))
        if not mark:
            raise ApiFault(422, "Key invalid, key should be of the format `ssh-rsa AAAA...`")
        if mark in self.keys:
            raise ApiFault(422, "SSH Key is already in use on your account")
        key = {
            "id": next(self.numbers),
            "fingerprint": mark,
            "public_key": wish["public_key"],
            "name": wish.get("name", ""),
        }
        self.keys[mark] = key
        return 201, {"ssh_key": key}

    def _key(self, mark: str) -> dict[str, Any]:
        for one in self.keys.values():
            if mark in (one["fingerprint"], str(one["id"])):
                return one
        raise ApiFault(404)

    def _metrics(self, request: Seen, what: str) -> tuple[int, Any]:
        asked = dict(request.query)
        start, end, host = int(asked["start"]), int(asked["end"]), asked["host_id"]
        if self.temper.metrics_fail:
            return 200, {"status": "error", "data": {"resultType": "matrix", "result": []}}
        if int(host) not in self.droplets or not self.temper.figures:
            return 200, {"status": "success", "data": {"resultType": "matrix", "result": []}}
        times = range(start - start % 120 + 120, end, max(120, (end - start) // 100))
        if what == "bandwidth":
            metric = {
                "host_id": host,
                "interface": asked["interface"],
                "direction": asked["direction"],
            }
            scale = 8.0 if asked["direction"] == "inbound" else 2.0
            series = [
                {
                    "metric": metric,
                    "values": [[at, str(scale + (at // 600 % 7) * 0.5)] for at in times],
                }
            ]
        else:
            # A quarter of the time busy: idle grows by 0.75 s a second, user by 0.25.
            pace = {"idle": 0.75, "user": 0.25}
            series = [
                {
                    "metric": {"host_id": host, "mode": mode},
                    "values": [
                        [at, str(round(pace.get(mode, 0) * (at - start), 2))] for at in times
                    ],
                }
                for mode in MODES
            ]
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": series}}

    def _page(self, request: Seen, root: str, rows: list[Any]) -> tuple[int, Any]:
        """Return a page of a list with links to the others."""
        asked = dict(request.query)
        size, page = min(int(asked.get("per_page", 20)), 200), int(asked.get("page", 1))
        last = max(1, -(-len(rows) // size))
        pages = {}
        if page < last:
            pages = {
                "next": (
                    f"https://api.digitalocean.com{request.path}?page={page + 1}&per_page={size}"
                ),
                "last": f"https://api.digitalocean.com{request.path}?page={last}&per_page={size}",
            }
        return 200, {
            root: rows[(page - 1) * size : page * size],
            "links": {"pages": pages},
            "meta": {"total": len(rows)},
        }

    def _region(self, slug: str) -> dict[str, Any]:
        return {
            "slug": slug,
            "name": REGIONS[slug],
            "features": ["backups", "metadata"],
            "available": True,
            "sizes": [one.slug for one in SIZES],
        }

    def _shown(self, droplet: Droplet) -> dict[str, Any]:
        """Return the API representation of a server."""
        spec = _spec(droplet.size)
        private = {
            "ip_address": "10.128.0.7",
            "netmask": "255.255.0.0",
            "gateway": "",
            "type": "private",
        }
        public = {
            "ip_address": droplet.address,
            "netmask": "255.255.240.0",
            "gateway": "203.0.113.254",
            "type": "public",
        }
        saved = [one for one in self.snapshots.values() if one.droplet == droplet.id]
        return {
            "id": droplet.id,
            "name": droplet.name,
            "memory": spec.ram,
            "vcpus": spec.cpu,
            "disk": droplet.disk,
            "locked": bool(droplet.locked or self._running(droplet.id) or droplet.status == "new"),
            "status": droplet.status,
            "created_at": "2026-11-20T08:00:00Z",
            "features": [
                *(["backups"] if droplet.backups else []),
                *(["monitoring"] if droplet.monitoring else []),
                "private_networking",
            ],
            "kernel": None,
            "backup_ids": [one.id for one in saved if one.type == "backup"],
            "next_backup_window": _window(droplet),
            "snapshot_ids": [one.id for one in saved if one.type == "snapshot"],
            "image": self._image(droplet.image),
            "volume_ids": [],
            "size": _size(droplet.size),
            "size_slug": droplet.size,
            "networks": {"v4": [private, public] if droplet.address else [], "v6": []},
            "region": self._region(droplet.region),
            "tags": droplet.tags,
            "vpc_uuid": "760e09ef-dc84-11e8-981e-3cfdfeaae000",
        }


def _spec(slug: str) -> Any:
    return next(one for one in SIZES if one.slug == slug)


def _size(slug: str) -> dict[str, Any]:
    one = _spec(slug)
    return {
        "slug": slug,
        "memory": one.ram,
        "vcpus": one.cpu,
        "disk": one.disk,
        "transfer": one.traffic / 1000,
        "price_monthly": 6.0,
        "price_hourly": 0.00893,
        "available": True,
        "regions": list(REGIONS),
        "description": "Basic",
    }


def _action(one: Action) -> dict[str, Any]:
    done = None if one.status == "in-progress" else datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": one.id,
        "status": one.status,
        "type": one.type,
        "started_at": "2026-11-20T08:00:00Z",
        "completed_at": done,
        "resource_id": one.droplet,
        "resource_type": "droplet",
        "region_slug": "nyc3",
    }


def _snapshot(one: Snapshot) -> dict[str, Any]:
    return {
        "name": one.name,
        "created_at": one.created,
        "regions": ["nyc3"],
        "min_disk_size": 25,
        "size_gigabytes": one.gigabytes,
    }


def _policy(sent: dict[str, Any] | None) -> dict[str, Any]:
    """Return the policy that is applied; daily unless one is sent."""
    policy = {"plan": "daily", "hour": 20, **(sent or {})}
    days = 28 if policy["plan"] == "weekly" else 7
    return {**policy, "window_length_hours": 4, "retention_period_days": days}


def _window(droplet: Droplet) -> dict[str, str] | None:
    if not droplet.backups:
        return None
    return {"start": "2026-11-30T00:00:00Z", "end": "2026-11-30T04:00:00Z"}


def _fingerprint(public_key: str) -> str:
    parts = public_key.split()
    try:
        digest = hashlib.md5(
            base64.b64decode(parts[1], validate=True), usedforsecurity=False
        ).hexdigest()
    except (IndexError, binascii.Error):
        return ""
    return ":".join(digest[place : place + 2] for place in range(0, 32, 2))
