"""Credit: customers pay their own documents from it, and staff pay it back."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import session
from puqpanel.models import Document
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import books, credit, documents, ledger, payments
from puqpanel.operations.billing.payments import Received
from tests.operations.billing.conftest import STAFF


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
    assert ledger.credit(client) == Money(3000, "EUR")
    for minor in (3001, 0, -1, 10**15):
        with pytest.raises(InvalidInput):
            refund(client, minor)
    with pytest.raises(InvalidInput):
        refund(client, 100, reason=" ")
    with pytest.raises(PermissionDenied):
        refund(client, 100, actor=user_of(client))
    assert ledger.credit(client) == Money(3000, "EUR")
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
    assert (len(refused), ledger.credit(clients.find_client(uuid))) == (1, Money(1000, "EUR"))
    assert session().scalar(sa.select(sa.func.count()).select_from(Document)) == 0
