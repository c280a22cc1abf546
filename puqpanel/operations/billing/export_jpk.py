"""Sales as rows of the Polish JPK_V7M: the columns of `SprzedazWiersz` in its record of sales.

The elements are those of the schema of the Ministry of Finance, JPK_V7M(2),
http://crd.gov.pl/wzor/2021/12/27/11148/, described at
https://www.podatki.gov.pl/jednolity-plik-kontrolny/jpk_vat-z-deklaracja/:

* K_10 exempt, K_11 supplied outside Poland, K_12 of these the services to businesses in the EU
  (Article 100(1)(4) of the Polish VAT Act), K_13 at 0 %
* K_15 and K_16 net amount and tax at 5 %, K_17 and K_18 at 7 or 8 %, K_19 and K_20 at 22 or 23 %

The declaration is in zlotys: documents in another currency are converted by the rate that they
state, and their taxes sum to the tax in zlotys that they state. Those without a rate have to be
converted by the accountant; `KodWaluty`, the currency of the amounts, is not an element of the
schema. Amounts with the tax of another country, such as those declared at the One-Stop Shop, are in
no K column. What a document says decides, so that the record of a past month stays the same
whatever the company is today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from puqpanel.domain.money import Money
from puqpanel.domain.spreadsheet import csv_line
from puqpanel.domain.tax import TaxCategory
from puqpanel.domain.tax_rules import EU
from puqpanel.domain.vat_prefixes import vat_prefix
from puqpanel.models import Document, DocumentTax
from puqpanel.operations.billing.converted_taxes import converted
from puqpanel.operations.billing.export_tables import rate_of, signed, signed_minor, tax_minor

AMOUNTS = ("K_10", "K_11", "K_12", "K_13", "K_15", "K_16", "K_17", "K_18", "K_19", "K_20")
COLUMNS = (
    "LpSprzedazy",
    "KodKrajuNadaniaTIN",
    "NrKontrahenta",
    "NazwaKontrahenta",
    "DowodSprzedazy",
    "DataWystawienia",
    "DataSprzedazy",
    *AMOUNTS,
    "KodWaluty",
)
RATES = {
    Decimal(5): ("K_15", "K_16"),
    Decimal(7): ("K_17", "K_18"),
    Decimal(8): ("K_17", "K_18"),
    Decimal(22): ("K_19", "K_20"),
    Decimal(23): ("K_19", "K_20"),
}
TAXES = ("K_16", "K_18", "K_20")
ZLOTY = "PLN"
NO_NUMBER = "BRAK"
"""What the schema wants for a buyer without a tax number."""


def jpk_csv(documents: Iterable[Document]) -> Iterator[str]:
    """Yield the CSV of invoices and credit notes."""
    yield csv_line(COLUMNS)
    for position, document in enumerate(documents, 1):
        yield csv_line(_row(position, document))


def _row(position: int, document: Document) -> Sequence[object]:
    buyer = document.buyer
    number = buyer.get("vat_number") or buyer.get("tax_number") or ""
    prefix = vat_prefix(number, buyer.get("country") or "PL")
    amounts: dict[str, int] = {}
    for group in document.taxes:
        for column, minor in _amounts(document, group):
            amounts[column] = amounts.get(column, 0) + minor
    shown = _in_zlotys(document, amounts)
    return (
        position,
        prefix,
        number[len(prefix) :] or NO_NUMBER,
        buyer.get("name") or NO_NUMBER,
        document.number,
        document.issued_on,
        document.supplied_on,
        *(shown.get(each) for each in AMOUNTS),
        ZLOTY if _rate(document) else document.currency,
    )


def _in_zlotys(document: Document, amounts: Mapping[str, int]) -> dict[str, Decimal]:
    """Return the amounts of columns; taxes sum to the tax in zlotys that the document states."""
    shown = {column: _shown(document, minor) for column, minor in amounts.items()}
    taxes = [column for column in TAXES if column in amounts]
    stated = document.converted_tax if _rate(document) else None
    if stated and taxes and sum(amounts[column] for column in taxes) == document.tax_minor:
        whole = Money(signed_minor(document, stated["minor"]), stated["currency"]).major
        largest = max(taxes, key=lambda column: abs(shown[column]))
        shown[largest] += whole - sum(shown[column] for column in taxes)
    return shown


def _rate(document: Document) -> Decimal | None:
    """Return the rate at which a document is converted to zlotys; None if it is not."""
    stored = document.converted_tax
    return Decimal(stored["rate"]) if stored and stored["currency"] == ZLOTY else None


def _shown(document: Document, minor: int) -> Decimal:
    """Return an amount of a document in zlotys, if it states a rate."""
    amount, rate = signed(document, minor), _rate(document)
    if rate is None:
        return amount
    return converted(Money.from_major(amount, document.currency), rate, ZLOTY).major


def _amounts(document: Document, group: DocumentTax) -> Iterator[tuple[str, int]]:
    net, rate = group.net_minor, rate_of(group)
    if group.category == TaxCategory.EXEMPT:
        yield "K_10", net
    elif group.category in (TaxCategory.OUTSIDE_SCOPE, TaxCategory.EXPORT):
        yield "K_11", net
    elif group.category == TaxCategory.REVERSE_CHARGE:
        yield "K_11", net
        if document.buyer.get("country") in EU:
            yield "K_12", net
    elif group.category == TaxCategory.ZERO and _is_polish(document, group):
        yield "K_13", net
    elif rate in RATES and _is_polish(document, group):
        net_column, tax_column = RATES[rate]
        yield net_column, net
        yield tax_column, tax_minor(group)


def _is_polish(document: Document, group: DocumentTax) -> bool:
    """Return whether the tax of a group is that of Poland.

    Documents from before they said so were taxed at home, or the name of the tax tells: only in
    Poland, Ireland and Malta it is called VAT.
    """
    if group.country:
        return group.country == "PL"
    at_home = (document.buyer.get("country") or "PL") == "PL"
    return at_home or all(tax["name"] == "VAT" for tax in group.taxes)
