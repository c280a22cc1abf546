"""Tone, icon and label of every status and timeline entry that the panel shows.

Tones: good, warn, bad, busy, odd, mute. Kinds in PLAIN (background work) are shown as text with a
coloured icon, all others (services, modules) as filled badges, to keep the two apart.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from puqpanel.domain.differences import LABELS as DIFFERENCES
from puqpanel.domain.differences import DifferenceKind
from puqpanel.domain.document_states import LABELS as DOCUMENTS
from puqpanel.domain.document_states import OVERDUE, PARTLY_CREDITED, DocumentStatus
from puqpanel.domain.offer_states import LABELS as OFFERS
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.domain.order_states import LABELS as ORDERS
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.payment_states import LABELS as PAYMENTS
from puqpanel.domain.payment_states import PaymentStatus as Paid
from puqpanel.domain.service_states import (
    PROVISION_LABELS,
    STATUS_LABELS,
    ProvisionStatus,
    ServiceStatus,
)
from puqpanel.domain.task_states import LABELS as TASK_LABELS
from puqpanel.domain.task_states import TaskStatus
from puqpanel.domain.texts import Text, _, _c, verbatim

Tone = Literal["good", "warn", "bad", "busy", "odd", "mute"]


class Status(NamedTuple):
    """The appearance of a status.

    Args:
        tone: selects the colour.
        icon: a Font Awesome name, with its style if that is not solid.
        word: the label.
    """

    tone: Tone
    icon: str
    word: Text

    @property
    def turns(self) -> bool:
        """Whether the icon spins because work is in progress."""
        return self.icon == "rotate"


STATUSES: dict[str, dict[str, Status]] = {
    "service": {
        ServiceStatus.PENDING: Status(
            "mute", "fa-regular fa-clock", STATUS_LABELS[ServiceStatus.PENDING]
        ),
        ServiceStatus.ACTIVE: Status("good", "circle-check", STATUS_LABELS[ServiceStatus.ACTIVE]),
        ServiceStatus.SUSPENDED: Status(
            "warn", "circle-pause", STATUS_LABELS[ServiceStatus.SUSPENDED]
        ),
        ServiceStatus.TERMINATED: Status(
            "mute", "circle-stop", STATUS_LABELS[ServiceStatus.TERMINATED]
        ),
        ServiceStatus.CANCELLED: Status("mute", "ban", STATUS_LABELS[ServiceStatus.CANCELLED]),
        ServiceStatus.FRAUD: Status("odd", "user-secret", STATUS_LABELS[ServiceStatus.FRAUD]),
    },
    "provision": {
        ProvisionStatus.PENDING: Status(
            "mute", "hourglass-start", PROVISION_LABELS[ProvisionStatus.PENDING]
        ),
        ProvisionStatus.PROCESSING: Status(
            "busy", "rotate", PROVISION_LABELS[ProvisionStatus.PROCESSING]
        ),
        ProvisionStatus.COMPLETED: Status(
            "good", "check", PROVISION_LABELS[ProvisionStatus.COMPLETED]
        ),
        ProvisionStatus.FAILED: Status(
            "bad", "triangle-exclamation", PROVISION_LABELS[ProvisionStatus.FAILED]
        ),
        ProvisionStatus.SUSPENDED: Status(
            "warn", "pause", PROVISION_LABELS[ProvisionStatus.SUSPENDED]
        ),
        ProvisionStatus.TERMINATED: Status(
            "mute", "stop", PROVISION_LABELS[ProvisionStatus.TERMINATED]
        ),
        ProvisionStatus.NOT_FOUND: Status(
            "bad", "circle-question", PROVISION_LABELS[ProvisionStatus.NOT_FOUND]
        ),
    },
    "task": {
        TaskStatus.QUEUED: Status("mute", "hourglass-start", TASK_LABELS[TaskStatus.QUEUED]),
        TaskStatus.RUNNING: Status("busy", "rotate", TASK_LABELS[TaskStatus.RUNNING]),
        TaskStatus.RETRYING: Status("warn", "rotate-right", TASK_LABELS[TaskStatus.RETRYING]),
        TaskStatus.WAITING: Status("mute", "hourglass-half", TASK_LABELS[TaskStatus.WAITING]),
        TaskStatus.COMPLETED: Status("good", "check", TASK_LABELS[TaskStatus.COMPLETED]),
        TaskStatus.FAILED: Status("bad", "circle-xmark", TASK_LABELS[TaskStatus.FAILED]),
        TaskStatus.LOST: Status("bad", "link-slash", TASK_LABELS[TaskStatus.LOST]),
        TaskStatus.CANCELLED: Status("mute", "ban", TASK_LABELS[TaskStatus.CANCELLED]),
        TaskStatus.PARKED: Status("warn", "circle-pause", TASK_LABELS[TaskStatus.PARKED]),
    },
    "module": {
        "inactive": Status("mute", "power-off", _c("module", "Inactive")),
        "active": Status("good", "circle-check", _c("module", "Active")),
        "restricted": Status("warn", "lock", _c("module", "Needs an update")),
        "error": Status("bad", "circle-xmark", _c("module", "Error")),
        "failing": Status("bad", "triangle-exclamation", _c("module", "Circuit breaker open")),
    },
    "difference": {
        DifferenceKind.GONE: Status("bad", "link-slash", DIFFERENCES[DifferenceKind.GONE]),
        DifferenceKind.FOUND: Status("warn", "circle-plus", DIFFERENCES[DifferenceKind.FOUND]),
        DifferenceKind.SUSPENDED: Status(
            "warn", "circle-pause", DIFFERENCES[DifferenceKind.SUSPENDED]
        ),
        DifferenceKind.NOT_SUSPENDED: Status(
            "warn", "circle-play", DIFFERENCES[DifferenceKind.NOT_SUSPENDED]
        ),
        DifferenceKind.DATA: Status("mute", "not-equal", DIFFERENCES[DifferenceKind.DATA]),
    },
    "level": {
        "debug": Status("mute", "bug", _c("log level", "Debug")),
        "info": Status("good", "check", _c("log level", "Info")),
        "error": Status("bad", "circle-xmark", _c("log level", "Error")),
    },
    "check": {
        "ok": Status("good", "check", _("OK")),
        "warn": Status("warn", "triangle-exclamation", _c("check", "Warning")),
        "fail": Status("bad", "circle-xmark", _c("check", "Failed")),
    },
    "account": {
        "active": Status("good", "circle-check", _c("account", "Active")),
        "inactive": Status("mute", "power-off", _c("account", "Inactive")),
    },
    "client": {
        "active": Status("good", "circle-check", _c("client", "Active")),
        "inactive": Status("mute", "power-off", _c("client", "Inactive")),
    },
    "instance": {
        "on": Status("good", "circle-check", _c("gateway or sender", "Enabled")),
        "off": Status("mute", "power-off", _c("gateway or sender", "Disabled")),
        "held": Status("warn", "circle-pause", _c("gateway or sender", "Unavailable")),
    },
    "currency": {
        "base": Status("good", "star", _("Base currency")),
        "enabled": Status("good", "circle-check", _("Enabled")),
        "disabled": Status("mute", "power-off", _("Disabled")),
    },
    "document": {
        DocumentStatus.DRAFT: Status("mute", "pen", DOCUMENTS[DocumentStatus.DRAFT]),
        DocumentStatus.ISSUED: Status(
            "warn", "fa-regular fa-clock", DOCUMENTS[DocumentStatus.ISSUED]
        ),
        DocumentStatus.PARTLY_PAID: Status(
            "warn", "circle-half-stroke", DOCUMENTS[DocumentStatus.PARTLY_PAID]
        ),
        DocumentStatus.PAID: Status("good", "circle-check", DOCUMENTS[DocumentStatus.PAID]),
        DocumentStatus.CREDITED: Status(
            "mute", "file-circle-minus", DOCUMENTS[DocumentStatus.CREDITED]
        ),
        DocumentStatus.WRITTEN_OFF: Status("mute", "eraser", DOCUMENTS[DocumentStatus.WRITTEN_OFF]),
        DocumentStatus.CANCELLED: Status("mute", "ban", DOCUMENTS[DocumentStatus.CANCELLED]),
        "partly_credited": Status("warn", "circle-half-stroke", PARTLY_CREDITED),
        "overdue": Status("bad", "triangle-exclamation", OVERDUE),
        "credit_note": Status("mute", "file-circle-minus", _c("credit note", "Issued")),
    },
    "vat": {
        "pending": Status("busy", "fa-regular fa-clock", _c("VAT number", "Being checked")),
        "confirmed": Status("good", "circle-check", _c("VAT number", "Confirmed")),
        "refused": Status("bad", "circle-xmark", _c("VAT number", "Not valid")),
    },
    "order": {
        "draft": Status("mute", "pen", ORDERS[OrderStatus.DRAFT]),
        "offered": Status("busy", "paper-plane", ORDERS[OrderStatus.OFFERED]),
        "waiting": Status("warn", "user-check", ORDERS[OrderStatus.WAITING]),
        "placed": Status("good", "circle-check", ORDERS[OrderStatus.PLACED]),
        "fraud": Status("odd", "user-secret", ORDERS[OrderStatus.FRAUD]),
        "cancelled": Status("mute", "ban", ORDERS[OrderStatus.CANCELLED]),
    },
    "offer": {
        "open": Status("busy", "paper-plane", OFFERS[OfferStatus.OPEN]),
        "accepted": Status("good", "circle-check", OFFERS[OfferStatus.ACCEPTED]),
        "declined": Status("mute", "xmark", OFFERS[OfferStatus.DECLINED]),
        "withdrawn": Status("mute", "ban", OFFERS[OfferStatus.WITHDRAWN]),
        "expired": Status("mute", "calendar-xmark", OFFERS[OfferStatus.EXPIRED]),
    },
    "payment": {
        Paid.PENDING: Status("busy", "fa-regular fa-clock", PAYMENTS[Paid.PENDING]),
        Paid.UNKNOWN: Status("odd", "circle-question", PAYMENTS[Paid.UNKNOWN]),
        Paid.FAILED: Status("bad", "circle-xmark", PAYMENTS[Paid.FAILED]),
        Paid.CANCELLED: Status("mute", "ban", PAYMENTS[Paid.CANCELLED]),
        Paid.PARKED: Status("warn", "circle-pause", PAYMENTS[Paid.PARKED]),
        Paid.CLOSED: Status("mute", "box-archive", PAYMENTS[Paid.CLOSED]),
        Paid.SUCCEEDED: Status("good", "circle-check", PAYMENTS[Paid.SUCCEEDED]),
    },
    "payout": {
        "pending": Status("busy", "fa-regular fa-clock", _c("payout", "In transit")),
        "paid": Status("good", "circle-check", _c("payout", "Paid out")),
        "failed": Status("bad", "circle-xmark", _c("payout", "Failed")),
        "removed": Status("mute", "ban", _c("payout", "Removed")),
    },
    "refund": {
        "requested": Status("busy", "hourglass-start", _c("refund", "Requested")),
        "pending": Status("busy", "fa-regular fa-clock", _c("refund", "Pending")),
        "unknown": Status("odd", "circle-question", _c("refund", "Unknown")),
        "succeeded": Status("good", "circle-check", _c("refund", "Succeeded")),
        "failed": Status("bad", "circle-xmark", _c("refund", "Failed")),
        "refunded": Status("mute", "arrow-rotate-left", _c("payment", "Refunded")),
        "partly_refunded": Status("mute", "arrow-rotate-left", _c("payment", "Partly refunded")),
        "disputed": Status("bad", "scale-balanced", _c("payment", "Disputed")),
    },
    "dispute": {
        "requested": Status("bad", "scale-balanced", _c("dispute", "Open")),
        "pending": Status("bad", "scale-balanced", _c("dispute", "Open")),
        "unknown": Status("bad", "scale-balanced", _c("dispute", "Open")),
        "succeeded": Status("mute", "scale-balanced", _c("dispute", "Lost")),
        "failed": Status("good", "circle-check", _c("dispute", "Won")),
    },
    "attempt": {
        "open": Status("busy", "fa-regular fa-clock", _c("payment attempt", "Open")),
        "unknown": Status("odd", "circle-question", _c("payment attempt", "Unknown")),
        "succeeded": Status("good", "circle-check", _c("payment attempt", "Succeeded")),
        "failed": Status("bad", "circle-xmark", _c("payment attempt", "Failed")),
        "expired": Status("mute", "calendar-xmark", _c("payment attempt", "Expired")),
    },
    "payment_event": {
        "received": Status("busy", "hourglass-start", _c("payment event", "Received")),
        "read": Status("good", "circle-check", _c("payment event", "Read")),
        "rejected": Status("warn", "ban", _c("payment event", "Rejected")),
        "failed": Status("bad", "circle-xmark", _c("payment event", "Failed")),
    },
    "coupon": {
        "active": Status("good", "circle-check", _c("coupon", "Active")),
        "later": Status("mute", "fa-regular fa-clock", _c("coupon", "Not yet valid")),
        "used_up": Status("mute", "circle-stop", _c("coupon", "Used up")),
        "ended": Status("mute", "ban", _c("coupon", "Ended")),
    },
    "company": {
        "default": Status("good", "star", _c("company", "Default")),
        "active": Status("good", "circle-check", _c("company", "Active")),
        "inactive": Status("mute", "power-off", _c("company", "Inactive")),
    },
    "product": {
        "active": Status("good", "circle-check", _c("product", "On sale")),
        "inactive": Status("mute", "box-archive", _c("product", "Not on sale")),
        "unconfigured": Status("warn", "triangle-exclamation", _c("product", "Not configured")),
    },
}
PLAIN = frozenset({"provision", "task", "difference", "level", "check"})
NOTICE_ICONS = {
    "good": "circle-check",
    "warn": "triangle-exclamation",
    "bad": "circle-xmark",
    "busy": "circle-info",
}


def status(kind: str, key: str) -> Status:
    """Return the appearance of a status; an unknown one is shown muted under its own name.

    Args:
        kind: a key of STATUSES.
        key: the status as stored.
    """
    return STATUSES.get(kind, {}).get(key) or Status(
        "mute", "circle-question", verbatim(key.replace("_", " ").capitalize())
    )


EVENT_TONES: tuple[tuple[str, Tone, str], ...] = (
    (".suspend_succeeded", "warn", "pause"),
    (".idle_succeeded", "mute", "moon"),
    (".terminate_succeeded", "mute", "stop"),
    (".cancellation_succeeded", "mute", "ban"),
    (".fraud_marked", "odd", "user-secret"),
    ("_failed", "bad", "triangle-exclamation"),
    ("_refused", "bad", "ban"),
    ("failed_authorization", "bad", "lock"),
    ("_requested", "busy", "rotate"),
    ("_succeeded", "good", "check"),
    (".created_again", "busy", "bolt"),
    (".created", "good", "plus"),
    (".switched_on", "good", "power-off"),
    (".switched_off", "mute", "power-off"),
    (".deleted", "bad", "trash-can"),
    (".activated", "good", "power-off"),
    (".deactivated", "mute", "power-off"),
    ("module.failing", "bad", "triangle-exclamation"),
    (".resumed", "good", "play"),
    (".purged", "bad", "trash-can"),
    (".refreshed", "mute", "rotate"),
    (".taken_over", "busy", "arrow-down"),
    (".pushed_again", "busy", "arrow-up"),
    ("password", "mute", "key"),
    ("signed_", "mute", "arrow-right-to-bracket"),
)


def event_tone(action: str) -> tuple[Tone, str]:
    """Return the tone and icon of a timeline entry, by its audit action."""
    return next(
        ((tone, icon) for part, tone, icon in EVENT_TONES if part in action), ("mute", "pen")
    )
