"""Credit: customers pay their own documents from it, and staff pay it back."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import session, transaction
from puqpanel.models import Allocation, Document, Payment
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    books,
    companies,
    credit,
    documents,
    ledger,
    payments,
    statements,
)
from puqpanel.operations.billing.payments import Received
from tests.operations.billing.conftest import STAFF, credit_of


def user_of(client, *permissions):
    granted = frozenset(permissions or ("billing.view", "billing.manage"))
    return Principal(PrincipalKind.USER, None, "A user", permissions=granted, client=client)


def paid_in(client, company, minor=5000):
    received = Received(Money(minor, "EUR"), note="Statement 1")
    payments.receive(actor=STAFF, client_uuid=client.uuid, company=company, received=received)


def problems():
    return [str(each.text) for step in books.check() for each in step.problems]


def test_a_customer_pays_a_document_from_credit(invoice, client, company):
    paid_in(client, company, 2000)
    first, second = invoice("10"), invoice("10")
    owner = user_of(client)
    assert str(credit.pay_own_document(actor=owner, document_uuid=first.uuid)) == "12.30 EUR"
    assert str(credit.pay_own_document(actor=owner, document_uuid=second.uuid)) == "7.70 EUR"
    with pytest.raises(ConflictError, match="no credit"):
        credit.pay_own_document(actor=owner, document_uuid=second.uuid)
    session().expire_all()
    statuses = [documents.find_document(each.uuid).status for each in (first, second)]
    assert statuses == ["paid", "partly_paid"]
    assert problems() == []


def test_another_clients_document_and_a_user_without_permission_are_refused(
    invoice, client, company
):
    paid_in(client, company)
    document = invoice("10")
    other = clients.create_client(actor=STAFF, name="Other", email="o@example.org")
    with pytest.raises(NotFoundError):
        credit.pay_own_document(actor=user_of(other), document_uuid=document.uuid)
    with pytest.raises(PermissionDenied):
        viewer = user_of(client, "billing.view")
        credit.pay_own_document(actor=viewer, document_uuid=document.uuid)
    assert documents.find_document(document.uuid).status == "issued"


def refund(client, minor, **more):
    credit.refund_credit(
        actor=more.pop("actor", STAFF),
        client_uuid=client.uuid,
        amount=Money(minor, "EUR"),
        reason=more.pop("reason", "Statement 2"),
        **more,
    )


def test_credit_is_refunded_once_and_never_more_than_there_is(client, company):
    paid_in(client, company)
    refund(client, 2000, token="a")
    refund(client, 2000, token="a")
    assert credit_of(client) == Money(3000, "EUR")
    for minor in (3001, 0, -1, 10**15):
        with pytest.raises(InvalidInput):
            refund(client, minor)
    with pytest.raises(InvalidInput):
        refund(client, 100, reason=" ")
    with pytest.raises(PermissionDenied):
        refund(client, 100, actor=user_of(client))
    assert credit_of(client) == Money(3000, "EUR")
    assert problems() == []


def test_two_refunds_at_once_do_not_overdraw(panel, client, company):
    paid_in(client, company)
    uuid, refused = client.uuid, []
    start = threading.Barrier(2)

    def one() -> None:
        with panel.app_context():
            start.wait()
            try:
                credit.refund_credit(
                    actor=STAFF, client_uuid=uuid, amount=Money(4000, "EUR"), reason="Statement 2"
                )
            except InvalidInput as error:
                refused.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session().expire_all()
    assert (len(refused), credit_of(clients.find_client(uuid))) == (1, Money(1000, "EUR"))
    assert session().scalar(sa.select(sa.func.count()).select_from(Document)) == 0


def other_company(company):
    values = {"name": "Second GmbH", "country": "DE", "street": "Weg 1", "city": "Kiel"}
    values["tax_number"] = "12/345/67890"
    return companies.save_company(actor=STAFF, uuid=None, values=values)


def test_a_company_does_not_use_the_credit_of_another(invoice, client, company):
    other = other_company(company)
    paid_in(client, other, 9000)
    document = invoice("10", company_uuid=company.uuid)
    owner = user_of(client)
    with pytest.raises(ConflictError, match="no credit in EUR at Fjordhost"):
        credit.pay_own_document(actor=owner, document_uuid=document.uuid)
    with pytest.raises(InvalidInput):
        refund(client, 1, company_uuid=company.uuid)
    paid_in(client, company, 230)
    assert credit.pay_own_document(actor=owner, document_uuid=document.uuid) == Money(230, "EUR")
    second = invoice("10", company_uuid=other.uuid)
    paid = credit.pay_own_document(actor=owner, document_uuid=second.uuid)
    assert paid == second.total
    refund(client, 9000 - paid.minor, company_uuid=other.uuid)
    assert ledger.credits_of(client) == []
    assert problems() == []


def test_a_payment_pays_documents_of_its_company_only(invoice, client, company):
    other = other_company(company)
    theirs, ours = (invoice("10", company_uuid=each.uuid) for each in (other, company))
    proforma = invoice("10", kind="proforma", company_uuid=other.uuid)
    payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company,
        received=Received(Money(9000, "EUR")),
        documents=[theirs.uuid, proforma.uuid, ours.uuid],
    )
    session().expire_all()
    found = [documents.find_document(each.uuid).status for each in (theirs, proforma, ours)]
    assert found == ["issued", "issued", "paid"]
    assert ledger.credits_of(client) == [(company, Money(9000 - 1230, "EUR"))]
    assert problems() == []


def test_a_statement_is_that_of_one_company(invoice, client, company):
    other = other_company(company)
    paid_in(client, other, 9000)
    paid_in(client, company, 100)
    days = sorted(ledger.today(each) for each in (company, other))
    for each, minor in ((company, 100), (other, 9000)):
        shown = statements.statement(
            actor=STAFF, client_uuid=client.uuid, start=days[0], end=days[1], company_uuid=each.uuid
        )
        assert (shown.credit, shown.seller.name) == (Money(minor, "EUR"), each.name)
        assert [row.amount.minor for row in shown.rows] == [-minor]


def test_the_books_accept_what_earlier_versions_paid_across_companies(invoice, client, company):
    other = other_company(company)
    paid_in(client, company, 5000)
    document = invoice("10", company_uuid=other.uuid)

    def move(key, to, minor):
        amount = Money(minor, "EUR")
        ledger.post(
            key=f"credit_by_company:{key}",
            company=to,
            client_id=client.id,
            day=ledger.today(to),
            summary=verbatim("Credit moved between companies"),
            entries=[Entry(Account.CREDIT, amount), Entry(Account.CLEARING, -amount)],
        )

    with transaction():
        move("from", company, 1230)
    assert problems() == ["Transfers of credit between companies sum to -12.30 EUR."]
    with transaction():
        move("to", other, -1230)
    payments.pay_from_credit(actor=STAFF, document_uuid=document.uuid)
    payment = session().scalars(sa.select(Payment)).one()
    with transaction() as current:
        current.execute(sa.update(Allocation).values(payment_id=payment.id))
    assert problems() == []


def test_the_books_find_credit_that_was_used_at_another_company(client, company):
    other = other_company(company)
    paid_in(client, company, 500)
    with transaction():
        ledger.post(
            key="wrong",
            company=other,
            client_id=client.id,
            day=ledger.today(other),
            summary=verbatim("Wrong"),
            entries=[
                Entry(Account.CREDIT, Money(500, "EUR")),
                Entry(Account.CLEARING, Money(-500, "EUR")),
            ],
        )
    assert problems() == [
        "No document, payment or refund explains this posting.",
        "Negative credit balance at Second GmbH: -5.00 EUR.",
    ]
