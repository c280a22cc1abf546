"""Principals: the actors recorded on every audit entry and task.

A principal is built once per request, task or command. It carries the permissions that it had at
that moment, so that any layer can ask `may(…)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.errors import PermissionDenied
from puqpanel.domain.permissions import EVERYTHING, allows
from puqpanel.domain.texts import _


class PrincipalKind(StrEnum):
    """The kinds of principals, as stored in `actor_kind`."""

    STAFF = "staff"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind
    MODULE = "module"
    AUTOMATION = "automation"
    CLI = "cli"
    LINK = "link"
    """Holder of a public link, without an account."""


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

    def require(self, permission: str = "") -> None:
        """Check that the principal is not a user and has a staff permission.

        The first line of every operation of staff; automation and the command line have every
        permission.

        Args:
            permission: a key of `PANEL_PERMISSIONS` or of a module; empty admits all staff.

        Raises:
            PermissionDenied: it lacks the permission, or it is a user, whose permissions concern
                their client only.
        """
        if self.kind is PrincipalKind.USER or (permission and not self.may(permission)):
            raise _denied(permission)

    def require_own(self, permission: str, *, staff: str = "") -> None:
        """Check that a user has a permission for their current client.

        Args:
            permission: a key of `CLIENT_PERMISSIONS`.
            staff: the permission that a staff member who views as the user needs as well.

        Raises:
            PermissionDenied: it is not a user of a client, or lacks the permission.
        """
        if self.kind is not PrincipalKind.USER or self.client is None or not self.may(permission):
            raise _denied(permission)
        if staff and self.impersonated_by is not None:
            self.impersonated_by.require(staff)


def _denied(permission: str) -> PermissionDenied:
    return PermissionDenied(
        _("You don't have the required permission: %(permission)s.", permission=permission)
        if permission
        else _("This is for staff only.")
    )


AUTOMATION = Principal(
    PrincipalKind.AUTOMATION, None, "automation", permissions=frozenset({EVERYTHING})
)
CLI = Principal(PrincipalKind.CLI, None, "command line", permissions=frozenset({EVERYTHING}))
