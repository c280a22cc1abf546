"""An invoice as PDF/A-3b with Factur-X inside, against typst alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import typst

from bench.measure import figure, interleaved, seconds
from puqpanel.domain.documents import BankAccount, DocumentData, DocumentKind, DocumentLine, Party
from puqpanel.domain.money import Money
from puqpanel.domain.tax import GroupTotal, Tax, TaxCategory, TaxGroup
from puqpanel.domain.texts import SOURCE
from puqpanel.infra.documents import compiler
from puqpanel.infra.documents.content import content
from puqpanel.infra.documents.pdf import render_pdf, shipped_template
from puqpanel.infra.documents.typst_process import load_fonts

LINES = 12
GOAL_RATIO, GOAL_MILLISECONDS = 1.5, 50


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the elapsed time of an invoice with 12 lines, in milliseconds.

    Args:
        n: Invoices per run; 20 by default. Each has another number and other amounts.
        database: Not used.
    """
    count = n or 20
    with tempfile.TemporaryDirectory(prefix="pqb-") as folder:
        fonts = load_fonts(Path(folder))
        number = iter(range(10**6))

        def bare() -> float:
            shown = [
                json.dumps(content(data, SOURCE, paid=Money.zero("EUR")))
                for data in (invoice(next(number)) for _ in range(count))
            ]
            return seconds(lambda: [compile_alone(fonts, data) for data in shown]) / count

        def ours() -> float:
            documents = [invoice(next(number)) for _ in range(count)]
            return seconds(lambda: [render_pdf(data) for data in documents]) / count

        ours(), bare()
        ours_seconds, bare_seconds = interleaved(ours, bare)
        compiler.stop()
    values = ours_seconds * 1000, bare_seconds * 1000
    yield figure("invoice as PDF/A-3b with Factur-X", "none", *values, "ms", GOAL_RATIO)
    yield figure("the same, absolute", "none", *values, "ms", GOAL_MILLISECONDS, absolute=True)


def compile_alone(fonts: typst.Fonts, data: str) -> bytes:
    """Compile the shipped template in this process."""
    compiler = typst.Compiler(font_paths=fonts, ignore_system_fonts=True, sys_inputs={"data": data})
    pdf = compiler.compile(shipped_template().encode(), format="pdf", pdf_standards="a-3b")
    assert isinstance(pdf, bytes)
    return pdf


def invoice(number: int) -> DocumentData:
    """Return an invoice over 12 lines."""
    group = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(23)),))
    nets = [Money(990 + 10 * number + at, "EUR") for at in range(LINES)]
    lines = tuple(
        DocumentLine(f"KVM VPS L {at}", Decimal(1), net.major, net, group, "erp.atlas.example")
        for at, net in enumerate(nets)
    )
    net = Money.total(nets, "EUR")
    seller = Party(
        "Fjordhost sp. z o.o.", "ul. Morska 14", "Gdynia", "81-323", "", "PL", "PL5862310477"
    )
    return DocumentData(
        kind=DocumentKind.INVOICE,
        number=f"FH-{number:06}",
        currency="EUR",
        language="en",
        issued_on=date(2025, 7, 12),
        supplied_on=date(2025, 7, 12),
        due_on=date(2025, 7, 26),
        seller=seller,
        buyer=replace(seller, name="Złoty Kłos sp. z o.o.", vat_number="PL6762511840"),
        bank=BankAccount("Fjordhost sp. z o.o.", "PL61109010140000071219812874", "WBKPPLPP"),
        lines=lines,
        totals=(GroupTotal(group, net, (net.scaled(Decimal("0.23")),)),),
    )
