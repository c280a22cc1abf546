"""Principals: who does something, recorded on every audit entry and task.

A principal is built once per request, task or command. It carries the permissions that it had at
that moment, so that any layer can ask `may(…)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.permissions import EVERYTHING, MODULE_KEYS, allows


class PrincipalKind(StrEnum):
    """The kinds of principals, as stored in `actor_kind`."""

    STAFF = "staff"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind
    MODULE = "module"
    AUTOMATION = "automation"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class CurrentClient:
    """The client that a user works for; a user of several clients selects one."""

    id: int
    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a part of the panel that does something.

    Args:
        kind: the kind of principal.
        id: primary key of a staff member, user or token; None otherwise.
        name: display name.
        ip: the address of the request; empty if there is none.
        session_id: primary key of the session; None if there is none.
        uuid: of a staff member, user or token.
        permissions: staff: the keys of all roles; user: the client permissions for `client`.
        client: of a user: the current client.
        impersonated_by: of a user: the staff member who acts in the client area.
    """

    kind: PrincipalKind
    id: int | None
    name: str
    ip: str = ""
    session_id: int | None = None
    uuid: str = ""
    permissions: frozenset[str] = frozenset()
    client: CurrentClient | None = None
    impersonated_by: Principal | None = None

    def may(self, permission: str) -> bool:
        """Return whether the principal has a permission.

        The keys of staff and of users are separate: `services.manage` of a user concerns its
        current client only.
        """
        return allows(self.permissions, permission)


AUTOMATION = Principal(
    PrincipalKind.AUTOMATION, None, "automation", permissions=frozenset({EVERYTHING})
)
CLI = Principal(PrincipalKind.CLI, None, "command line", permissions=frozenset({EVERYTHING}))


def module_principal(key: str) -> Principal:
    """Return the principal of a module, `Product/MyCloudService`, which acts on its own."""
    return Principal(PrincipalKind.MODULE, None, key, permissions=MODULE_KEYS)
