"""The two state machines of a service, and the order of versions and amounts."""

from __future__ import annotations

import itertools

import pytest

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.module_states import version_order
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
        with pytest.raises(ConflictError, match="is not available"):
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
