"""A company's own PDF template: try it on a sample, and keep it if it compiles."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

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
from puqpanel.operations.system import audit, currencies
from puqpanel.operations.system.files import find_file

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


def save(*, actor: Principal, company_uuid: str, template: str) -> None:
    """Give a company a template of its own, or the shipped one again.

    Args:
        actor: staff who may manage companies.
        company_uuid: the company.
        template: the source; empty or the shipped one for the shipped one, which later versions
            of the panel improve.

    Raises:
        InvalidInput: it is too long or does not compile; the message has the line.
    """
    actor.require(COMPANIES_MANAGE)
    from puqpanel.infra.documents.pdf import shipped_template  # slow to import

    text = template.replace("\r\n", "\n")
    if text.strip() in ("", shipped_template().strip()):
        text = ""
    company = find_company(company_uuid)
    if text:
        _compiled(company, text)
    with transaction():
        company = find_company(company_uuid)
        company.template = text
        summary = _("PDF template changed.") if text else _("The shipped PDF template is used.")
        audit.record(
            actor=actor,
            action="company.updated",
            subject_type="company",
            subject_uuid=company_uuid,
            summary=summary,
        )


def _compiled(company: Company, template: str) -> bytes:
    from puqpanel.infra.documents.pdf import render_pdf  # slow to import

    if len(template) > MAX_LENGTH:
        text = _("Enter at most %(longest)s characters.", longest=MAX_LENGTH)
        raise InvalidInput({"template": [text]})
    logo = find_file(company.logo) if company.logo else None
    rendered = render_pdf(_sample(company), logo=logo.content if logo else b"", template=template)
    if rendered.template_error is not None:
        raise InvalidInput({"template": [str(rendered.template_error)]})
    return rendered.pdf


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
