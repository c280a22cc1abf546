"""The two state machines of a service, and the order of versions and amounts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.module_states import version_order
from puqpanel.domain.money import Money
from puqpanel.domain.service_states import (
    PROVISION_MOVES,
    VERBS,
    ProvisionStatus,
    ServiceStatus,
    check_provision_move,
    check_verb,
    possible,
)
from puqpanel.domain.task_states import CANCELLABLE, ENDED, OPEN, RETRYABLE, TaskStatus

STATES = list(itertools.product(ServiceStatus, ProvisionStatus))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("status", "provision"), STATES)
def test_verbs_are_refused_while_processing(verb: str, status: str, provision: str) -> None:
    if provision == ProvisionStatus.PROCESSING:
        with pytest.raises(ConflictError, match="in progress"):
            check_verb(verb, status, provision)
    elif possible(verb, status, provision):
        assert check_verb(verb, status, provision).key == verb
    else:
        with pytest.raises(ConflictError, match=r"^Cannot "):
            check_verb(verb, status, provision)


def test_new_service_can_only_be_created_or_cancelled() -> None:
    assert [verb for verb in VERBS if possible(verb, "pending", "pending")] == [
        "create",
        "cancellation",
    ]


def test_basic_verbs_can_be_requested_again_after_a_failure() -> None:
    before = {
        "create": "pending",
        "suspend": "active",
        "unsuspend": "suspended",
        "change_package": "active",
        "terminate": "active",
    }
    assert all(possible(verb, status, "failed") for verb, status in before.items())


def test_terminated_provision_status_is_final() -> None:
    assert not PROVISION_MOVES[ProvisionStatus.TERMINATED]
    check_provision_move("terminated", "terminated")
    with pytest.raises(ConflictError):
        check_provision_move("terminated", "completed")
    with pytest.raises(ConflictError, match="not a provision status"):
        check_provision_move("pending", "finished")


def test_task_states_are_complete() -> None:
    assert set(TaskStatus) == OPEN | ENDED and not OPEN & ENDED
    assert CANCELLABLE <= OPEN
    assert (
        TaskStatus.COMPLETED not in RETRYABLE and TaskStatus.RUNNING not in RETRYABLE | CANCELLABLE
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9", "1.10"),
        ("1.0.0-rc1", "1.0.0"),
        ("1.0", "1.0.1"),
        ("0.9.9", "1"),
        ("1.0-alpha", "1.0-beta"),
    ],
)
def test_versions_sort_numerically(older: str, newer: str) -> None:
    assert version_order(older) < version_order(newer)


def test_versions_ignore_trailing_zeros() -> None:
    assert version_order("1.0") == version_order("1.0.0")


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "PLN"]))
def test_money_round_trips_through_text(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    assert Money.parse(str(amount.major), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1,50", "EUR", 150),
        (" 7 ", "EUR", 700),
        ("0.5", "EUR", 50),
        ("1000", "JPY", 1000),
        ("1.500", "KWD", 1500),
        ("-3.20", "EUR", -320),
        ("1.5000", "EUR", 150),
    ],
)
def test_amounts_are_parsed(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency).minor == minor


@pytest.mark.parametrize(
    "text",
    ["much", "", "1,000", "12,345", "1,234.56", "0.001", "1e3", "١٢", "NaN", "1.2.3", "1 000"],
)
def test_ambiguous_amounts_are_rejected(text: str) -> None:
    with pytest.raises(UserError, match=r"amount|decimals"):
        Money.parse(text, "EUR")


def test_money_formats() -> None:
    assert str(Money(129050, "EUR")) == "€1,290.50"
