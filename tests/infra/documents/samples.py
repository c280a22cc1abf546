"""Documents for tests, with totals that are computed by the rules of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from puqpanel.domain.documents import BankAccount, DocumentData, DocumentKind, DocumentLine, Party
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup, group_total, line_nets
from puqpanel.domain.tax_rules import NOT_REGISTERED, REVERSE_CHARGE

SELLER = Party(
    name="Fjordhost sp. z o.o.",
    street="ul. Morska 14",
    city="Gdynia",
    postcode="81-323",
    country="PL",
    vat_number="PL5862310477",
    registration="KRS 0000412873",
    email="billing@fjordhost.example",
    phone="+48 58 555 01 00",
    website="fjordhost.example",
)
GERMAN = Party(
    name="Atlas Freight GmbH",
    street="Altstädter Straße 17",
    city="Hamburg",
    postcode="20095",
    country="DE",
    vat_number="DE811907980",
    email="buchhaltung@atlasfreight.example",
)
POLISH = Party(
    name="Piekarnia Złoty Kłos sp. z o.o.",
    street="ul. Świętego Łazarza 8/3",
    city="Kraków",
    postcode="31-530",
    country="PL",
    vat_number="PL6762511840",
    email="biuro@zlotyklos.example",
)
UKRAINIAN = Party(
    name="ТОВ «Калина і партнери»",
    street="вул. Ярославів Вал, 23",
    city="Київ",
    postcode="01034",
    country="UA",
    tax_number="41237895",
    email="office@kalyna.example",
)
BANK = BankAccount(
    "Fjordhost sp. z o.o.", "PL61109010140000071219812874", "WBKPPLPP", "Bank Wybrzeża"
)
VAT_23 = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(23)),))
VAT_5 = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(5)),))
REVERSE = TaxGroup(TaxCategory.REVERSE_CHARGE, reason=REVERSE_CHARGE)
EXEMPT = TaxGroup(TaxCategory.EXEMPT, reason=NOT_REGISTERED)
OUTSIDE = TaxGroup(TaxCategory.OUTSIDE_SCOPE, reason="Registry fees passed on at cost.")
QUEBEC = TaxGroup(TaxCategory.STANDARD, (Tax("GST", Decimal(5)), Tax("QST", Decimal("9.975"))))
AUGUST = Span(date(2025, 8, 1), date(2026, 8, 1))

Sold = tuple[str, str, str, TaxGroup]
"""Description, quantity, price of one as it was entered, tax group."""


def document(
    sold: Sequence[Sold],
    currency: str = "EUR",
    entry: PriceEntry = PriceEntry.NET,
    **fields: Any,
) -> DocumentData:
    """Return an invoice over lines; fields override those of a German buyer in English."""
    entered = [
        Money.from_major(1, currency).scaled(Decimal(quantity) * Decimal(price))
        for _text, quantity, price, _group in sold
    ]
    groups = list(dict.fromkeys(group for *_line, group in sold))
    nets: dict[int, Money] = {}
    totals = []
    for group in groups:
        at = [number for number, line in enumerate(sold) if line[3] == group]
        amounts = [entered[number] for number in at]
        nets.update(zip(at, line_nets(group, amounts, entry), strict=True))
        totals.append(group_total(group, Money.total(amounts, currency), entry))
    lines = tuple(
        DocumentLine(
            text,
            Decimal(quantity),
            unit(Decimal(quantity), Decimal(price), nets[number], entry),
            nets[number],
            group,
        )
        for number, (text, quantity, price, group) in enumerate(sold)
    )
    data = DocumentData(
        kind=DocumentKind.INVOICE,
        number="FH-2025-00438",
        currency=currency,
        language="en",
        issued_on=date(2025, 7, 12),
        supplied_on=date(2025, 7, 12),
        due_on=date(2025, 7, 26),
        seller=SELLER,
        buyer=GERMAN,
        bank=BANK,
        lines=lines,
        totals=tuple(totals),
    )
    return replace(data, **fields)


def unit(quantity: Decimal, price: Decimal, net: Money, entry: PriceEntry) -> Decimal:
    """Return the price of one without tax, rounded to four decimals if tax was taken out."""
    return price if entry == PriceEntry.NET else round(net.major / quantity, 4)


def reverse_charge(**fields: Any) -> DocumentData:
    """Return an invoice in euros under reverse charge, with a discount."""
    return document(
        [
            ("KVM VPS L", "1", "49.90", REVERSE),
            ("Object Storage", "1800", "0.0300", REVERSE),
            ("Moving the mail of 140 people", "2.5", "64.00", REVERSE),
            ("Coupon FREIGHT10", "1", "-9.58", REVERSE),
        ],
        **{"reference": "PO 4500-118842", **fields},
    )


def polish(**fields: Any) -> DocumentData:
    """Return an invoice in zlotys with three tax groups, in Polish."""
    data = document(
        [
            ("Hosting WWW Plus", "1", "384.00", VAT_23),
            ("Przeniesienie skrzynek", "2.5", "160.00", VAT_23),
            ("Rabat na przeniesienie", "1", "-40.00", VAT_23),
            ("E-book „Poczta bez zmartwień”", "1", "49.00", VAT_5),
        ],
        currency="PLN",
        **{"buyer": POLISH, "language": "pl", "number": "FV/2025/07/0184", **fields},
    )
    first = replace(data.lines[0], details="zlotyklos.example", period=AUGUST)
    return replace(data, lines=(first, *data.lines[1:]))


def credit_note(**fields: Any) -> DocumentData:
    """Return a credit note for a part of an invoice."""
    return document(
        [("Hosting WWW Plus", "0.5", "120.00", VAT_23)],
        **{
            "kind": DocumentKind.CREDIT_NOTE,
            "number": "CN-2025-0007",
            "due_on": None,
            "corrects": ("FH-2025-00431", date(2025, 7, 1)),
            "reason": "Cancelled on 15 July",
            **fields,
        },
    )
