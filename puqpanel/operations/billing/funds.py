"""Add funds: a proforma for an amount of credit, without tax.

What is paid on it becomes credit of the client; the invoices that the credit pays later have the
tax. It is never posted to income or tax, and no invoice follows it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import FUNDS, DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.rates import convert
from puqpanel.domain.tax import GroupTotal, TaxCategory, TaxGroup
from puqpanel.domain.texts import SOURCE, _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import Client, Company, Document
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import NoCompanyError, company_for, find_company
from puqpanel.operations.billing.documents import find_document_of, is_funds
from puqpanel.operations.billing.issuing import cancel
from puqpanel.operations.billing.lines import (
    Line,
    Reckoning,
    largest_amount,
    line_rows,
    tax_rows,
)
from puqpanel.operations.billing.sealing import seal
from puqpanel.operations.system import currencies, settings

MAX_OPEN = 5
"""How many unpaid proformas for funds a client can have, so that nobody fills the series."""
DAY = timedelta(days=1)
MAX_A_DAY = 20
"""How many a client can get within a day, paid, unpaid or cancelled."""
CREDIT = _("Credit balance top-up")
NO_TAX = _(
    "No tax is charged on this amount. Tax is charged on the invoices paid from the credit balance."
).source


def is_offered() -> bool:
    """Return whether customers can add funds."""
    return settings.number("billing.funds_maximum") > 0


def limits(currency: str) -> tuple[Money, Money]:
    """Return the least and the greatest amount that customers can add at once.

    Args:
        currency: of the amounts; the settings are in the base currency.

    Raises:
        ConflictError: the settings do not allow it.
        UserError: the currency has no exchange rate.
    """
    if not is_offered():
        raise ConflictError(_("Adding funds is disabled. Contact support."))
    base, rates = currencies.base_currency(), currencies.rates()
    least, greatest = (
        convert(Money.from_major(Decimal(settings.number(name)), base), currency, rates)
        for name in ("billing.funds_minimum", "billing.funds_maximum")
    )
    return max(least, Money(1, currency)), greatest


def top_up(missing: Money) -> Money | None:
    """Return how much a customer adds to have an amount more; None if adding funds is disabled."""
    return max(missing, limits(missing.currency)[0]) if is_offered() else None


@retry_deadlocks
@transaction()
def request_own(*, actor: Principal, amount: Money, token: str = "") -> Document:
    """Issue a proforma for funds to the user's current client.

    Args:
        actor: the user.
        amount: within the limits, in the currency of the client.
        token: of the form, so that a form that is sent twice makes one proforma.

    Raises:
        InvalidInput: the amount is out of range or in another currency.
        ConflictError: customers can't add funds, or too many proformas are unpaid.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=DOCUMENTS_ISSUE)
    assert actor.client is not None
    client = ledger.lock_client(actor.client.id)
    if (earlier := _earlier(client, token)) is not None:
        return earlier
    least, greatest = limits(client.currency)
    if amount.currency != client.currency or not least <= amount <= greatest:
        text = _("Enter an amount from %(least)s to %(greatest)s.", least=least, greatest=greatest)
        raise InvalidInput({"amount": [text]})
    query = sa.select(sa.func.count(Document.id)).where(
        Document.client_id == client.id, Document.status.in_(OPEN), is_funds()
    )
    if (session().scalar(query) or 0) >= MAX_OPEN:
        text = _(
            "You already have %(limit)s unpaid top-up proformas. Pay or cancel one first.",
            limit=MAX_OPEN,
        )
        raise ConflictError(text)
    issued = sa.select(sa.func.count(Document.id)).where(
        Document.client_id == client.id, Document.created_at > now() - DAY, is_funds()
    )
    if (session().scalar(issued) or 0) >= MAX_A_DAY:
        raise ConflictError(_("You've reached the limit for today. Try again tomorrow."))
    try:
        return _issue(actor, client, company_for(client), amount, token)
    except NoCompanyError:  # only staff can mend it
        text = _("Funds can't be added at the moment. Contact support.")
        raise ConflictError(text) from None


@retry_deadlocks
@transaction()
def request(
    *,
    actor: Principal,
    client_uuid: str,
    amount: Money,
    company_uuid: str = "",
    token: str = "",
) -> Document:
    """Issue a proforma for funds to a client.

    Args:
        actor: staff.
        client_uuid: the client.
        amount: more than zero, in the currency of the client; the limits of customers do not apply.
        company_uuid: the seller; unless given, the company that sells to the client.
        token: of the form, so that a form that is sent twice makes one proforma.

    Raises:
        InvalidInput: the amount is out of range.
    """
    actor.require(DOCUMENTS_ISSUE)
    client = ledger.lock_client(find_client(client_uuid).id)
    if (earlier := _earlier(client, token)) is not None:
        return earlier
    greatest = largest_amount(client.currency)
    if amount.currency != client.currency or not 0 < amount.minor <= greatest.minor:
        text = _("Enter an amount greater than 0 and at most %(rest)s.", rest=greatest)
        raise InvalidInput({"amount": [text]})
    company = find_company(company_uuid) if company_uuid else company_for(client)
    return _issue(actor, client, company, amount, token)


@retry_deadlocks
@transaction()
def cancel_own(*, actor: Principal, uuid: str) -> None:
    """Cancel a proforma for funds of the user's current client. What was paid stays credit.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
        ConflictError: it is another document, or nothing is open.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=DOCUMENTS_ISSUE)
    document = find_document_of(actor, uuid)
    if not document.adds_funds:
        raise ConflictError(_("Only proformas that add funds can be cancelled."))
    cancel(actor, uuid)


def _issue(
    actor: Principal, client: Client, company: Company, amount: Money, token: str
) -> Document:
    language = client.language or "en"
    description = CREDIT.translated(catalogs.find(language) or SOURCE)
    line = Line(description, amount.major, amount=amount, kind=FUNDS)
    total = GroupTotal(TaxGroup(TaxCategory.OUTSIDE_SCOPE, reason=NO_TAX), amount, ())
    document = Document(
        uuid=_uuid(client, token),
        company_id=company.id,
        company=company,
        client_id=client.id,
        client=client,
        kind=DocumentKind.PROFORMA,
        currency=amount.currency,
        language=language,
        entry=company.entry,
        reference=client.reference,
        net_minor=amount.minor,
    )
    document.lines.extend(line_rows([line], Reckoning((amount,), (amount,), (0,), (total,))))
    document.taxes.extend(tax_rows([total]))
    save(document)
    seal(actor, document)
    return document


def _earlier(client: Client, token: str) -> Document | None:
    """Return the proforma that was made by the same form."""
    query = sa.select(Document).where(Document.uuid == _uuid(client, token))
    return session().scalar(query) if token else None


def _uuid(client: Client, token: str) -> str:
    """Return the UUID of the proforma that a form makes; a random one without a token."""
    return str(uuid.uuid5(uuid.UUID(client.uuid), token)) if token else new_uuid()
