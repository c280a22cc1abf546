"""The two state machines of a service: its status and its provision status.

Verbs change the provision status and the status follows: a service is active only once its create
has completed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.errors import ConflictError


class ServiceStatus(StrEnum):
    """The commercial status of a service."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    FRAUD = "fraud"


class ProvisionStatus(StrEnum):
    """The state of a service at its provider."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    NOT_FOUND = "not_found"


_S, _P = ServiceStatus, ProvisionStatus

STATUS_MOVES: dict[ServiceStatus, frozenset[ServiceStatus]] = {
    _S.PENDING: frozenset({_S.ACTIVE, _S.CANCELLED, _S.FRAUD, _S.TERMINATED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.TERMINATED, _S.FRAUD}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.TERMINATED, _S.FRAUD}),
    _S.FRAUD: frozenset({_S.PENDING, _S.ACTIVE, _S.SUSPENDED, _S.TERMINATED}),
    _S.TERMINATED: frozenset({_S.FRAUD}),
    _S.CANCELLED: frozenset({_S.FRAUD}),
}

PROVISION_MOVES: dict[ProvisionStatus, frozenset[ProvisionStatus]] = {
    _P.PENDING: frozenset({_P.PROCESSING, _P.FAILED, _P.COMPLETED}),
    _P.PROCESSING: frozenset({_P.COMPLETED, _P.FAILED, _P.SUSPENDED, _P.TERMINATED, _P.NOT_FOUND}),
    _P.COMPLETED: frozenset({_P.PROCESSING, _P.SUSPENDED, _P.TERMINATED, _P.FAILED, _P.NOT_FOUND}),
    _P.SUSPENDED: frozenset({_P.PROCESSING, _P.COMPLETED, _P.TERMINATED, _P.FAILED, _P.NOT_FOUND}),
    _P.FAILED: frozenset({_P.PROCESSING, _P.COMPLETED, _P.SUSPENDED, _P.TERMINATED, _P.NOT_FOUND}),
    _P.NOT_FOUND: frozenset({_P.PROCESSING, _P.COMPLETED, _P.SUSPENDED, _P.TERMINATED, _P.FAILED}),
    # final: a late answer of an older job must not revive a terminated service
    _P.TERMINATED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Verb:
    """An operation on a service at its provider.

    Args:
        key: used in URLs, tags and audit entries.
        label: text of its button.
        starts_from: statuses in which it can be requested.
        provision: provision statuses in which it can be requested.
        ends: the provision status after its job has completed; None for the one that the service's
            status implies.
        status: the service's status after its job has completed; None leaves it unchanged.
    """

    key: str
    label: str
    starts_from: frozenset[ServiceStatus]
    provision: frozenset[ProvisionStatus]
    ends: ProvisionStatus | None
    status: ServiceStatus | None

    @property
    def method(self) -> str:
        """The module's method that handles the request."""
        return {"terminate": "termination"}.get(self.key, self.key)

    @property
    def job(self) -> str:
        """The module's method that runs in the worker."""
        return f"{self.method}_job"


_ALIVE = frozenset({_P.COMPLETED, _P.SUSPENDED, _P.FAILED, _P.NOT_FOUND})
VERBS: dict[str, Verb] = {
    verb.key: verb
    for verb in (
        Verb(
            "create",
            "Create",
            frozenset({_S.PENDING}),
            frozenset({_P.PENDING, _P.FAILED, _P.NOT_FOUND}),
            _P.COMPLETED,
            _S.ACTIVE,
        ),
        Verb("suspend", "Suspend", frozenset({_S.ACTIVE}), _ALIVE, _P.SUSPENDED, _S.SUSPENDED),
        Verb("unsuspend", "Unsuspend", frozenset({_S.SUSPENDED}), _ALIVE, _P.COMPLETED, _S.ACTIVE),
        Verb(
            "change_package",
            "Change package",
            frozenset({_S.ACTIVE, _S.SUSPENDED}),
            _ALIVE,
            None,
            None,
        ),
        Verb(
            "terminate",
            "Terminate",
            frozenset({_S.PENDING, _S.ACTIVE, _S.SUSPENDED, _S.FRAUD}),
            _ALIVE,
            _P.TERMINATED,
            _S.TERMINATED,
        ),
        Verb("idle", "Idle", frozenset({_S.ACTIVE}), _ALIVE, None, None),
        Verb("unidle", "Wake", frozenset({_S.ACTIVE}), _ALIVE, None, None),
        Verb(
            "cancellation",
            "Cancel",
            frozenset({_S.PENDING}),
            _ALIVE | {_P.PENDING},
            None,
            _S.CANCELLED,
        ),
    )
}


def possible(verb: str, status: str, provision_status: str) -> bool:
    """Return whether a verb can be requested now."""
    rule = VERBS[verb]
    return status in rule.starts_from and provision_status in rule.provision


def check_verb(verb: str, status: str, provision_status: str) -> Verb:
    """Return a verb that can be requested now.

    Raises:
        ConflictError: it cannot be requested; the text says why.
    """
    rule = VERBS.get(verb)
    if rule is None:
        raise ConflictError(f"Unknown action “{verb}”.")
    if provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(
            f"Cannot {rule.label.lower()}: another operation is in progress. Try again later."
        )
    if not possible(verb, status, provision_status):
        raise ConflictError(
            f"Cannot {rule.label.lower()}: the service is {status} and its provision status is"
            f" {provision_status.replace('_', ' ')}."
        )
    return rule


def check_provision_move(before: str, after: str) -> None:
    """Check a change of provision status; the same status is allowed.

    Raises:
        ConflictError: `after` cannot follow `before`.
    """
    if after not in set(ProvisionStatus):
        raise ConflictError(
            f"“{after}” is not a provision status; use one of {', '.join(ProvisionStatus)}."
        )
    if before != after and ProvisionStatus(after) not in PROVISION_MOVES[ProvisionStatus(before)]:
        raise ConflictError(f"The provision status cannot change from {before} to {after}.")


def check_status_move(before: str, after: str) -> None:
    """Check a change of status; the same status is allowed.

    Raises:
        ConflictError: `after` cannot follow `before`.
    """
    if before != after and ServiceStatus(after) not in STATUS_MOVES[ServiceStatus(before)]:
        raise ConflictError(f"The status cannot change from {before} to {after}.")
