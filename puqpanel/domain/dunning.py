"""Steps about unpaid documents: their kinds and their days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from puqpanel.domain.texts import Text, _, _c

LATEST_REMINDER = timedelta(days=2)
"""How long after its day a reminder is still sent."""
MAX_OFFSET, MAX_REMINDERS = 365, 10


class StepKind(StrEnum):
    """What is done because something is not paid."""

    OVERDUE = "overdue"
    REMINDER = "reminder"
    FEE = "fee"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    TERMINATE = "terminate"
    CANCEL = "cancel"


class LateFee(StrEnum):
    """How much is charged for the late payment of an invoice."""

    NONE = "none"
    PERCENT = "percent"
    AMOUNT = "amount"


LATE_FEES = {
    LateFee.NONE: _c("late fee", "None"),
    LateFee.PERCENT: _("Percentage of the unpaid amount"),
    LateFee.AMOUNT: _("Fixed amount"),
}
_K = StepKind
LABELS = {
    _K.OVERDUE: _c("step", "Overdue"),
    _K.REMINDER: _c("step", "Reminder"),
    _K.FEE: _c("step", "Late fee"),
    _K.SUSPEND: _c("step", "Suspension"),
    _K.UNSUSPEND: _c("step", "Unsuspension"),
    _K.TERMINATE: _c("step", "Termination"),
    _K.CANCEL: _c("step", "Cancellation"),
}


def suspension_day(due_on: date, days: int | None) -> date | None:
    """Return when a service is suspended for a document; None for never.

    Args:
        due_on: the last day for payment.
        days: days from then on, as the product says.
    """
    return None if days is None else due_on + timedelta(days=max(days, 1))


def termination_day(
    due_on: date, suspend_days: int | None, days: int | None, suspended_on: date | None
) -> date | None:
    """Return when a service is terminated for a document; None for never.

    A service that was suspended late has as many days until its termination as any other.

    Args:
        due_on: the last day for payment.
        suspend_days: days from then on to the suspension; None for never.
        days: days from then on to the termination; None for never.
        suspended_on: since when it is suspended; None if it is not.
    """
    if days is None:
        return None
    day = due_on + timedelta(days=max(days, 1))
    between = days - (days if suspend_days is None else suspend_days)
    if between <= 0:
        return day
    if suspended_on is None:
        first = suspension_day(due_on, suspend_days)
        return max(day, first + timedelta(days=between)) if first else day
    return max(day, suspended_on + timedelta(days=between))


def offsets(text: str) -> list[int]:
    """Return the days of a list such as `1, 7, 14`, in order.

    Raises:
        ValueError: it is not a list of numbers from 1 to MAX_OFFSET.
    """
    words = text.replace(",", " ").split()
    numbers = sorted({int(word) for word in words if word.isascii() and word.isdecimal()})
    if len(numbers) < len(set(words)) or len(numbers) > MAX_REMINDERS:
        raise ValueError(text)
    if numbers and not (numbers[0] >= 1 and numbers[-1] <= MAX_OFFSET):
        raise ValueError(text)
    return numbers


def offsets_problem(value: object) -> Text | str:
    """Return why a setting is not a list of days; empty if it is."""
    try:
        offsets(str(value))
    except ValueError:
        return _(
            "Enter up to %(count)s numbers of days from 1 to %(limit)s, such as 1, 7, 14.",
            count=MAX_REMINDERS,
            limit=MAX_OFFSET,
        )
    return ""


def reminder_due(due_on: date, issued_on: date, today: date, days: Sequence[int]) -> int | None:
    """Return which reminder is due; None if there is none.

    Of several that were missed, the latest is due. None is due on the day of issue or before.

    Args:
        due_on: the last day for payment.
        issued_on: the day of issue.
        today: the day in the time zone of the company.
        days: of all reminders, counted from the due date.
    """
    found = [
        each
        for each in days
        if due_on + timedelta(days=each) <= today <= due_on + timedelta(days=each) + LATEST_REMINDER
        and due_on + timedelta(days=each) > issued_on
    ]
    return max(found, default=None)
