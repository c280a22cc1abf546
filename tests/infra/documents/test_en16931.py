"""CII and UBL: the official schemas and business rules, and sums recomputed from the XML."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from lxml import etree

from puqpanel.domain.documents import ConvertedTax, DocumentData, DocumentKind, Party
from puqpanel.domain.money import Money
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup
from puqpanel.infra.documents import en16931
from puqpanel.infra.documents.cii import cii
from puqpanel.infra.documents.en16931 import NotAnInvoiceError
from puqpanel.infra.documents.facturx import checked_xml
from puqpanel.infra.documents.ubl import ubl
from tests.infra.documents.samples import (
    EXEMPT,
    OUTSIDE,
    POLISH,
    QUEBEC,
    REVERSE,
    SELLER,
    UKRAINIAN,
    VAT_5,
    VAT_23,
    credit_note,
    document,
    polish,
    reverse_charge,
)
from tests.infra.documents.schematron import CII_RULES, UBL_RULES, broken_rules, check_ubl_schema

COMPOUND = TaxGroup(
    TaxCategory.STANDARD, (Tax("GST", Decimal(5)), Tax("QST", Decimal("9.5"), compound=True))
)
OTHER_VAT = TaxGroup(TaxCategory.STANDARD, (Tax("IVA", Decimal(23)),))
EXPORT = TaxGroup(TaxCategory.EXPORT)
ZERO = TaxGroup(TaxCategory.ZERO)
CONVERTED = ConvertedTax(Money(4444, "PLN"), Decimal("4.25"), date(2025, 7, 11), "NBP")
SAMPLES = {
    "reverse charge with a discount": reverse_charge(),
    "three rates": polish(),
    "credit note": credit_note(),
    "exempt": document([("Хостинг", "1", "1200", EXEMPT)], "UAH", buyer=UKRAINIAN),
    "gross": document(
        [("VPS", "3", "9.99", VAT_23), ("Coupon", "1", "-3.33", VAT_23), ("x", "7", "1", VAT_5)],
        entry=PriceEntry.GROSS,
    ),
    "two taxes": document([("VPS", "1", "100.00", QUEBEC)], "CAD"),
    "compound tax": document([("VPS", "1", "99.99", COMPOUND)], "CAD"),
    "outside the scope": document([("Fee", "3", "9.99", OUTSIDE)]),
    "outside the scope beside others": document(
        [("Fee", "3", "9.99", OUTSIDE), ("VPS", "1", "49.90", REVERSE), ("y", "1", "2", EXEMPT)]
    ),
    "export, zero rate and rates of two names": document(
        [
            ("a", "1", "9", EXPORT),
            ("b", "1", "8", ZERO),
            ("c", "1", "7", VAT_23),
            ("d", "1", "6", OTHER_VAT),
        ]
    ),
    "prepaid, and tax in another currency": document(
        [("VPS", "1", "60.00", VAT_23)],
        buyer=POLISH,
        prepaid=Money(500, "EUR"),
        converted_tax=CONVERTED,
        notes=("First note.", "Second note."),
    ),
    "no decimals": document([("VPS", "2.5", "1201", VAT_23)], "JPY"),
    "rounded amounts": document(
        [("a", "1.5", "0.33", VAT_23), ("b", "3", "10.005", VAT_23), ("c", "1.5", "-0.33", VAT_23)]
    ),
    "a hundred lines": document([(f"VPS {at}", "1", "0.07", VAT_23) for at in range(100)]),
    "endpoint and three lines of address": document(
        [("VPS", "1", "1", VAT_23)],
        seller=replace(SELLER, endpoint="9945:PL5862310477"),
        buyer=replace(POLISH, street="a\nb\nc", region="Małopolska", phone="+48 1"),
    ),
}


NUMBERS = {
    ("AU", "ABN51824753556"): False,
    ("MX", "ABC680524P76"): False,
    ("GR", "EL094014201"): True,
    ("GB", "XI123456782"): True,
    ("GB", "GB123456782"): True,
    ("MC", "FR83404833048"): True,
    ("CH", "CHE-123.456.788 MWST"): True,
    ("CH", "DE811907980"): False,
    ("XK", "XK123456789"): False,
    ("PL", ""): False,
}
"""Country and number of a party → whether it is a VAT identifier."""
PLACED = {
    f"{role} in {country} with {number or 'no number'}": document(
        [("VPS", "1", "49.90", VAT_23)],
        **{
            role: Party("A firm", country=country, vat_number=number, tax_number="1" * (not number))
        },
    )
    for country, number in NUMBERS
    for role in ("seller", "buyer")
}
SAMPLES |= PLACED | {
    "reverse charge of other numbers": reverse_charge(
        seller=Party("A", country="AU", vat_number="ABN51824753556"),
        buyer=Party("B", country="MX", vat_number="ABC680524P76"),
    ),
    "a buyer without country": document([("VPS", "1", "1", VAT_23)], buyer=Party("B")),
}


@pytest.mark.parametrize(("country", "number"), NUMBERS)
def test_only_numbers_of_the_country_are_vat_identifiers(country: str, number: str) -> None:
    party = Party("A firm", country=country, vat_number=number)
    invoice = en16931.invoice(document([("VPS", "1", "49.90", VAT_23)], seller=party, buyer=party))
    for identified in (invoice.seller, invoice.buyer):
        assert bool(identified.vat_number) is NUMBERS[country, number]
        if not identified.vat_number:
            assert identified.registration == number


def test_kosovo_has_the_code_of_the_standard() -> None:
    data = document([("VPS", "1", "1", VAT_23)], buyer=Party("B", country="XK"))
    assert b"<ram:CountryID>1A<" in cii(data)
    assert b">1A</cbc:IdentificationCode>" in ubl(data)


@pytest.fixture(params=SAMPLES.values(), ids=SAMPLES.keys())
def data(request: pytest.FixtureRequest) -> DocumentData:
    return request.param  # type: ignore[no-any-return]


def test_cii_follows_the_official_rules(data: DocumentData) -> None:
    assert broken_rules(checked_xml(data), CII_RULES) == []


def test_ubl_follows_the_official_rules(data: DocumentData) -> None:
    check_ubl_schema(ubl(data))
    assert broken_rules(ubl(data), UBL_RULES) == []


@pytest.mark.parametrize("write", [cii, ubl])
def test_prices_of_rounded_amounts_are_as_entered(write: Any) -> None:
    sums = Sums(write(SAMPLES["rounded amounts"]))
    prices = sums.all("NetPriceProductTradePrice/ChargeAmount", "Price/PriceAmount")
    assert prices == [Decimal("0.33"), Decimal("10.005"), Decimal("0.33")]
    assert sums.all("NetPriceProductTradePrice/BasisQuantity", "Price/BaseQuantity") == [1, 1, 1]


def test_the_rules_find_mistakes() -> None:
    wrong = ubl(polish()).replace(b">793.00<", b">793.01<")
    assert any("BR-CO-10" in rule for rule in broken_rules(wrong, UBL_RULES))
    wrong = cii(polish()).replace(b">173.57<", b">173.58<")
    assert any("BR-CO-14" in rule or "tax" in rule for rule in broken_rules(wrong, CII_RULES))


class Sums:
    """The amounts of an invoice, read from either syntax."""

    def __init__(self, xml: bytes) -> None:
        self.root = etree.fromstring(xml)
        self.is_ubl = "ubl" in etree.QName(self.root).namespace

    def all(self, cii_path: str, ubl_path: str) -> list[Decimal]:
        path = ubl_path if self.is_ubl else cii_path
        names = "/".join(f"*[local-name()='{name}']" for name in path.split("/"))
        return [Decimal(each.text) for each in self.root.xpath(f".//{names}")]

    def one(self, cii_path: str, ubl_path: str) -> Decimal:
        return self.all(cii_path, ubl_path)[0]


def rounded(amount: Decimal, like: Decimal) -> Decimal:
    return amount.quantize(like, ROUND_HALF_UP)


@pytest.mark.parametrize("write", [cii, ubl])
def test_sums_are_right(data: DocumentData, write: Any) -> None:
    sums = Sums(write(data))
    line = "CreditNoteLine" if data.kind == DocumentKind.CREDIT_NOTE else "InvoiceLine"
    counted = "CreditedQuantity" if data.kind == DocumentKind.CREDIT_NOTE else "InvoicedQuantity"
    nets = sums.all(
        "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
        f"{line}/LineExtensionAmount",
    )
    net = sums.one("TaxBasisTotalAmount", "LegalMonetaryTotal/TaxExclusiveAmount")
    bases = sums.all("ApplicableTradeTax/BasisAmount", "TaxSubtotal/TaxableAmount")
    taxes = sums.all("ApplicableTradeTax/CalculatedAmount", "TaxSubtotal/TaxAmount")
    tax = sums.one("TaxTotalAmount", "TaxTotal/TaxAmount")
    total = sums.one("GrandTotalAmount", "LegalMonetaryTotal/TaxInclusiveAmount")
    prepaid = sums.one("TotalPrepaidAmount", "LegalMonetaryTotal/PrepaidAmount")
    due = sums.one("DuePayableAmount", "LegalMonetaryTotal/PayableAmount")
    assert sum(nets) == net == sum(bases) == data.net.major  # BR-CO-10, BR-CO-13
    assert sum(taxes) == tax == data.tax.major  # BR-CO-14
    assert net + tax == total == data.total.major  # BR-CO-15
    assert total - prepaid == due  # BR-CO-16
    prices = sums.all("NetPriceProductTradePrice/ChargeAmount", "Price/PriceAmount")
    bases_of_price = sums.all("NetPriceProductTradePrice/BasisQuantity", "Price/BaseQuantity")
    quantities = sums.all("BilledQuantity", counted)
    for price, base, quantity, amount in zip(prices, bases_of_price, quantities, nets, strict=True):
        assert price >= 0  # BR-27
        assert rounded(price / base * quantity, amount) == amount


@pytest.mark.parametrize("write", [cii, ubl])
def test_tax_of_each_breakdown_is_its_rate(data: DocumentData, write: Any) -> None:
    """BR-CO-17, within the cent that gross prices and several rounded taxes can differ."""
    root = etree.fromstring(write(data))
    is_ubl = write is ubl
    name = "TaxSubtotal" if is_ubl else "ApplicableTradeTax"
    for found in root.xpath(f".//*[local-name()='{name}']"):
        values = {etree.QName(each).localname: each.text for each in found.iter()}
        base = values.get("TaxableAmount") or values.get("BasisAmount")
        if base is None:  # of a line
            continue
        tax = Decimal(values.get("TaxAmount") or values["CalculatedAmount"] or "")
        rate = Decimal(values.get("Percent") or values.get("RateApplicablePercent") or "0")
        assert abs(rounded(Decimal(base) * rate / 100, tax) - tax) <= Decimal("0.01")


def test_credit_notes_refer_to_their_invoice() -> None:
    root = etree.fromstring(ubl(credit_note()))
    assert etree.QName(root).localname == "CreditNote"
    text = ubl(credit_note()).decode()
    assert "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>" in text
    assert "<cbc:ID>FH-2025-00431</cbc:ID>\n      <cbc:IssueDate>2025-07-01<" in text
    assert "FH-2025-00431" in cii(credit_note()).decode()


def test_several_taxes_are_one_rate_and_named_in_the_notes() -> None:
    text = ubl(SAMPLES["two taxes"]).decode()
    assert "<cbc:Percent>14.975</cbc:Percent>" in text
    assert "GST 5%: 5.00\xa0CA$\nQST 9.975%: 9.98\xa0CA$" in text


@pytest.mark.parametrize("write", [cii, ubl, checked_xml])
def test_drafts_and_pro_forma_invoices_are_no_invoices(write: Any) -> None:
    for data in (polish(kind=DocumentKind.PROFORMA), polish(number="")):
        with pytest.raises(NotAnInvoiceError):
            write(data)


def test_lines_that_do_not_sum_to_the_totals_are_refused() -> None:
    data = polish()
    with pytest.raises(ValueError, match="do not sum"):
        cii(replace(data, lines=data.lines[1:]))
