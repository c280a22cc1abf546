"""VAT numbers are checked at VIES; while they are pending, tax is charged."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer

from puqpanel.domain.errors import ConflictError, ExternalServiceError, InvalidInput
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Task
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.billing import documents, vat_numbers
from puqpanel.operations.billing.documents import Draft
from tests.operations.billing.conftest import STAFF, lines

NUMBER = "DE136695976"
VALID = {
    "countryCode": "DE",
    "vatNumber": "136695976",
    "valid": True,
    "requestDate": "2026-11-30T01:00:00Z",
    "name": "New GmbH",
}


@pytest.fixture
def vies(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """A server of the test that answers as VIES does."""
    monkeypatch.setattr(vat_numbers, "SERVICE", httpserver.url_for(""))
    return httpserver


@pytest.fixture
def business(panel: Any) -> Client:
    """A business in Germany whose VAT number was just entered."""
    return clients.create_client(
        actor=STAFF,
        name="Nina",
        company="New GmbH",
        email="n@example.test",
        country="DE",
        details=BuyerDetails(buyer_kind="business", vat_number="136 695 976"),
    )


def status(client: Client) -> str:
    session().expire_all()
    return clients.find_client(client.uuid).vat_status


def answer(vies: HTTPServer, body: Any, code: int = 200) -> None:
    vies.expect_request("/check-vat-number", method="POST").respond_with_json(body, code)


def test_a_number_that_was_entered_is_checked_and_frees_from_tax(
    vies: HTTPServer, business: Client, company: Any
) -> None:
    assert (business.vat_number, business.vat_status) == (NUMBER, "pending")
    task = session().scalars(sa.select(Task).where(Task.job == "VatCheckJob")).one()
    draft = documents.create_draft(actor=STAFF, client_uuid=business.uuid, draft=Draft(lines("10")))
    assert str(draft.tax) == "2.30 EUR"
    answer(vies, VALID)
    vat_numbers.ask(client_uuid=task.data["client"], number=task.data["number"])
    assert status(business) == "confirmed"
    draft = documents.create_draft(actor=STAFF, client_uuid=business.uuid, draft=Draft(lines("10")))
    assert (str(draft.tax), draft.taxes[0].category) == ("0.00 EUR", "AE")
    (check,) = vat_numbers.checks(business)
    assert check.answer["name"] == "New GmbH"


@pytest.mark.parametrize("entered", ["GR094259216", "el 094 259 216", "094259216"])
def test_a_greek_number_has_the_prefix_of_vies(panel: Any, entered: str) -> None:
    created = clients.create_client(
        actor=STAFF,
        name="Eleni",
        email="e@example.test",
        country="GR",
        details=BuyerDetails(buyer_kind="business", vat_number=entered),
    )
    assert (created.vat_number, created.vat_status) == ("EL094259216", "pending")


def test_a_refused_number_stays_taxed(vies: HTTPServer, business: Client) -> None:
    answer(vies, {**VALID, "valid": False})
    vat_numbers.ask(business.uuid, NUMBER)
    assert status(business) == "refused"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 500),
        ({"actionSucceed": False, "errorWrappers": []}, 200),
        ([], 200),
        ({"valid": "yes"}, 200),
    ],
)
def test_without_an_answer_it_stays_pending(
    vies: HTTPServer, business: Client, body: Any, code: int
) -> None:
    answer(vies, body, code)
    with pytest.raises(ExternalServiceError, match="did not answer"):
        vat_numbers.ask(business.uuid, NUMBER)
    assert status(business) == "pending"


def test_a_late_answer_for_another_number_changes_nothing(
    vies: HTTPServer, business: Client
) -> None:
    answer(vies, VALID)
    clients.update_client(
        actor=STAFF,
        uuid=business.uuid,
        name="Nina",
        email="n@example.test",
        country="DE",
        details=BuyerDetails(buyer_kind="business", vat_number="DE129273398"),
    )
    vat_numbers.ask(business.uuid, NUMBER)
    assert status(business) == "pending"
    assert vat_numbers.checks(business) == []


def test_numbers_that_stay_pending_are_checked_again(vies: HTTPServer, business: Client) -> None:
    def tasks() -> list[str]:
        found = session().scalars(sa.select(Task).where(Task.job == "VatCheckJob"))
        return [str(task.status) for task in found]

    def end_task() -> None:
        with transaction() as current:
            current.execute(sa.update(Task).values(status=TaskStatus.FAILED, waiting_key=None))

    assert (vat_numbers.check_pending(), len(tasks())) == (0, 1)
    end_task()
    assert (vat_numbers.check_pending(), len(tasks())) == (1, 2)
    assert vat_numbers.check_pending() == 0
    end_task()
    answer(vies, VALID)
    vat_numbers.ask(business.uuid, NUMBER)
    assert vat_numbers.check_pending() == 0


def test_staff_decide_with_a_reason(business: Client) -> None:
    def decide(number: str, reason: str) -> None:
        vat_numbers.decide(
            actor=STAFF, client_uuid=business.uuid, number=number, status="confirmed", reason=reason
        )

    with pytest.raises(InvalidInput):
        decide(NUMBER, " ")
    with pytest.raises(ConflictError, match="changed to DE136695976 in the meantime"):
        decide("DE129273398", "Called the tax office")
    assert status(business) == "pending"
    decide(NUMBER, "Called the tax office")
    assert status(business) == "confirmed"
    with pytest.raises(ConflictError, match="no VAT number"):
        other = clients.create_client(actor=STAFF, name="Tom", email="t@example.test")
        vat_numbers.check_again(actor=STAFF, client_uuid=other.uuid)
