"""Documents as PDF: texts, amounts, pages, the standard and the invoice inside."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import facturx
import pytest
from pypdf import PageObject, PdfReader

from puqpanel.domain.documents import BankAccount, ConvertedTax, DocumentData, DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.tax import PriceEntry
from puqpanel.infra.documents.cii import cii
from puqpanel.infra.documents.pdf import render_pages, render_pdf
from tests.infra.documents.samples import (
    EXEMPT,
    GERMAN,
    POLISH,
    QUEBEC,
    SELLER,
    UKRAINIAN,
    VAT_23,
    credit_note,
    document,
    polish,
    reverse_charge,
)


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf), strict=True)


def texts(data: DocumentData, paid: Money | None = None) -> list[str]:
    """The text of each page of a document, with ordinary spaces."""
    pages = read(render_pdf(data, paid=paid).pdf).pages
    return [page.extract_text().replace("\xa0", " ").replace("\u200b", "") for page in pages]


def where(page: PageObject, part: str) -> list[tuple[str, float, float]]:
    """Return the texts that contain a part, and where on the page they begin."""
    found: list[tuple[str, float, float]] = []

    def visit(
        text: str, outer: list[float], inner: list[float], _font: object, _size: float
    ) -> None:
        if part in text:
            a, b, c, d, e, f = outer
            x, y = inner[4:]
            found.append((text, a * x + c * y + e, b * x + d * y + f))

    page.extract_text(visitor_text=visit)
    return found


def test_an_invoice_says_what_it_must() -> None:
    (text,) = texts(reverse_charge())
    for expected in (
        "Invoice FH-2025-00438",
        "VAT no. PL5862310477",
        "Altstädter Straße 17\n20095 Hamburg\nGermany\nVAT no. DE811907980",
        "Issued 12 July 2025",
        "Payment due 26 July 2025",
        "Your reference PO 4500-118842",
        "Object Storage 1,800 0.03 € RC 54.00 €",
        "Coupon FREIGHT10 1 −9.58 € RC −9.58 €",
        "Total 254.32 €",
        "VAT to be accounted for by the recipient (Article 196, Directive 2006/112/EC).",
        "IBAN PL61 1090 1014 0000 0712 1981 2874",
        "Payment reference FH-2025-00438",
        "Page 1 of 1",
    ):
        assert expected in text


def test_texts_and_amounts_are_in_the_language_of_the_document() -> None:
    (text,) = texts(polish())
    for expected in (
        "Faktura FV/2025/07/0184",
        "Data wystawienia 12 lipca 2025",
        "NIP PL6762511840",
        "Przeniesienie skrzynek 2,5 160,00 zł 23% 400,00 zł",
        "Rabat na przeniesienie 1 −40,00 zł 23% −40,00 zł",
        "zlotyklos.example, 1 sie 2025–31 lip 2026",
        "744,00 zł 23% 171,12 zł 915,12 zł",
        "Razem 966,57 zł",
        "Strona 1 z 1",
    ):
        assert expected in text
    assert "Polska" not in text  # both parties are in Poland
    (text,) = texts(polish(buyer=GERMAN, language="pl"))
    assert "Odwrotne" not in text and "Niemcy" in text
    (text,) = texts(reverse_charge(language="pl"))
    assert "podatek VAT rozlicza nabywca (art. 196 dyrektywy 2006/112/WE)" in text


def test_hryvnias_and_cyrillic() -> None:
    sold = [("Хостинг «Старт»", "1", "1200", EXEMPT)]
    (text,) = texts(document(sold, "UAH", buyer=UKRAINIAN))
    assert "ТОВ «Калина і партнери»\nвул. Ярославів Вал, 23\n01034 Київ\nUkraine" in text
    assert "Хостинг «Старт» 1 1200.00 UAH exempt 1200.00 UAH" in text.replace(",", "")
    assert "The seller is not registered for VAT." in text
    sold = [("€ zł ₴ Ł ß Ω Ж", "1", "5", EXEMPT)]
    assert "€ zł ₴ Ł ß Ω Ж" in texts(document(sold))[0]


@pytest.mark.parametrize(("cyrillic", "latin"), [("Київ і ј", "Київ i j"), ("и\u0306", "й")])
def test_letters_keep_their_marks(cyrillic: str, latin: str) -> None:
    """In Noto Sans, these letters have the same glyphs."""
    pages = [
        render_pages(reverse_charge(buyer=replace(GERMAN, name=name))).files
        for name in (cyrillic, latin)
    ]
    assert pages[0] == pages[1]


def test_characters_without_a_glyph_are_transliterated_and_kept_in_the_xml() -> None:
    data = reverse_charge(buyer=replace(GERMAN, name="北京科技 😀 \x01"))
    assert "BeiJingKeJi" in texts(data)[0]
    assert "北京科技 😀".encode() in cii(data)


def test_a_hundred_lines_repeat_the_head_and_number_the_pages() -> None:
    sold = [(f"KVM VPS number {at}", "1", "12.34", VAT_23) for at in range(1, 101)]
    pages = texts(document(sold))
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
    with_lines = [page for page in pages if "KVM VPS" in page]
    assert all("Description Qty Net price" in page for page in with_lines)
    whole = "\n".join(pages)
    assert [at for at in range(1, 101) if f"KVM VPS number {at} 1 12.34" not in whole] == []
    assert "1,517.82 €" in pages[-1]


def test_a_description_of_several_pages_is_printed_whole() -> None:
    words = " ".join(f"word{at}" for at in range(3000))
    data = document([("VPS", "1", "1", VAT_23)])
    data = replace(data, lines=(replace(data.lines[0], details=words),))
    pages = read(render_pdf(data).pdf).pages
    assert len(pages) > 2
    places = [place for page in pages for place in where(page, "word")]
    assert sum(text.count("word") for text, _x, _y in places) == 3000
    assert min(y for _text, _x, y in places) > 0


def test_very_long_names_stay_on_the_page() -> None:
    name = "A" * 120
    data = reverse_charge(
        seller=replace(SELLER, name=f"{name} and partners"),
        buyer=replace(GERMAN, name=name, email=f"{name}@example.org"),
        reference="Purchase order " * 10,
    )
    page = read(render_pdf(data).pdf).pages[0]
    assert max(x for text, x, _y in where(page, "AAAA") if "·" not in text) < page.mediabox.width
    head, _table = page.extract_text().split("Description")
    assert max(len(line) for line in head.replace("\u200b", "").splitlines()) < 60


def test_payment_state() -> None:
    (text,) = texts(reverse_charge(), Money(4000, "EUR"))
    assert "Paid 40.00 €\nAmount due 214.32 €" in text
    (text,) = texts(reverse_charge(), Money(25432, "EUR"))
    assert "Paid in full" in text and "IBAN" not in text
    (text,) = texts(reverse_charge(prepaid=Money(25432, "EUR")))
    assert "Paid in full" in text
    (text,) = texts(reverse_charge(prepaid=Money(25432, "EUR")), Money(0, "EUR"))
    assert "Paid" not in text and "IBAN" in text  # it was refunded
    (text,) = texts(credit_note(), Money(7380, "EUR"))
    assert "Paid" not in text
    rendered = render_pdf(reverse_charge(), pay_url="https://panel.example/pay/1")
    assert "Pay online https://panel.example/pay/1" in read(rendered.pdf).pages[0].extract_text()
    only_online = render_pdf(reverse_charge(bank=BankAccount()), pay_url="https://panel.example")
    assert "Pay online https://panel.example" in read(only_online.pdf).pages[0].extract_text()


def test_a_credit_note_names_the_invoice_and_asks_for_no_payment() -> None:
    (text,) = texts(credit_note())
    assert "Credit note\nCN-2025-0007" in text or "Credit note CN-2025-0007" in text
    assert "Corrects invoice FH-2025-00431 of 1 July 2025." in text
    assert "Reason: Cancelled on 15 July" in text
    assert "Total credited 73.80 €" in text
    assert "How to pay" not in text and "Payment due" not in text


def test_a_pro_forma_invoice_is_marked_and_carries_no_invoice() -> None:
    pdf = render_pdf(polish(kind=DocumentKind.PROFORMA, language="en")).pdf
    text = read(pdf).pages[0].extract_text()
    assert "Proforma invoice" in text and "This is not a tax invoice." in text
    assert "How to pay" in text and "Date of supply" not in text
    assert list(read(pdf).attachments) == []
    assert read(pdf).xmp_metadata.pdfaid_part == "3"  # type: ignore[union-attr]


def test_a_draft_has_no_number_no_payment_and_carries_no_invoice() -> None:
    pdf = render_pdf(reverse_charge(number="")).pdf
    text = read(pdf).pages[0].extract_text()
    assert "Draft" in text and "How to pay" not in text
    assert list(read(pdf).attachments) == []


def test_several_taxes_are_listed_one_by_one() -> None:
    (text,) = texts(document([("VPS", "1", "100.00", QUEBEC)], "CAD"))
    assert "5% + 9.975%" in text
    assert "GST 100.00 CA$ 5% 5.00 CA$ 114.98 CA$\nQST 9.975% 9.98 CA$" in text
    assert "Tax by rate" in text


def test_gross_prices() -> None:
    data = document([("VPS", "3", "9.99", VAT_23)], entry=PriceEntry.GROSS)
    (text,) = texts(data)
    assert data.total == Money(2997, "EUR")
    assert "VPS 3 8.1233 € 23% 24.37 €" in text
    assert "Total 29.97 €" in text


def test_tax_in_the_national_currency() -> None:
    converted = ConvertedTax(
        Money(5911, "PLN"), Decimal("4.2834"), date(2025, 7, 11), "NBP 133/A/NBP/2025"
    )
    data = document([("VPS", "1", "60.00", VAT_23)], buyer=POLISH, converted_tax=converted)
    expected = "VAT in PLN: 59.11 PLN (rate 4.2834 of 11 July 2025), NBP 133/A/NBP/2025"
    assert expected in texts(data)[0]


@pytest.mark.parametrize("data", [reverse_charge(), polish(), credit_note()])
def test_pdf_a_3b_with_factur_x(data: DocumentData) -> None:
    pdf = render_pdf(data).pdf
    metadata = read(pdf).xmp_metadata
    assert metadata is not None
    assert (metadata.pdfaid_part, metadata.pdfaid_conformance) == ("3", "B")
    root = metadata.rdf_root.toxml()
    assert "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>" in root
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in root
    assert root.count("<pdfaExtension:schemas>") == 1
    assert "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#" in root
    assert facturx.get_facturx_xml_from_pdf(pdf) == ("factur-x.xml", cii(data))
    catalog = read(pdf).trailer["/Root"]
    (attached,) = catalog["/AF"]
    assert attached.get_object()["/AFRelationship"] == "/Alternative"
    assert "/OutputIntents" in catalog


def test_the_same_document_is_the_same_file() -> None:
    assert render_pdf(reverse_charge()).pdf == render_pdf(reverse_charge()).pdf


def test_pages_as_pictures() -> None:
    sold = [(f"VPS {at}", "1", "1", VAT_23) for at in range(60)]
    pages = render_pages(document(sold)).files
    assert len(pages) == len(texts(document(sold)))
    assert all(page.startswith(b"\x89PNG\r\n\x1a\n") for page in pages)
