"""The two state machines of a service: its status and its provision status.

Verbs change the provision status and the status follows: a service is active only once its create
has completed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_PROVISION, SERVICES_TERMINATE
from puqpanel.domain.texts import Text, _, _c


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

STATUS_LABELS = {
    _S.PENDING: _c("service", "Pending"),
    _S.ACTIVE: _c("service", "Active"),
    _S.SUSPENDED: _c("service", "Suspended"),
    _S.TERMINATED: _c("service", "Terminated"),
    _S.CANCELLED: _c("service", "Cancelled"),
    _S.FRAUD: _c("service", "Fraud"),
}
PROVISION_LABELS = {
    _P.PENDING: _c("provisioning", "Pending"),
    _P.PROCESSING: _c("provisioning", "Processing"),
    _P.COMPLETED: _c("provisioning", "Completed"),
    _P.FAILED: _c("provisioning", "Failed"),
    _P.SUSPENDED: _c("provisioning", "Suspended"),
    _P.TERMINATED: _c("provisioning", "Terminated"),
    _P.NOT_FOUND: _c("provisioning", "Not found"),
}
STATUS_MOVES: dict[ServiceStatus, frozenset[ServiceStatus]] = {
    _S.PENDING: frozenset({_S.ACTIVE, _S.CANCELLED, _S.FRAUD, _S.TERMINATED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.TERMINATED, _S.FRAUD}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.TERMINATED, _S.FRAUD}),
    _S.FRAUD: frozenset({_S.PENDING, _S.ACTIVE, _S.SUSPENDED, _S.TERMINATED, _S.CANCELLED}),
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
        noun: names the operation in sentences: “Suspension completed.”
        starts_from: statuses in which it can be requested.
        provision: provision statuses in which it can be requested.
        ends: the provision status after its job has completed; None for the one that the service's
            status implies.
        status: the service's status after its job has completed; None leaves it unchanged.
        permission: the permission to request it, or to retry its task.
        repeats: statuses in which staff can request it again, to make the provider's state that of
            the panel.
        from_idle: whether the service must be idle (True) or not idle (False); None if it makes no
            difference.
    """

    key: str
    label: Text
    noun: Text
    starts_from: frozenset[ServiceStatus]
    provision: frozenset[ProvisionStatus]
    ends: ProvisionStatus | None
    status: ServiceStatus | None
    permission: str = SERVICES_PROVISION
    repeats: frozenset[ServiceStatus] = frozenset()
    from_idle: bool | None = None

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
            _("Create"),
            _c("operation", "Creation"),
            frozenset({_S.PENDING}),
            frozenset({_P.PENDING, _P.FAILED, _P.NOT_FOUND}),
            _P.COMPLETED,
            _S.ACTIVE,
            repeats=frozenset({_S.ACTIVE, _S.SUSPENDED}),
        ),
        Verb(
            "suspend",
            _("Suspend"),
            _c("operation", "Suspension"),
            frozenset({_S.ACTIVE}),
            _ALIVE,
            _P.SUSPENDED,
            _S.SUSPENDED,
            repeats=frozenset({_S.SUSPENDED}),
        ),
        Verb(
            "unsuspend",
            _("Unsuspend"),
            _c("operation", "Unsuspension"),
            frozenset({_S.SUSPENDED}),
            _ALIVE,
            _P.COMPLETED,
            _S.ACTIVE,
            repeats=frozenset({_S.ACTIVE}),
        ),
        Verb(
            "change_package",
            _("Change package"),
            _c("operation", "Package change"),
            frozenset({_S.ACTIVE, _S.SUSPENDED}),
            _ALIVE,
            None,
            None,
        ),
        Verb(
            "terminate",
            _("Terminate"),
            _c("operation", "Termination"),
            frozenset({_S.PENDING, _S.ACTIVE, _S.SUSPENDED, _S.FRAUD}),
            _ALIVE,
            _P.TERMINATED,
            _S.TERMINATED,
            SERVICES_TERMINATE,
        ),
        Verb(
            "idle",
            _("Make idle"),
            _c("operation", "Idling"),
            frozenset({_S.ACTIVE}),
            _ALIVE,
            None,
            None,
            from_idle=False,
        ),
        Verb(
            "unidle",
            _("Resume from idle"),
            _c("operation", "Resumption from idle"),
            frozenset({_S.ACTIVE}),
            _ALIVE,
            None,
            None,
            from_idle=True,
        ),
        Verb(
            "cancellation",
            _("Cancel"),
            _c("operation", "Cancellation"),
            frozenset({_S.PENDING}),
            _ALIVE | {_P.PENDING},
            None,
            _S.CANCELLED,
            SERVICES_TERMINATE,
        ),
    )
}


