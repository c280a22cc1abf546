"""The one table of the panel's events: each name, what it says and what its payload holds.

Modules dispatch names of their own besides.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    `says` is a sentence; `payload` are the keys that come with it, all plain values.
    """

    name: str
    says: str
    payload: tuple[str, ...]


def _account(kind: str, who: str) -> tuple[Event, ...]:
    key = f"{kind}_uuid"
    return (
        Event(
            f"{kind}.before_login",
            f"{who} sent an address and a password; neither was looked at yet.",
            ("email", "ip"),
        ),
        Event(f"{kind}.after_login", f"{who} signed in.", (key, "ip")),
        Event(
            f"{kind}.failed_authorization",
            f"A sign-in of {who.lower()} was refused.",
            ("email", "ip"),
        ),
        Event(f"{kind}.before_logout", f"{who} is about to be signed out.", (key, "ip")),
        Event(f"{kind}.after_logout", f"{who} signed out.", (key, "ip")),
    )


_SERVICE = ("service_uuid", "task_uuid")
_VERBS = {
    "create": "making it at its provider",
    "suspend": "suspending it",
    "unsuspend": "bringing it back",
    "termination": "ending it",
    "cancellation": "withdrawing it before it was active",
    "change_package": "fitting it to another product",
    "idle": "putting it to rest",
    "unidle": "waking it",
}
_TABLE: tuple[Event, ...] = (
    *_account("staff", "A staff member"),
    Event(
        "staff.permissions_changed",
        "What a staff member or a role may do was changed.",
        ("staff_uuid", "role_uuid"),
    ),
    *_account("user", "A customer's user"),
    Event(
        "user.before_register",
        "Somebody asked for an account; it is not made yet.",
        ("email", "ip"),
    ),
    Event("user.after_register", "An account was made.", ("user_uuid", "ip")),
    Event("user.before_password_reset", "A new password was asked for.", ("email", "ip")),
    Event("user.after_password_reset", "A password was set anew.", ("user_uuid", "ip")),
    Event("service.pending", "A service was sold and waits to be made.", ("service_uuid",)),
    *(
        event
        for verb, doing in _VERBS.items()
        for event in (
            Event(
                f"service.{verb}",
                f"A service: {doing} was asked for; its job is queued.",
                ("service_uuid",),
            ),
            Event(f"service.{verb}_succeeded", f"A service: {doing} is done.", _SERVICE),
            Event(
                f"service.{verb}_failed",
                f"A service: {doing} failed; the reason is a sentence for staff.",
                (*_SERVICE, "reason"),
            ),
        )
    ),
    Event("service.options_updated", "The fields of a service were changed.", ("service_uuid",)),
    Event(
        "service.provision_status_changed",
        "What the provider has of a service is now another state.",
        ("service_uuid", "before", "after"),
    ),
    Event("proforma.created", "A proforma was made.", ("proforma_uuid", "client_uuid")),
    Event("invoice.created", "An invoice was issued.", ("invoice_uuid", "client_uuid")),
    Event("invoice.paid", "An invoice is paid in full.", ("invoice_uuid", "client_uuid")),
    Event(
        "invoice.refunded", "Money of an invoice was given back.", ("invoice_uuid", "client_uuid")
    ),
    Event("invoice.overdue", "An invoice was not paid in time.", ("invoice_uuid", "client_uuid")),
    Event("payment.received", "A payment arrived.", ("payment_uuid", "client_uuid")),
    Event("payment.failed", "A payment failed.", ("payment_uuid", "client_uuid")),
    Event(
        "task.failed",
        "A task failed for good.",
        ("task_uuid", "job", "module", "service_uuid", "note"),
    ),
    Event(
        "task.lost",
        "Nobody knows how far a task came: its worker vanished in the middle.",
        ("task_uuid", "job", "module", "service_uuid", "note"),
    ),
    Event("module.activated", "A module was switched on.", ("module", "version")),
    Event("module.updated", "A module was brought to the version on disk.", ("module", "version")),
    Event("module.deactivated", "A module was switched off.", ("module",)),
    Event(
        "module.failing",
        "A module failed again and again; its tasks wait until staff let it go on.",
        ("module", "reason"),
    ),
)
EVENTS: Mapping[str, Event] = MappingProxyType({event.name: event for event in _TABLE})
LATER = frozenset(
    name
    for name in EVENTS
    if name.partition(".")[0] in ("proforma", "invoice", "payment")
    or name
    in (
        "user.before_register",
        "user.after_register",
        "user.before_password_reset",
        "user.after_password_reset",
    )
)
"""Named by the contract so that a module may listen already; what raises them is not part of
this version.
"""
AREAS = frozenset(name.partition(".")[0] for name in EVENTS)
"""First words that belong to the panel: a module's own events begin with another."""


def missing(name: str) -> str:
    """Return why nobody can listen to a name, as a sentence.

    Empty where it is an event of the panel or may be one of a module.
    """
    if name in EVENTS or name.partition(".")[0] not in AREAS:
        return ""
    near = difflib.get_close_matches(name, EVENTS, 1)
    return f"The panel has no event “{name}”" + (f"; do you mean {near[0]}?" if near else ".")
