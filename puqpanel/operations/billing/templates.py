"""A company's own PDF template: try it on a sample, and keep it if it compiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentData, DocumentKind, DocumentLine, Party
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period, anchor_for, period_containing
from puqpanel.domain.permissions import COMPANIES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup, group_total
from puqpanel.domain.texts import _, language
from puqpanel.infra.db import transaction
from puqpanel.models import Company
from puqpanel.operations.billing.companies import find_company
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.logos import logo_of
from puqpanel.operations.billing.print_failures import TEMPLATE
from puqpanel.operations.system import audit, currencies

MAX_LENGTH = 60_000
"""The longest template in characters."""
_GROUP = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(23)),))


def source(company: Company) -> str:
    """Return the template of a company: its own, or else the shipped one."""
    from puqpanel.infra.documents.pdf import shipped_template  # slow to import

    return company.template or shipped_template()


def preview(*, actor: Principal, company_uuid: str, template: str) -> bytes:
    """Return a sample document as PDF, made by a template.

    Args:
        actor: staff who may manage companies.
        company_uuid: whose name, logo and bank account it shows.
        template: the source; empty for the shipped one.

    Raises:
        InvalidInput: it is too long or does not compile; the message has the line.
    """
    actor.require(COMPANIES_MANAGE)
    return _compiled(find_company(company_uuid), template)


def checked(*, actor: Principal, company_uuid: str, template: str) -> str:
    """Return a template as `save` stores it, if it compiles; call it outside a transaction.

    Args:
        actor: staff who may manage companies.
        company_uuid: the company.
        template: the source; empty or the shipped one for the shipped one, which later versions
            of the panel improve.

    Returns:
        The source; empty for the shipped one.

    Raises:
        InvalidInput: it is too long or does not compile; the message has the line.
    """
    actor.require(COMPANIES_MANAGE)
    from puqpanel.infra.documents.pdf import shipped_template  # slow to import

    text = template.replace("\r\n", "\n")
    if text.strip() in ("", shipped_template().strip()):
        text = ""
    if text:
        _compiled(find_company(company_uuid), text)
    return text


@transaction()
def save(*, actor: Principal, company_uuid: str, template: str) -> None:
    """Give a company a template of its own, or the shipped one again.

    Args:
        actor: staff who may manage companies.
        company_uuid: the company.
        template: what `checked` returned.
    """
    actor.require(COMPANIES_MANAGE)
    find_company(company_uuid).template = template
    audit.record(
        actor=actor,
        action=TEMPLATE.changed,
        subject_type="company",
        subject_uuid=company_uuid,
        summary=(
            _("PDF template changed.") if template else _("PDF template reset to the default.")
        ),
    )


def _compiled(company: Company, template: str) -> bytes:
    """Return a sample as PDF, after the template was also tried on other kinds of documents."""
    from puqpanel.infra.documents.pdf import render_pages, render_pdf  # slow to import

    if len(template) > MAX_LENGTH:
        text = _("Enter at most %(longest)s characters.", longest=MAX_LENGTH)
        raise InvalidInput({"template": [text]})
    image = logo_of(company)
    sample = _sample(company)
    rendered = render_pdf(sample, logo=image, template=template)
    if rendered.template_error is not None:
        raise InvalidInput({"template": [str(rendered.template_error)]})
    for other, paid in _others(sample):
        error = render_pages(other, paid=paid, logo=image, template=template).template_error
        if error is not None:
            text = _("%(document)s: %(error)s", document=KIND_LABELS[other.kind], error=str(error))
            raise InvalidInput({"template": [text]})
    return rendered.pdf


def _others(sample: DocumentData) -> Iterator[tuple[DocumentData, Money | None]]:
    """Yield a paid invoice and a credit note, which ask for no payment, and what is paid."""
    yield replace(sample, kind=DocumentKind.INVOICE), sample.total
    yield (
        replace(
            sample,
            kind=DocumentKind.CREDIT_NOTE,
            due_on=None,
            corrects=(sample.number, sample.issued_on),
            reason=str(_("Price reduction")),
        ),
        None,
    )


def _sample(company: Company) -> DocumentData:
    """Return a document to try a template with: a proforma, as it asks for a payment."""
    day, currency = today(company), currencies.base_currency()
    prices = {_("Web hosting"): (1, 96), _("Mailbox"): (5, 3), _("Transfer of a domain"): (1, 14)}
    year = period_containing(anchor_for(None, day, Period.ANNUALLY), Period.ANNUALLY, day)
    lines = tuple(
        DocumentLine(
            description=str(name),
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            net=Money.from_major(quantity * price, currency),
            group=_GROUP,
            details="example.com",
            period=year,
        )
        for name, (quantity, price) in prices.items()
    )
    net = Money.total((line.net for line in lines), currency)
    return DocumentData(
        kind=DocumentKind.PROFORMA,
        number="2026/00001",
        currency=currency,
        language=language().tag,
        issued_on=day,
        supplied_on=day,
        due_on=day + timedelta(days=company.due_days),
        seller=company.party,
        buyer=Party(str(_("A client")), "1 High Street", "Springfield", "12345"),
        bank=company.bank_account,
        lines=lines,
        totals=(group_total(_GROUP, net, PriceEntry.NET),),
        notes=tuple(filter(None, company.notes.split("\n"))),
    )
