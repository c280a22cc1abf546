"""Suggestions: one measure, and events by what their names mean."""

from __future__ import annotations

import pytest

from puqpanel.domain import events
from puqpanel.domain.event_names import suggest
from puqpanel.domain.suggestions import distance, nearest

MEANT = {
    # swapped, missing, added and wrong letters
    "service.craeted": "service.create_succeeded",
    "service.creat": "service.create",
    "service.suspnd_failed": "service.suspend_failed",
    "service.unsupend": "service.unsuspend",
    "payment.recieved": "payment.received",
    "user.loged_in": "user.after_login",
    # another tense or word
    "service.created": "service.create_succeeded",
    "service.create_fail": "service.create_failed",
    "service.created_failed": "service.create_failed",
    "service.creation_failure": "service.create_failed",
    "service.terminated": "service.termination_succeeded",
    "service.terminate": "service.termination",
    "service.cancelled": "service.cancellation_succeeded",
    "service.package_changed": "service.change_package_succeeded",
    "invoice.create": "invoice.created",
    "invoice.payed": "invoice.paid",
    "module.activate": "module.activated",
    "staff.login": "staff.after_login",
    "user.registered": "user.after_register",
    # another prefix
    "servcie.created": "service.create_succeeded",
    "services.create_failed": "service.create_failed",
    "tasks.failed": "task.failed",
    "setting.changed": "settings.changed",
    "payement.failed": "payment.failed",
    "invoice.received": "payment.received",
    "Service.Created": "service.create_succeeded",
    # nothing near
    "service.zebra": "",
    "service.failed": "",
    "task.done": "",
    "hcloud.account.created": "",
    "monitoring.down": "",
    "order.paid": "",
}


@pytest.mark.parametrize("name", MEANT)
def test_the_event_that_was_meant(name: str) -> None:
    assert suggest(name, events.EVENTS) == MEANT[name]


@pytest.mark.parametrize("name", events.EVENTS)
def test_an_event_with_two_letters_swapped_is_found(name: str) -> None:
    assert suggest(name, events.EVENTS) == name
    swapped = name[:-3] + name[-2] + name[-3] + name[-1]
    assert suggest(swapped, events.EVENTS) == name


def test_only_names_without_a_reserved_prefix_are_mistaken() -> None:
    assert events.mistaken("servcie.created") == "service.create_succeeded"
    assert events.mistaken("service.craeted") == ""  # the module is refused for it
    assert events.mistaken("echo.created") == ""
    assert "did you mean service.create_succeeded?" in events.missing("service.craeted")


def test_the_measure() -> None:
    pairs = (("", "ab"), ("ab", "ab"), ("ab", "ba"), ("abc", "acb"), ("kitten", "sitting"))
    assert [distance(*pair) for pair in pairs] == [2, 0, 1, 1, 3]
    assert nearest("reqiured", ["string", "required"]) == "required"
    assert nearest("x", ["y", "z"]) == nearest("anything", []) == nearest("", ["a"]) == ""
