"""What a provider reports about a service, and how it differs from the panel.

Pure functions: asking the provider belongs to jobs, the choices of staff to operations.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import Text, _c

_S, _P = ServiceStatus, ProvisionStatus
COMPARABLE = frozenset({_S.PENDING, _S.ACTIVE, _S.SUSPENDED, _S.FRAUD})
"""Statuses of services that may exist at their provider."""
SETTLED = frozenset({_P.COMPLETED, _P.SUSPENDED, _P.FAILED, _P.NOT_FOUND})
"""Provision statuses of services that were requested at their provider, with nothing under way."""


class DifferenceKind(StrEnum):
    """The main difference of a service."""

    GONE = "gone"
    FOUND = "found"
    SUSPENDED = "suspended"
    NOT_SUSPENDED = "not_suspended"
    DATA = "data"


LABELS: dict[str, Text] = {
    DifferenceKind.GONE: _c("at the provider", "Gone"),
    DifferenceKind.FOUND: _c("at the provider", "Exists"),
    DifferenceKind.SUSPENDED: _c("at the provider", "Suspended"),
    DifferenceKind.NOT_SUSPENDED: _c("at the provider", "Not suspended"),
    DifferenceKind.DATA: _c("at the provider", "Data differs"),
}
"""What the provider has."""
PUSHED: Mapping[str, str] = {
    DifferenceKind.SUSPENDED: "unsuspend",
    DifferenceKind.NOT_SUSPENDED: "suspend",
    DifferenceKind.DATA: "change_package",
}
"""The verb that repeats at the provider what the panel wants."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a provider reports about a service.

    Args:
        exists: whether the account or server exists.
        suspended: whether it is suspended; None if the module does not say.
        data: values as they are kept in the data of the service.
    """

    exists: bool
    suspended: bool | None = None
    data: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, value: object) -> Observation | None:
        """Return the result of a module's `observe()`; None if it does not say what exists.

        Only True and False are answers: a wrong one would make the panel report that a service is
        gone, or believe that it was deleted.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("exists"), bool):
            return None
        suspended, data = value.get("suspended"), value.get("data")
        if not (suspended is None or isinstance(suspended, bool)):
            return None
        if not (data is None or isinstance(data, Mapping)):
            return None
        return cls(value["exists"], suspended, data)

    def as_dict(self) -> dict[str, Any]:
        """Return what `read` reads."""
        data = dict(self.data or {})
        return {"exists": self.exists, "suspended": self.suspended, "data": data}


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs."""

    key: str
    panel: Any
    provider: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """How a service differs from what its provider reports.

    Args:
        kind: the main difference.
        changes: values that differ; none if the service is gone.
    """

    kind: DifferenceKind
    changes: tuple[Change, ...] = ()

    @property
    def is_state(self) -> bool:
        """Whether the states differ, and not only the data."""
        return self.kind is not DifferenceKind.DATA

    @property
    def digest(self) -> str:
        """An identifier of this difference, to notice that it changed after it was shown."""
        values = [self.kind, *([change.key, change.provider] for change in self.changes)]
        text = json.dumps(values, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def is_comparable(status: str, provision_status: str) -> bool:
    """Return whether a service can be compared with its provider now."""
    return status in COMPARABLE and provision_status in SETTLED


def compare(
    status: str,
    provision_status: str,
    data: Mapping[str, Any],
    observation: Observation,
    *,
    idle: bool = False,
) -> Difference | None:
    """Return how a service differs from what its provider reports; None if it does not.

    Args:
        status: of the service.
        provision_status: of the service.
        data: of the service, as jobs and staff saved it.
        observation: what the provider reports.
        idle: whether it may be idle, which providers can report as suspended.
    """
    if not is_comparable(status, provision_status):
        return None
    missing = status == _S.PENDING or provision_status == _P.NOT_FOUND
    if not observation.exists:
        return None if missing else Difference(DifferenceKind.GONE)
    changes = tuple(
        Change(str(key), data.get(key), value)
        for key, value in (observation.data or {}).items()
        if value is not None and _text(data.get(key)) != _text(value)
    )
    kind = None
    if missing:
        kind = DifferenceKind.FOUND
    elif observation.suspended is True and status == _S.ACTIVE and not idle:
        kind = DifferenceKind.SUSPENDED
    elif observation.suspended is False and status == _S.SUSPENDED:
        kind = DifferenceKind.NOT_SUSPENDED
    elif changes:
        kind = DifferenceKind.DATA
    return Difference(kind, changes) if kind else None


def _text(value: Any) -> str:
    """Return a value as compared: forms and providers may differ in its type."""
    if value in (None, "", [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
