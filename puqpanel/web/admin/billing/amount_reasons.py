"""Why the lines and taxes of a document amount to what they do, from what was kept beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from flask import url_for

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.documents import FUNDS, DocumentKind
from puqpanel.domain.dunning import LATE_FEES, LateFee
from puqpanel.domain.permissions import (
    COMPANIES_VIEW,
    DOCUMENTS_VIEW,
    PRODUCTS_MANAGE,
    SERVICES_VIEW,
)
from puqpanel.domain.tax import TaxCategory
from puqpanel.domain.texts import Text, _, named
from puqpanel.models import Document, DocumentLineRow, DocumentTax, OptionPrice, Price, Service
from puqpanel.operations.billing import line_sources
from puqpanel.web.documents import shown_day, shown_days
from puqpanel.web.fields import country_name
from puqpanel.web.prices import money, price


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of an explanation.

    Args:
        text: a sentence.
        address: the page about it; empty if there is none.
        permission: what the viewer needs for that page.
    """

    text: Text
    address: str = ""
    permission: str = ""


def line_reasons(document: Document) -> list[tuple[DocumentLineRow, list[Reason]]]:
    """Return for each line of a document why it costs what it costs."""
    sources = line_sources.of_lines(document.lines)
    return [(line, list(_of_line(document, line, sources))) for line in document.lines]


def tax_reasons(document: Document) -> list[tuple[DocumentTax, list[Reason]]]:
    """Return for each tax group of a document why it is taxed as it is."""
    return [(group, list(_of_tax(document, group))) for group in document.taxes]


def _of_line(
    document: Document, line: DocumentLineRow, sources: line_sources.Sources
) -> Iterator[Reason]:
    found = line.explanation
    service = sources.services.get(line.service_id or 0)
    if document.kind == DocumentKind.CREDIT_NOTE and document.corrects is not None:
        yield _credited(document.corrects, found)
        return
    if line.kind == FUNDS:
        yield Reason(_("The client adds funds to the credit balance."))
        return
    if "rule" in found:
        yield _late_fee(found)
        return
    if not line.kind:
        yield Reason(_("Entered by hand; the timeline of the document shows by whom."))
        return
    if found.get("coupon"):
        yield Reason(_("Discount of the coupon %(code)s.", code=found["coupon"]))
    elif line.kind == ChargeKind.UNUSED:
        text = _("Unused days of an earlier charge: %(days)s.", days=_days(line))
        yield Reason(text)
    elif line.kind == ChargeKind.USAGE:
        yield Reason(_("Usage already paid from credit."))
    elif row := sources.prices.get(found.get("price", "")):
        yield _listed(row, line, sources.products)
    elif found.get("unit"):
        yield _agreed(str(found["unit"]), service)
    yield from _share(line, found.get("share", "1"))
    if "change" in found and service is not None:
        yield Reason(
            _("Charged because the package or period of the service was changed."),
            url_for("admin.services.show", uuid=service.uuid),
            SERVICES_VIEW,
        )


def _credited(invoice: Document, found: Mapping[str, object]) -> Reason:
    at = url_for("admin.documents.show", uuid=invoice.uuid), DOCUMENTS_VIEW
    place = found.get("line")
    row = next((each for each in invoice.lines if each.position == place), None)
    if row is None:
        return Reason(_("Credits part of %(number)s.", number=invoice.number), *at)
    text = _("Credits “%(line)s” on %(number)s.", line=row.description, number=invoice.number)
    return Reason(text, *at)


def _late_fee(found: Mapping[str, object]) -> Reason:
    number = next((value for key, value in found.items() if key != "rule"), "")
    rule = LATE_FEES[LateFee(str(found["rule"]))]
    return Reason(_("%(number)s was paid late or is unpaid. %(rule)s.", number=number, rule=rule))


def _listed(row: Price | OptionPrice, line: DocumentLineRow, products: Mapping[int, str]) -> Reason:
    """Explain an amount by a row of the price list."""
    shown = price(row.recurring, row.period)
    if line.kind == ChargeKind.SETUP:
        shown = money(row.setup)
    text = _(
        "Price list: %(price)s, valid from %(day)s.",
        price=shown,
        day=shown_day(row.valid_from.date()),
    )
    if row.retired_at is not None:
        text = _(
            "Price list: %(price)s, valid from %(day)s, replaced or withdrawn on %(end)s.",
            price=shown,
            day=shown_day(row.valid_from.date()),
            end=shown_day(row.retired_at.date()),
        )
    if isinstance(row, Price) and row.product_id in products:
        return Reason(
            text, url_for("admin.prices.edit", uuid=products[row.product_id]), PRODUCTS_MANAGE
        )
    return Reason(text)


def _agreed(unit: str, service: Service | None) -> Reason:
    """Explain a renewal by what the service was sold for."""
    text = _("The agreed price of the service: %(price)s.", price=unit)
    if service is None:
        return Reason(text)
    return Reason(text, url_for("admin.services.show", uuid=service.uuid), SERVICES_VIEW)


def _days(line: DocumentLineRow) -> str:
    return shown_days(line.period_start, line.period_end)


def _share(line: DocumentLineRow, share: str) -> Iterator[Reason]:
    days = _days(line)
    if not days or line.kind in (ChargeKind.USAGE, ChargeKind.UNUSED):
        return
    if share == "1":
        yield Reason(_("Full period: %(days)s.", days=days))
    else:
        yield Reason(_("%(share)s of a period, prorated by day: %(days)s.", share=share, days=days))


def _of_tax(document: Document, group: DocumentTax) -> Iterator[Reason]:
    if group.category != TaxCategory.STANDARD:
        yield Reason(named(group.reason))
    for tax in group.taxes:
        yield Reason(
            _(
                "%(tax)s %(rate)s %%, the rate in %(country)s.",
                tax=tax["name"],
                rate=tax["rate"],
                country=country_name(group.country or document.company.country),
            ),
            url_for("admin.tax_rates.index"),
            COMPANIES_VIEW,
        )
    seller = document.seller or asdict(document.company.party)
    buyer = document.buyer or asdict(document.client.party)
    number = buyer["vat_number"]
    yield Reason(
        _(
            "The seller is in %(seller)s and the buyer in %(buyer)s, with VAT number %(number)s.",
            seller=country_name(seller["country"]),
            buyer=country_name(buyer["country"]),
            number=number,
        )
        if number
        else _(
            "The seller is in %(seller)s and the buyer in %(buyer)s, without a VAT number.",
            seller=country_name(seller["country"]),
            buyer=country_name(buyer["country"]),
        )
    )
