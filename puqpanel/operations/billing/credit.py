"""Credit of clients: customers pay documents from it, and staff pay it back."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Posting
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.billing.companies import company_for, find_company
from puqpanel.operations.billing.documents import find_document_of
from puqpanel.operations.system import audit


@retry_deadlocks
@transaction()
def pay_own_document(*, actor: Principal, document_uuid: str) -> Money:
    """Pay a document from the credit of the user's current client, as far as it goes.

    Returns:
        What was paid.

    Raises:
        NotFoundError: the document does not exist or belongs to another client.
        ConflictError: nothing is open, or there is no credit.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    document = find_document_of(actor, document_uuid)
    return payments.spend_credit(actor, document.client_id, document_uuid)


@retry_deadlocks
@transaction()
def refund_credit(
    *,
    actor: Principal,
    client_uuid: str,
    amount: Money,
    reason: str,
    company_uuid: str = "",
    token: str = "",
) -> None:
    """Record that credit was paid back to a client outside the panel.

    Args:
        actor: who records it.
        client_uuid: the client.
        amount: more than zero, at most its credit at the company in that currency.
        reason: how it was paid back, for the record; required.
        company_uuid: who paid; unless given, the company that sells to the client.
        token: of the form, so that a form that is sent twice records one refund.

    Raises:
        InvalidInput: the amount is out of range, or no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a note, such as the bank statement number.")]})
    client = ledger.lock_client(find_client(client_uuid).id)
    key = f"credit_refund:{token or new_uuid()}"
    if session().scalar(sa.select(Posting.id).where(Posting.key == key)) is not None:
        return
    company = find_company(company_uuid) if company_uuid else company_for(client)
    available = ledger.credit(client, company, amount.currency)
    if not 0 < amount.minor <= available.minor:
        text = _("Enter an amount greater than 0 and at most %(rest)s.", rest=available)
        raise InvalidInput({"amount": [text]})
    ledger.post(
        key=key,
        company=company,
        client_id=client.id,
        day=ledger.today(company),
        summary=_("Credit refunded"),
        entries=[Entry(Account.CREDIT, amount), Entry(Account.CLEARING, -amount)],
    )
    audit.record(
        actor=actor,
        action="payment.credit_refunded",
        subject_type="client",
        subject_uuid=client_uuid,
        summary=_("%(amount)s of credit refunded: %(reason)s", amount=amount, reason=reason),
        after={"amount": str(amount), "reason": reason.strip()},
    )
