"""Staff pages for payments: the list, a payment, refunds, parked payments, events, balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import EventStatus, RefundStatus
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import verbatim
from puqpanel.host.contract.payments import DisputeReport, PaymentReport, WebhookEvent
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import (
    ConfiguredModule,
    Document,
    Payment,
    PaymentEvent,
    PaymentMethod,
    Refund,
    Task,
)
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import (
    books,
    companies,
    credit_notes,
    documents,
    issuing,
    ledger,
    payment_events,
    payment_reports,
    refunds,
    taxes,
)
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.conftest import STAFF
from tests.web.conftest import Browser

STRANGE = "00000000-0000-4000-8000-000000000000"


class Desk:
    """A company with a gateway, and what it reports."""

    def __init__(self, app: Panel, owner: Browser, client: str) -> None:
        self.app, self.owner, self.client = app, owner, client
        with app.app_context():
            taxes.load_eu_rates(actor=AUTOMATION)
            values = {"name": "Fjordhost", "country": "PL", "street": "ul. Morska 14"}
            values |= {"city": "Gdynia", "vat_number": "PL5260250274"}
            self.company = companies.save_company(actor=STAFF, uuid=None, values=values).uuid
            with transaction() as current:
                gateway = ConfiguredModule(
                    type="Payment", name="Coin", title="Coin card", active=True, data={"a": "b"}
                )
                current.add(gateway)
                current.flush()
                self.gateway = gateway.uuid

    def invoice(self, price: str = "100") -> Document:
        with self.app.app_context():
            draft = Draft([Line("Hosting", Decimal(price))])
            row = documents.create_draft(
                actor=STAFF, client_uuid=self.client, draft=draft, kind="invoice"
            )
            return issuing.issue(actor=STAFF, uuid=row.uuid)

    def arrives(self, **more: Any) -> str:
        values = {"outside_id": "pi_1", "status": "succeeded", "amount": Decimal("123.00")}
        values |= {"currency": "EUR", "payer": "Anna Berg"}
        with self.app.app_context():
            return payment_reports.record_payment(
                self.gateway, PaymentReport(**{**values, **more})
            ).uuid

    def paid(self, document: Document, **more: Any) -> str:
        return self.arrives(invoice=document.uuid, **more)

    def event(self, status: EventStatus, body: bytes = b'{"id": 1, "token": "tok_x"}') -> str:
        with self.app.app_context():
            headers = {"x-api-key": "k_secret_1", "content-type": "application/json"}
            event = WebhookEvent(new_uuid(), body, headers, now())
            payment_events.store(gateway_uuid=self.gateway, event=event)
            payment_events.close(uuid=event.uuid, status=status, note=verbatim("No such thing."))
            return event.uuid

    def text(self, path: str) -> str:
        answer = self.owner.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text.replace("&#39;", "'")

    def status(self, uuid: str) -> str:
        with self.app.app_context():
            return refunds.find_payment(uuid).status

    def problems(self) -> list[str]:
        with self.app.app_context():
            return [str(each.text) for step in books.check() for each in step.problems]


@pytest.fixture
def desk(app: Panel, owner: Browser, shop: dict[str, str]) -> Desk:
    return Desk(app, owner, shop["client"])


def test_the_list_shows_parked_payments_and_titles_of_gateways(desk: Desk) -> None:
    desk.paid(desk.invoice(), fee=Decimal("2.13"))
    parked = desk.arrives(outside_id="pi_2", reference="hello", payer="Jan Kowal")
    text = desk.text("/admin/payments/")
    assert "Coin card" in text
    assert "Jan Kowal" in text
    assert f"/admin/payments/{parked}" in text
    assert desk.gateway not in desk.text("/admin/payments/?tab=parked")
    assert "Anna Berg" not in desk.text("/admin/payments/?tab=parked")
    assert "No items have this status" in desk.text("/admin/payments/?tab=pending")
    assert "pi_1" not in desk.text("/admin/payments/?status=parked")
    assert "Gateway: Coin card" in desk.text(f"/admin/payments/?gateway={desk.gateway}")
    assert "No results" in desk.text("/admin/payments/?gateway=staff")
    assert "No results" in desk.text("/admin/payments/?received=2001-01-01..2001-01-31")
    lines = desk.text("/admin/payments/?format=csv")
    assert "Coin card" in lines and "2.13" in lines and "Jan Kowal" in lines
    assert desk.gateway not in lines


def test_the_page_of_a_payment(desk: Desk) -> None:
    document = desk.invoice()
    uuid = desk.paid(document, fee=Decimal("2.13"))
    text = desk.text(f"/admin/payments/{uuid}")
    for word in (
        "123.00\N{NO-BREAK SPACE}€",
        "2.13\N{NO-BREAK SPACE}€",
        "120.87\N{NO-BREAK SPACE}€",
        "Coin card",
        "pi_1",
        "Anna Berg",
    ):
        assert word in text
    assert document.number and document.number in text
    assert (
        desk.text(f"/admin/documents/{document.uuid}").count("Coin card") == 2
    )  # the payment and its attempt
    assert desk.owner.get(f"/admin/payments/{STRANGE}").status_code == 404


def test_a_payment_is_refunded_after_its_invoice_was_credited(desk: Desk) -> None:
    document = desk.invoice()
    uuid = desk.paid(document)
    page = f"/admin/payments/{uuid}/refund"
    text = desk.text(page)
    assert "Issue a credit note" in text
    assert f"/admin/documents/{document.uuid}/credit-note" in text
    assert "Record a refund made elsewhere" not in text
    with desk.app.app_context():
        credit_notes.credit(
            actor=STAFF, uuid=document.uuid, amount=Money(2300, "EUR"), reason="goodwill"
        )
    text = desk.text(page)
    assert "At most 23.00\N{NO-BREAK SPACE}€" in text
    data = {"amount": "23.00", "reason": "goodwill", "way": "outside", "token": "one form"}
    for wrong in (
        {"amount": "23.01"},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "x"},
        {"amount": ""},
        {"reason": " "},
        {"way": "gateway"},
        {"way": ""},
    ):
        assert desk.owner.post(page, {**data, **wrong}).status_code == 422, wrong
    for _ in range(2):
        assert desk.owner.post(page, data).status_code == 302
    with desk.app.app_context():
        assert [row.minor for row in session().scalars(sa.select(Refund))] == [2300]
    text = desk.text(f"/admin/payments/{uuid}")
    assert "goodwill" in text
    assert "Partly refunded" in desk.text("/admin/payments/")
    assert desk.problems() == []


def test_a_payment_that_did_not_arrive_is_not_refunded(desk: Desk) -> None:
    uuid = desk.paid(desk.invoice(), status="pending")
    page = f"/admin/payments/{uuid}/refund"
    assert "Only payments that were received" in (desk.owner.get(page, follow_redirects=True).text)
    data = {"amount": "1", "reason": "x", "way": "outside"}
    assert desk.owner.post(page, data).status_code == 422
    assert desk.owner.post(f"/admin/payments/{STRANGE}/refund", data).status_code == 404


def disputed(desk: Desk) -> tuple[str, str]:
    uuid = desk.paid(desk.invoice())
    report = DisputeReport("pi_1", "dp_1", "open", Decimal("123.00"), "EUR", withdrawn=True)
    with desk.app.app_context():
        payment_reports.record_all(desk.gateway, [report])
        return uuid, session().scalars(sa.select(Refund)).one().uuid


def test_the_outcome_of_a_dispute_is_entered(desk: Desk) -> None:
    uuid, refund = disputed(desk)
    assert "Disputed" in desk.text("/admin/payments/")
    text = desk.text(f"/admin/payments/{uuid}")
    assert "Taken back" in text and f"/admin/payments/refunds/{refund}/outcome" in text
    page = f"/admin/payments/refunds/{refund}/outcome"
    assert "Won: the money came back" in desk.text(page)
    for wrong in ({"outcome": "failed"}, {"reason": "seen"}, {"outcome": "no", "reason": "x"}):
        assert desk.owner.post(page, wrong).status_code == 422, wrong
    answer = desk.owner.post(page, {"outcome": "failed", "reason": "seen at the bank"})
    assert answer.status_code == 302
    assert "Won" in desk.text(f"/admin/payments/{uuid}")
    again = desk.owner.get(page, follow_redirects=True).text
    assert "The outcome of this refund is known." in again
    assert desk.owner.post(page, {"outcome": "failed", "reason": "x"}).status_code == 422
    unknown = f"/admin/payments/refunds/{STRANGE}/outcome"
    assert desk.owner.post(unknown, {"outcome": "failed"}).status_code == 404
    assert desk.problems() == []


def test_the_outcome_of_a_refund_is_entered(desk: Desk) -> None:
    document = desk.invoice()
    uuid = desk.paid(document)
    with desk.app.app_context():
        credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="goodwill")
        made = refunds.request(
            actor=STAFF,
            payment_uuid=uuid,
            amount=Money(12300, "EUR"),
            reason="goodwill",
            outside=True,
        )
        with transaction():
            refunds.find_refund(made.uuid).status = RefundStatus.UNKNOWN
    assert "Enter outcome" in desk.text(f"/admin/payments/{uuid}")
    page = f"/admin/payments/refunds/{made.uuid}/outcome"
    assert desk.owner.post(page, {"outcome": "succeeded", "reason": "seen"}).status_code == 302
    assert "Enter outcome" not in desk.text(f"/admin/payments/{uuid}")
    assert desk.problems() == []


def test_a_parked_payment_is_assigned_in_two_steps(desk: Desk) -> None:
    document, other = desk.invoice(), desk.invoice("10")
    uuid = desk.arrives(
        reference=f"{document.number} {other.number}", fee=Decimal("2.13"), payer="A. Berg"
    )
    text = desk.text(f"/admin/payments/{uuid}")
    assert "The payer names it." in text and "Likely documents" in text
    page = f"/admin/payments/{uuid}/assign"
    assert "Step 1 of 2" in desk.text(page)
    assert desk.owner.post(page, {}).status_code == 422
    found = desk.owner.post(page, {"find": "Anna", "look": "yes"})
    assert found.status_code == 200 and desk.client in found.text
    answer = desk.owner.post(page, {"client": desk.client})
    assert answer.headers["Location"].endswith(f"{page}?client={desk.client}")
    assert desk.owner.post(page, {"client": STRANGE}).status_code in (404, 422)
    second = f"{page}?client={desk.client}&document={document.uuid}"
    text = desk.text(second)
    assert "Step 2 of 2" in text and "123.00\N{NO-BREAK SPACE}€ due" in text
    assert desk.owner.post(second, {"documents": STRANGE}).status_code == 422
    assert desk.owner.get(f"{page}?client={STRANGE}").status_code == 404
    answer = desk.owner.post(second, {"documents": document.uuid, "reason": "by phone"})
    assert answer.status_code == 302
    assert desk.status(uuid) == "succeeded"
    with desk.app.app_context():
        assert documents.find_document(document.uuid).status == "paid"
    again = desk.owner.get(second, follow_redirects=True).text
    assert "This payment is not parked." in again
    assert desk.owner.post(second, {"documents": other.uuid}).status_code == 422
    assert desk.problems() == []


def test_a_payment_of_the_same_amount_is_suggested(desk: Desk) -> None:
    document = desk.invoice()
    uuid = desk.arrives(reference="thanks")
    text = desk.text(f"/admin/payments/{uuid}")
    assert "The same amount is due." in text
    assert document.number and document.number in text


def test_a_parked_payment_becomes_credit_without_documents(desk: Desk) -> None:
    uuid = desk.arrives(reference="thanks")
    page = f"/admin/payments/{uuid}/assign?client={desk.client}"
    assert "no unpaid documents in EUR" in desk.text(page)
    assert desk.owner.post(page, {"reason": ""}).status_code == 302
    assert "It is credit of the client" in desk.text(f"/admin/payments/{uuid}")
    assert desk.problems() == []


def test_documents_of_two_companies_are_not_paid_at_once(desk: Desk) -> None:
    first = desk.invoice()
    with desk.app.app_context():
        values = {"name": "Second", "country": "DE", "street": "Weg 1", "city": "Kiel"}
        second = companies.save_company(
            actor=STAFF, uuid=None, values={**values, "vat_number": "DE136695976"}
        ).uuid
    uuid = desk.arrives(reference="thanks")
    page = f"/admin/payments/{uuid}/assign?client={desk.client}"
    answer = desk.owner.post(page, {"documents": first.uuid, "company": second})
    assert answer.status_code == 422
    assert "that one company issued" in answer.text
    assert desk.status(uuid) == "parked"
    answer = desk.owner.post(page, {"documents": first.uuid, "company": ""})
    assert answer.status_code == 302


def test_a_parked_payment_is_closed(desk: Desk) -> None:
    uuid = desk.arrives(reference="thanks")
    page = f"/admin/payments/{uuid}/close"
    assert "Sent back to the payer" in desk.text(page)
    for wrong in ({"outcome": "sent_back"}, {"reason": "x"}, {"outcome": "x", "reason": "x"}):
        assert desk.owner.post(page, wrong).status_code == 422, wrong
    answer = desk.owner.post(page, {"outcome": "sent_back", "reason": "statement 31"})
    assert answer.status_code == 302
    assert desk.status(uuid) == "closed"
    assert "Sent back to the payer: statement 31" in desk.text(f"/admin/payments/{uuid}")
    assert desk.owner.get(page).status_code == 302
    assert desk.owner.post(page, {"outcome": "not_ours", "reason": "x"}).status_code == 422
    assert desk.owner.post(f"/admin/payments/{STRANGE}/close", {}).status_code == 404


def test_events_are_listed_shown_without_secrets_and_read_again(desk: Desk) -> None:
    uuid = desk.event(EventStatus.FAILED)
    done = desk.event(EventStatus.READ, b"\xff\x00")
    text = desk.text("/admin/payments/events/")
    assert "Coin card" in text and "No such thing." in text
    assert done not in desk.text("/admin/payments/events/?tab=failed")
    text = desk.text(f"/admin/payments/events/{uuid}")
    assert "tok_x" not in text and "k_secret_1" not in text
    assert "x-api-key" in text and "Read again" in text
    assert "Read again" not in desk.text(f"/admin/payments/events/{done}")
    assert "/wA=" in desk.text(f"/admin/payments/events/{done}")
    assert desk.owner.post(f"/admin/payments/events/{STRANGE}/read").status_code == 404
    answer = desk.owner.post(f"/admin/payments/events/{done}/read", follow_redirects=True)
    assert "This event was read already." in answer.text
    assert desk.owner.post(f"/admin/payments/events/{uuid}/read").status_code == 302
    with desk.app.app_context():
        query = sa.select(PaymentEvent.status).where(PaymentEvent.uuid == uuid)
        assert session().scalar(query) == "received"


def test_the_health_page_counts_what_waits_for_staff(desk: Desk) -> None:
    assert "No payment waits for staff." in desk.text("/admin/health/")
    desk.event(EventStatus.FAILED)
    text = desk.text("/admin/health/")
    assert "Events that could not be read: 1." in text
    assert 'href="/admin/payments/events/?tab=failed"' in text
    desk.arrives(reference="thanks")
    text = desk.text("/admin/health/")
    assert "Parked payments: 1." in text and 'href="/admin/payments/?tab=parked"' in text


def test_a_gateway_is_offered_for_some_documents_only(desk: Desk) -> None:
    page = f"/admin/gateways/{desk.gateway}/availability"
    assert "Select none" in desk.text(page)
    data = {"company": desk.company, "currencies": ["EUR"]}
    assert desk.owner.post(page, {**data, "currencies": ["XTS"]}).status_code == 422
    assert desk.owner.post(page, {**data, "company": STRANGE}).status_code == 422
    assert desk.owner.post(page, data).status_code == 302
    assert "Fjordhost" in desk.text(f"/admin/gateways/{desk.gateway}")
    assert "Fjordhost · EUR" in desk.text("/admin/gateways/")
    unknown = f"/admin/gateways/{STRANGE}/availability"
    assert desk.owner.post(unknown, data).status_code == 404
    assert desk.owner.post(page, {"company": ""}).status_code == 302
    assert "All currencies" in desk.text(f"/admin/gateways/{desk.gateway}")


def test_a_gateway_with_payments_is_not_deleted(desk: Desk) -> None:
    desk.paid(desk.invoice())
    page = f"/admin/gateways/{desk.gateway}"
    answer = desk.owner.post(f"{page}/delete", {"typed": "Coin card"}, follow_redirects=True)
    assert "Disable it instead." in answer.text
    assert desk.owner.get(page).status_code == 200


def test_reconciliation_agrees_with_the_ledger(desk: Desk) -> None:
    assert "Nothing to reconcile" in desk.text("/admin/payments/reconciliation/")
    disputed(desk)
    desk.paid(desk.invoice("10"), outside_id="pi_2", amount=Decimal("12.30"), fee=Decimal("0.30"))
    text = desk.text("/admin/payments/reconciliation/?year=x")
    for amount in (
        "135.30\N{NO-BREAK SPACE}€",
        "0.30\N{NO-BREAK SPACE}€",
        "123.00\N{NO-BREAK SPACE}€",
        "12.00\N{NO-BREAK SPACE}€",
    ):
        assert amount in text
    lines = desk.text("/admin/payments/reconciliation/?format=csv").splitlines()
    assert lines[1].startswith("Coin card,Fjordhost,EUR,")
    assert lines[1].endswith(",135.30,0.30,0.00,123.00,0.00,12.00")
    link = text.partition('class="name" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "Coin card" in desk.text(link)


def test_a_payout_without_a_company_is_refused(owner: Browser) -> None:
    page = "/admin/payments/payouts/new"
    assert "Add a gateway and a company" in owner.get(page, follow_redirects=True).text
    assert owner.post(page, data={"amount": "1"}).status_code == 422


def test_a_payout_is_recorded_and_removed(desk: Desk) -> None:
    page = "/admin/payments/payouts/"
    assert "No payouts yet" in desk.text(page)
    with desk.app.app_context():
        today = ledger.today(companies.find_company(desk.company))
    form = {
        "gateway": desk.gateway,
        "company": desk.company,
        "currency": "EUR",
        "amount": "1,200.50",
        "paid_on": today.isoformat(),
        "note": "statement 7",
    }
    missing = desk.owner.post(f"{page}new", data={**form, "amount": ""})
    assert "Enter an amount." in missing.text
    answer = desk.owner.post(f"{page}new", data=form, follow_redirects=True)
    assert "Payout of 1,200.50\N{NO-BREAK SPACE}€ recorded." in answer.text
    text = desk.text(page)
    assert "statement 7" in text and "Paid out" in text
    assert "1200.50" in desk.text(f"{page}?format=csv")
    uuid = text.partition("/remove")[0].rpartition("/")[2]
    answer = desk.owner.post(
        f"{page}{uuid}/remove", data={"reason": "typed twice"}, follow_redirects=True
    )
    assert "Payout removed." in answer.text and "typed twice" in answer.text
    again = desk.owner.get(f"{page}{uuid}/remove", follow_redirects=True)
    assert "failed or was removed already" in again.text
    assert desk.owner.get(f"{page}{STRANGE}/remove").status_code == 404


def test_the_page_of_a_client_shows_how_it_pays(desk: Desk) -> None:
    desk.paid(desk.invoice(), status="pending", reason="on its way")
    with desk.app.app_context(), transaction() as current:
        client_id = session().scalar(sa.select(Payment.client_id))
        assert client_id is not None
        current.add(
            PaymentMethod(
                gateway=desk.gateway,
                client_id=client_id,
                outside_id="pm_1",
                brand="visa",
                last4="4242",
                expires="2030-01",
            )
        )
    text = desk.text(f"/admin/clients/{desk.client}")
    assert "Pending payments" in text
    assert "Visa •••• 4242" in text and "expires 2030-01" in text


def test_a_gateway_that_cannot_be_asked_says_so(desk: Desk) -> None:
    uuid = desk.paid(desk.invoice(), status="pending")
    answer = desk.owner.post(f"/admin/payments/{uuid}/check", follow_redirects=True)
    assert "can't be asked about it" in answer.text.replace("&#39;", "'")
    assert desk.owner.post(f"/admin/payments/{STRANGE}/check").status_code == 404
    with desk.app.app_context():
        assert session().scalar(sa.select(sa.func.count(Task.id))) == 0


def test_whoever_may_not_see_payments_is_refused(clerk: Browser) -> None:
    for path in ("", "events/", "reconciliation/", "payouts/", "payouts/new"):
        assert clerk.get(f"/admin/payments/{path}").status_code == 403