def possible(
    verb: str,
    status: str,
    provision_status: str,
    *,
    again: bool = False,
    idle: bool | None = False,
) -> bool:
    """Return whether a verb can be requested now.

    Args:
        verb: a key of `VERBS`.
        status: of the service.
        provision_status: of the service.
        again: whether it may be one that the service's status already results from.
        idle: whether the service is idle; None if that is unknown.
    """
    rule = VERBS[verb]
    statuses = rule.starts_from | rule.repeats if again else rule.starts_from
    fits = idle is None or rule.from_idle in (None, idle)
    return status in statuses and provision_status in rule.provision and fits


def check_verb(
    verb: str,
    status: str,
    provision_status: str,
    *,
    again: bool = False,
    idle: bool | None = False,
) -> Verb:
    """Return a verb that can be requested now; for the arguments see `possible`.

    Raises:
        ConflictError: it cannot be requested; the text says why.
    """
    rule = VERBS.get(verb)
    if rule is None:
        raise ConflictError(_("Unknown action “%(verb)s”.", verb=verb))
    if provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(
            _(
                "“%(verb)s” is not available while another operation is in progress."
                " Try again later.",
                verb=rule.label,
            )
        )
    if idle is not None and rule.from_idle not in (None, idle):
        raise ConflictError(
            _("“%(verb)s” is not available: the service is already idle.", verb=rule.label)
            if idle
            else _("“%(verb)s” is not available: the service is not idle.", verb=rule.label)
        )
    if not possible(verb, status, provision_status, again=again, idle=idle):
        raise ConflictError(
            _(
                "“%(verb)s” is not available: the service's status is “%(status)s” and its"
                " provision status is “%(provision)s”.",
                verb=rule.label,
                status=STATUS_LABELS[ServiceStatus(status)],
                provision=PROVISION_LABELS[ProvisionStatus(provision_status)],
            )
        )
    return rule


def check_provision_move(before: str, after: str) -> None:
    """Check a change of provision status; the same status is allowed.

    Raises:
        ConflictError: `after` cannot follow `before`.
    """
    if after not in set(ProvisionStatus):
        raise ConflictError(
            _(
                "“%(after)s” is not a provision status; use one of %(items)s.",
                after=after,
                items=", ".join(ProvisionStatus),
            )
        )
    if before != after and ProvisionStatus(after) not in PROVISION_MOVES[ProvisionStatus(before)]:
        raise ConflictError(
            _(
                "The provision status can't change from %(before)s to %(after)s.",
                before=PROVISION_LABELS[ProvisionStatus(before)],
                after=PROVISION_LABELS[ProvisionStatus(after)],
            )
        )


def check_status_move(before: str, after: str) -> None:
    """Check a change of status; the same status is allowed.

    Raises:
        ConflictError: `after` cannot follow `before`.
    """
    if before != after and ServiceStatus(after) not in STATUS_MOVES[ServiceStatus(before)]:
        raise ConflictError(
            _(
                "The status can't change from %(before)s to %(after)s.",
                before=STATUS_LABELS[ServiceStatus(before)],
                after=STATUS_LABELS[ServiceStatus(after)],
            )
        )
