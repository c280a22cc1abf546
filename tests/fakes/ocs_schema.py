"""What Nextcloud's published OpenAPI description says of the requests and responses in use.

Written by hand from its facts: https://github.com/nextcloud/server, apps/provisioning_api/openapi.json
and, for the capabilities, core/openapi.json. It describes version 2 of OCS; version 1 has the same
parameters and bodies.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.fakes.schemas import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    nullable,
    problems_of,
    record,
    some,
)

META = record(
    {"status": TEXT, "statuscode": WHOLE},
    {"message": TEXT, "totalitems": TEXT, "itemsperpage": TEXT},
)
QUOTA = record(
    {},
    {
        **dict.fromkeys(("free", "relative", "total", "used"), NUMBER),
        "quota": {"type": ["number", "string"]},
    },
)
TEXTS_OF_USER = (
    *("address", "backend", "biography", "display-name", "displayname", "fediverse", "headline"),
    *("id", "language", "locale", "manager", "organisation", "phone", "profile_enabled", "role"),
    *("twitter", "website"),
)
USER = record(
    {
        **dict.fromkeys(TEXTS_OF_USER, TEXT),
        **dict.fromkeys(("additional_mail", "groups", "subadmin"), some(TEXT)),
        **dict.fromkeys(("email", "notify_email"), nullable(TEXT)),
        "backendCapabilities": record({"setDisplayName": FLAG, "setPassword": FLAG}),
        "lastLogin": WHOLE,
        "quota": QUOTA,
    },
    {"enabled": FLAG, "storageLocation": TEXT},
)
CAPABILITIES = record(
    {
        "version": record(
            {
                **dict.fromkeys(("major", "minor", "micro"), WHOLE),
                **dict.fromkeys(("string", "edition"), TEXT),
                "extendedSupport": FLAG,
            }
        ),
        "capabilities": {},
    }
)
LISTING = ("search", "limit", "offset")


class Operation(NamedTuple):
    """One operation of the description.

    Attributes:
        method: The HTTP method.
        path: A pattern of the path below `/ocs/v1.php`.
        data: The schema of the data of a success.
        required: The parameters that it needs.
        optional: The other parameters.
    """

    method: str
    path: str
    data: Schema
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


USER_PATH = "/cloud/users/[^/]+"
GROUPS = record({"groups": some(TEXT)})
OPERATIONS = (
    Operation("GET", "/cloud/capabilities", CAPABILITIES),
    Operation("GET", "/cloud/users", record({"users": some(TEXT)}), (), LISTING),
    Operation(
        "POST",
        "/cloud/users",
        record({"id": TEXT}),
        ("userid",),
        (
            *("password", "displayName", "email", "groups[]", "subadmin[]", "quota", "language"),
            "manager",
        ),
    ),
    Operation("GET", USER_PATH, USER),
    Operation("PUT", USER_PATH, {}, ("key", "value")),
    Operation("DELETE", USER_PATH, {}),
    Operation("PUT", f"{USER_PATH}/(enable|disable)", {}),
    Operation("GET", f"{USER_PATH}/groups", GROUPS),
    Operation("POST", f"{USER_PATH}/groups", {}, (), ("groupid",)),
    Operation("DELETE", f"{USER_PATH}/groups", {}, ("groupid",)),
    Operation("GET", "/cloud/groups", GROUPS, (), LISTING),
)


def problems(method: str, path: str, sent: set[str], received: object) -> list[str]:
    """Return what the description does not allow in a request and its response.

    Args:
        method: The HTTP method.
        path: The path below `/ocs/v1.php`.
        sent: The names of the parameters in the query string and the form.
        received: The whole response.
    """
    for operation in OPERATIONS:
        if operation.method == method and re.fullmatch(operation.path, path):
            break
    else:
        return ["the request is not described"]
    allowed = {"format", *operation.required, *operation.optional}
    found = [f"parameter {name}" for name in sorted(sent - allowed)]
    found += [f"no parameter {name}" for name in operation.required if name not in sent]
    meta = record({"ocs": record({"meta": META, "data": {}})})
    found += problems_of(meta, received)
    if not found and received["ocs"]["meta"]["statuscode"] == 100:  # type: ignore[index]
        found = problems_of(operation.data, received["ocs"]["data"])  # type: ignore[index]
    return found
