"""The table of the panel's events: name, description and payload.

Modules also dispatch events of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from puqpanel.domain.event_names import suggest
from puqpanel.domain.service_states import VERBS


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the panel.

    Args:
        name: dotted name.
        description: one sentence.
        payload: keys of the payload; all values are plain.
    """

    name: str
    description: str
    payload: tuple[str, ...]


def _account(kind: str, who: str) -> tuple[Event, ...]:
    key = f"{kind}_uuid"
    return (
        Event(
            f"{kind}.before_login",
            f"{who} submitted an e-mail address and a password; neither has been checked.",
            ("email", "ip"),
        ),
        Event(f"{kind}.after_login", f"{who} signed in.", (key, "ip")),
        Event(
            f"{kind}.failed_authorization",
            f"{who} failed to sign in.",
            ("email", "ip"),
        ),
        Event(f"{kind}.before_logout", f"{who} is about to be signed out.", (key, "ip")),
        Event(f"{kind}.after_logout", f"{who} signed out.", (key, "ip")),
    )


_SERVICE = ("service_uuid", "task_uuid")
_TABLE: tuple[Event, ...] = (
    *_account("staff", "A staff member"),
    Event(
        "staff.permissions_changed",
        "The permissions of a staff member or a role changed.",
        ("staff_uuid", "role_uuid"),
    ),
    *_account("user", "A customer's user"),
    Event(
        "user.before_register",
        "An account was requested but not created yet.",
        ("email", "ip"),
    ),
    Event("user.after_register", "An account was created.", ("user_uuid", "ip")),
    Event("user.before_password_reset", "A password reset was requested.", ("email", "ip")),
    Event("user.after_password_reset", "A password was reset.", ("user_uuid", "ip")),
    Event(
        "client.vat_number_changed",
        "A client got a VAT number that must be confirmed.",
        ("client_uuid",),
    ),
    Event("service.pending", "A service was sold and is not provisioned yet.", ("service_uuid",)),
    *(
        event
        for verb, noun in ((each.method, each.noun.source) for each in VERBS.values())
        for event in (
            Event(
                f"service.{verb}",
                f"{noun} was requested for a service.",
                ("service_uuid",),
            ),
            Event(f"service.{verb}_succeeded", f"{noun} completed for a service.", _SERVICE),
            Event(
                f"service.{verb}_failed",
                f"{noun} failed for a service; the reason is for staff only.",
                (*_SERVICE, "reason"),
            ),
        )
    ),
    Event(
        "service.options_updated", "The module settings of a service changed.", ("service_uuid",)
    ),
    Event(
        "service.provision_status_changed",
        "The provision status of a service changed.",
        ("service_uuid", "before", "after"),
    ),
    Event("proforma.created", "A proforma was created.", ("proforma_uuid", "client_uuid")),
    Event("invoice.created", "An invoice was issued.", ("invoice_uuid", "client_uuid")),
    Event("invoice.paid", "An invoice was paid in full.", ("invoice_uuid", "client_uuid")),
    Event(
        "invoice.refunded",
        "A credit note was issued for an invoice.",
        ("invoice_uuid", "client_uuid"),
    ),
    Event(
        "invoice.overdue", "An invoice or proforma became overdue.", ("invoice_uuid", "client_uuid")
    ),
    Event(
        "invoice.reminder",
        "The client is to be reminded of an unpaid invoice or proforma: `days` after its due date,"
        " negative before it.",
        ("invoice_uuid", "client_uuid", "days"),
    ),
    Event(
        "invoice.charge_failed",
        "A saved payment method could not be charged automatically for an invoice or proforma.",
        ("invoice_uuid", "client_uuid", "reason"),
    ),
    Event("payment.received", "A payment was received.", ("payment_uuid", "client_uuid")),
    Event(
        "credit.low",
        "The credit of a client covers its prepaid services for a few days only.",
        ("client_uuid", "credit", "days"),
    ),
    Event(
        "credit.cap_near",
        "The prepaid services of a client used 80 percent of its monthly spending cap.",
        ("client_uuid", "spent", "cap"),
    ),
    Event("payment.failed", "A payment failed.", ("payment_uuid", "client_uuid")),
    Event(
        "payment.parked",
        "A payment was received that belongs to no client or document.",
        ("payment_uuid", "reason"),
    ),
    Event(
        "payment.disputed",
        "A payer disputed a payment, and the gateway withdrew the money.",
        ("payment_uuid", "client_uuid"),
    ),
    Event(
        "payment_method.disabled",
        "A saved payment method is no longer charged.",
        ("client_uuid", "name"),
    ),
    Event(
        "task.failed",
        "A task failed and will not be retried.",
        ("task_uuid", "job", "module", "service_uuid", "note"),
    ),
    Event(
        "task.lost",
        "A task was lost: its worker crashed and the result is unknown.",
        ("task_uuid", "job", "module", "service_uuid", "note"),
    ),
    Event(
        "settings.changed",
        "Staff changed settings of the panel; the payload has their names, not their values.",
        ("names",),
    ),
    Event("module.activated", "A module was activated.", ("module", "version")),
    Event("module.updated", "A module was updated.", ("module", "version")),
    Event("module.deactivated", "A module was deactivated.", ("module",)),
    Event(
        "module.failing",
        "The circuit breaker of a module opened; its tasks are parked.",
        ("module", "reason"),
    ),
)
EVENTS: Mapping[str, Event] = MappingProxyType({event.name: event for event in _TABLE})
LATER = frozenset(
    name
    for name in EVENTS
    if name
    in (
        "user.before_password_reset",
        "user.after_password_reset",
    )
)
"""Events that modules may listen to although this version does not raise them yet."""
AREAS = frozenset(name.partition(".")[0] for name in EVENTS)
"""Prefixes that are reserved for the panel; events of modules use others."""


def missing(name: str) -> str:
    """Return why an event name is invalid; empty if the panel or a module may dispatch it."""
    if name in EVENTS or name.partition(".")[0] not in AREAS:
        return ""
    near = suggest(name, EVENTS)
    return f"The panel has no event “{name}”" + (f"; did you mean {near}?" if near else ".")


def mistaken(name: str) -> str:
    """Return the panel's event that a name of an unreserved prefix may mean; empty if none."""
    return "" if name.partition(".")[0] in AREAS else suggest(name, EVENTS)
