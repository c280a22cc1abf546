"""What DigitalOcean's published OpenAPI description says of the requests and responses in use.

Written by hand from its facts: https://github.com/digitalocean/openapi, files below
`specification/resources` (`account`, `actions`, `droplets`, `images`, `monitoring`, `regions`,
`sizes`, `snapshots`, `ssh_keys`), and the permissions that it lists for each action. Objects of
requests accept no other fields, those of responses do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.fakes.schemas import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    body,
    nullable,
    one_of,
    problems_of,
    record,
    some,
)

MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


ERROR = record({"id": TEXT, "message": TEXT}, {"request_id": TEXT})
ACCOUNT = record(
    {
        "droplet_limit": WHOLE,
        "floating_ip_limit": WHOLE,
        "email": TEXT,
        "uuid": TEXT,
        "email_verified": FLAG,
        "status": one_of("active", "warning", "locked"),
        "status_message": TEXT,
    },
    {"name": TEXT, "team": record({}, {"uuid": TEXT, "name": TEXT})},
)
REGION = record(
    {"slug": TEXT, "name": TEXT, "features": some(TEXT), "available": FLAG, "sizes": some(TEXT)}
)
MEGABYTES = {"type": "integer", "multipleOf": 8, "minimum": 8}
SIZE = record(
    {
        "slug": TEXT,
        "memory": MEGABYTES,
        "vcpus": WHOLE,
        "disk": WHOLE,
        "transfer": NUMBER,
        "price_monthly": NUMBER,
        "price_hourly": NUMBER,
        "regions": some(TEXT),
        "available": FLAG,
        "description": TEXT,
    }
)
IMAGE = record(
    {},
    {
        "id": WHOLE,
        "name": TEXT,
        "type": one_of("base", "snapshot", "backup", "custom", "admin"),
        "distribution": one_of(
            *("Arch Linux", "CentOS", "CoreOS", "Debian", "Fedora", "Fedora Atomic", "FreeBSD"),
            *("Gentoo", "openSUSE", "RancherOS", "Rocky Linux", "Ubuntu", "Unknown"),
        ),
        "slug": nullable(TEXT),
        "public": FLAG,
        "regions": some(TEXT),
        "created_at": MOMENT,
        "min_disk_size": nullable({"type": "integer", "minimum": 0}),
        "size_gigabytes": nullable(NUMBER),
        "description": TEXT,
        "tags": nullable(some(TEXT)),
        "status": one_of("NEW", "available", "pending", "deleted", "retired"),
    },
)
V4 = record(
    {},
    {
        "ip_address": {"type": "string", "format": "ipv4"},
        "netmask": {"type": "string", "format": "ipv4"},
        "gateway": TEXT,
        "type": one_of("public", "private"),
    },
)
WINDOW = nullable(record({}, {"start": MOMENT, "end": MOMENT}))
DROPLET = record(
    {
        "id": WHOLE,
        "name": TEXT,
        "memory": {"type": "integer", "multipleOf": 8},
        "vcpus": WHOLE,
        "disk": WHOLE,
        "locked": FLAG,
        "status": one_of("new", "active", "off", "archive"),
        "created_at": MOMENT,
        "features": some(TEXT),
        "backup_ids": some(WHOLE),
        "next_backup_window": WINDOW,
        "snapshot_ids": some(WHOLE),
        "image": IMAGE,
        "volume_ids": some(TEXT),
        "size": SIZE,
        "size_slug": TEXT,
        "networks": record({}, {"v4": some(V4), "v6": {"type": "array"}}),
        "region": REGION,
        "tags": some(TEXT),
    },
    {"kernel": nullable({"type": "object"}), "vpc_uuid": TEXT},
)
ACTION = record(
    {},
    {
        "id": WHOLE,
        "status": one_of("in-progress", "completed", "errored"),
        "type": TEXT,
        "started_at": MOMENT,
        "completed_at": nullable(MOMENT),
        "resource_id": nullable(WHOLE),
        "resource_type": TEXT,
        "region": REGION,
        "region_slug": nullable(TEXT),
    },
)
SNAPSHOT = {
    "name": TEXT,
    "created_at": MOMENT,
    "regions": some(TEXT),
    "min_disk_size": WHOLE,
    "size_gigabytes": NUMBER,
}
SNAPSHOT_OF_DROPLET = record({"id": WHOLE, **SNAPSHOT, "type": one_of("snapshot", "backup")})
SNAPSHOT_OF_ACCOUNT = record(
    {
        "id": TEXT,
        **SNAPSHOT,
        "resource_id": TEXT,
        "resource_type": one_of("droplet", "volume"),
        "tags": nullable(some(TEXT)),
    }
)
KEY = record({"public_key": TEXT, "name": TEXT}, {"id": WHOLE, "fingerprint": TEXT})
POLICY = {
    "plan": one_of("daily", "weekly"),
    "weekday": one_of("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
    "hour": one_of(0, 4, 8, 12, 16, 20),
}
SENT_POLICY = body({}, POLICY)
READ_POLICY = record(
    {},
    {
        "droplet_id": WHOLE,
        "backup_enabled": FLAG,
        "backup_policy": nullable(
            record({}, {**POLICY, "window_length_hours": WHOLE, "retention_period_days": WHOLE})
        ),
        "next_backup_window": WINDOW,
    },
)
METRICS = record(
    {
        "status": one_of("success", "error"),
        "data": record(
            {
                "resultType": one_of("matrix"),
                "result": some(
                    record(
                        {
                            "metric": {"type": "object", "additionalProperties": TEXT},
                            "values": some(some({"type": ["integer", "string"]})),
                        }
                    )
                ),
            }
        ),
    }
)
REFERENCE = {"type": ["integer", "string"]}
CREATE = body(
    {"name": TEXT, "size": TEXT, "image": REFERENCE},
    {
        "region": TEXT,
        "ssh_keys": some(REFERENCE),
        "backups": FLAG,
        "backup_policy": SENT_POLICY,
        "ipv6": FLAG,
        "monitoring": FLAG,
        "tags": nullable(some(TEXT)),
        "user_data": {"type": "string", "maxLength": 64 * 1024},
        "vpc_uuid": TEXT,
        "with_droplet_agent": FLAG,
    },
)
CREATED = record(
    {
        "droplet": DROPLET,
        "links": record(
            {},
            {"actions": some(record({}, {"id": WHOLE, "rel": TEXT, "href": TEXT}))},
        ),
    }
)
ACTIONS: dict[str, Schema] = {
    **{name: {} for name in ("power_on", "power_off", "power_cycle", "shutdown", "reboot")},
    "disable_backups": {},
    "enable_backups": {"backup_policy": SENT_POLICY},
    "change_backup_policy": {"backup_policy": SENT_POLICY},
    "resize": {"size": TEXT, "disk": FLAG},
    "restore": {"image": WHOLE},
    "rebuild": {"image": REFERENCE},
    "snapshot": {"name": TEXT},
}
REQUIRED_OF_ACTIONS = {"change_backup_policy": ("backup_policy",)}
ADMIN_ACTIONS = ("restore", "rebuild", "password_reset")
PAGES = {"page": r"[1-9]\d*", "per_page": r"([1-9]\d?|1\d\d|200)"}
WINDOW_OF_METRICS = {"host_id": r"\d+", "start": r"\d+", "end": r"\d+"}


def listed(name: str, items: Schema) -> Schema:
    """Return the schema of a list with its links and total."""
    links = record(
        {}, {"pages": record({}, dict.fromkeys(("first", "prev", "next", "last"), TEXT))}
    )
    return record({name: some(items), "meta": record({"total": WHOLE})}, {"links": links})


class Operation(NamedTuple):
    """One operation of the description.

    Attributes:
        method: The HTTP method.
        path: A pattern of the path.
        scopes: The scopes that a token needs.
        status: The HTTP status of a success.
        response: The schema of its body; None without one.
        query: A pattern for each parameter of the query.
        request: The schema of the request's body; None without one.
    """

    method: str
    path: str
    scopes: tuple[str, ...]
    status: int
    response: Schema | None
    query: Mapping[str, str] = MappingProxyType({})
    request: Schema | None = None


DROPLET_PATH = r"/v2/droplets/[1-9]\d*"
DROPLET_READ = ("droplet:read",)
OPERATIONS = (
    Operation("GET", "/v2/account", ("account:read",), 200, record({"account": ACCOUNT})),
    Operation(
        "POST",
        "/v2/droplets",
        ("droplet:create", "ssh_key:read", "tag:create"),
        202,
        CREATED,
        {},
        CREATE,
    ),
    Operation(
        "GET",
        "/v2/droplets",
        ("droplet:read", "tag:read"),
        200,
        listed("droplets", DROPLET),
        {**PAGES, "tag_name": ".+", "name": ".+", "type": "droplets|gpus"},
    ),
    Operation("GET", DROPLET_PATH, DROPLET_READ, 200, record({"droplet": DROPLET})),
    Operation("DELETE", DROPLET_PATH, ("droplet:delete",), 204, None),
    Operation(
        "POST",
        f"{DROPLET_PATH}/actions",
        ("droplet:update",),
        201,
        record({"action": ACTION}),
        {},
        body({"type": one_of(*ACTIONS)}, {key: {} for rest in ACTIONS.values() for key in rest}),
    ),
    Operation(
        "GET", f"{DROPLET_PATH}/actions", DROPLET_READ, 200, listed("actions", ACTION), PAGES
    ),
    Operation(
        "GET",
        f"{DROPLET_PATH}/snapshots",
        DROPLET_READ,
        200,
        listed("snapshots", SNAPSHOT_OF_DROPLET),
        PAGES,
    ),
    Operation(
        "GET", f"{DROPLET_PATH}/backups/policy", DROPLET_READ, 200, record({"policy": READ_POLICY})
    ),
    Operation("GET", r"/v2/actions/\d+", ("actions:read",), 200, record({"action": ACTION})),
    Operation(
        "GET",
        "/v2/snapshots",
        ("snapshot:read", "tag:read"),
        200,
        listed("snapshots", SNAPSHOT_OF_ACCOUNT),
        {**PAGES, "resource_type": "droplet|volume"},
    ),
    Operation("DELETE", r"/v2/snapshots/\d+", ("snapshot:delete", "image:delete"), 204, None),
    Operation(
        "GET",
        "/v2/images",
        ("image:read",),
        200,
        listed("images", IMAGE),
        {**PAGES, "type": "application|distribution", "private": "true|false", "tag_name": ".+"},
    ),
    Operation("GET", "/v2/regions", ("regions:read",), 200, listed("regions", REGION), PAGES),
    Operation("GET", "/v2/sizes", ("sizes:read",), 200, listed("sizes", SIZE), PAGES),
    Operation("GET", "/v2/account/keys", ("ssh_key:read",), 200, listed("ssh_keys", KEY), PAGES),
    Operation(
        "POST",
        "/v2/account/keys",
        ("ssh_key:create",),
        201,
        record({"ssh_key": KEY}),
        {},
        body({"public_key": TEXT, "name": TEXT}),
    ),
    Operation(
        "GET",
        r"/v2/account/keys/(\d+|[0-9a-f]{2}(:[0-9a-f]{2}){15})",
        ("ssh_key:read",),
        200,
        record({"ssh_key": KEY}),
    ),
    Operation(
        "GET",
        "/v2/monitoring/metrics/droplet/cpu",
        ("monitoring:read",),
        200,
        METRICS,
        WINDOW_OF_METRICS,
    ),
    Operation(
        "GET",
        "/v2/monitoring/metrics/droplet/bandwidth",
        ("monitoring:read",),
        200,
        METRICS,
        {**WINDOW_OF_METRICS, "interface": "private|public", "direction": "inbound|outbound"},
    ),
)


def operation_of(method: str, path: str) -> Operation | None:
    """Return the operation of a request; None if the description has none."""
    for operation in OPERATIONS:
        if operation.method == method and re.fullmatch(operation.path, path):
            return operation
    return None


def scopes_of(operation: Operation, sent: Any) -> tuple[str, ...]:
    """Return the scopes that a request needs, which depend on the type of an action."""
    kind = sent.get("type") if isinstance(sent, Mapping) and operation.request else None
    more = {"snapshot": ("image:create",), "resize": ("droplet:create",)}
    if kind in ADMIN_ACTIONS:
        return (*operation.scopes, "droplet:admin")
    return (*operation.scopes, *more.get(str(kind), ()))


def request_problems(method: str, path: str, query: list[tuple[str, str]], sent: Any) -> list[str]:
    """Return what the description does not allow in a request."""
    operation = operation_of(method, path)
    if operation is None:
        return [f"{method} {path} is not described"]
    problems = [
        f"query {name}={value}"
        for name, value in query
        if not re.fullmatch(operation.query.get(name, "$^"), value)
    ]
    if operation.query is WINDOW_OF_METRICS or "interface" in operation.query:
        problems += [
            f"query {name} is missing" for name in operation.query if name not in dict(query)
        ]
    if operation.request is None:
        return problems + ([] if sent is None else [f"a body: {sent}"])
    problems += problems_of(operation.request, sent)
    if operation.path.endswith("/actions") and not problems:
        kind, required = sent["type"], REQUIRED_OF_ACTIONS.get(sent["type"], ())
        schema = body({"type": TEXT}, ACTIONS[kind])
        problems += problems_of({**schema, "required": ["type", *required]}, sent)
    return problems


def response_problems(method: str, path: str, status: int, received: Any) -> list[str]:
    """Return what the description does not allow in a response."""
    operation = operation_of(method, path)
    if status >= 400:
        return problems_of(ERROR, received)
    if operation is None or status != operation.status:
        return [f"{method} {path} does not return {status}"]
    if operation.response is None:
        return [] if received is None else ["a body"]
    return problems_of(operation.response, received)
