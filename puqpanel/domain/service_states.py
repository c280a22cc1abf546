"""The two state machines of a service: what was bought, and what the provider has.

The second is moved by the verbs; the first follows it (a service is active only once its create has
completed).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.errors import ConflictError


class ServiceStatus(StrEnum):
    """What the customer bought."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    FRAUD = "fraud"


class ProvisionStatus(StrEnum):
    """What the provider has."""

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
    # what is gone at the provider does not come back: a late answer of an older job must not raise
    # it from the dead
    _P.TERMINATED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be done to a service at its provider.

    Args:
        key: as it stands in addresses, tags and audit entries.
        label: as a person reads it on a button.
        starts_from: statuses in which it may be asked for.
        provision: provision statuses in which it may be asked for.
        ends: the provision status once its job succeeded; None leaves what the service's status
            says.
        status: the status the service takes then; None leaves it.
    """

    key: str
    label: str
    starts_from: frozenset[ServiceStatus]
    provision: frozenset[ProvisionStatus]
    ends: ProvisionStatus | None
    status: ServiceStatus | None

    @property
    def method(self) -> str:
        """The module's method that is called when it is asked for."""
        return {"terminate": "termination"}.get(self.key, self.key)

    @property
    def job(self) -> str:
        """The module's method that does the work."""
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
BASIC_VERBS = ("create", "suspend", "unsuspend", "change_package", "terminate")


def possible(verb: str, status: str, provision_status: str) -> bool:
    """Return whether a verb may be asked for now."""
    rule = VERBS[verb]
    return status in rule.starts_from and provision_status in rule.provision


def check_verb(verb: str, status: str, provision_status: str) -> Verb:
    """Return the rule of a verb that may be asked for now.

    Raises:
        ConflictError: it may not; the sentence says why.
    """
    rule = VERBS.get(verb)
    if rule is None:
        raise ConflictError(f"There is nothing called “{verb}” that can be done to a service.")
    if provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(
            f"{rule.label} must wait: an operation is in progress for this service."
        )
    if not possible(verb, status, provision_status):
        raise ConflictError(
            f"{rule.label} is not possible: the service is {status} and its provisioning"
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
            f"“{after}” is no provision status; it is one of {', '.join(ProvisionStatus)}."
        )
    if before != after and ProvisionStatus(after) not in PROVISION_MOVES[ProvisionStatus(before)]:
        raise ConflictError(f"A service's provision status cannot go from {before} to {after}.")


def check_status_move(before: str, after: str) -> None:
    """Check a change of status; the same status is allowed.

    Raises:
        ConflictError: `after` cannot follow `before`.
    """
    if before != after and ServiceStatus(after) not in STATUS_MOVES[ServiceStatus(before)]:
        raise ConflictError(f"A service cannot go from {before} to {after}.")
