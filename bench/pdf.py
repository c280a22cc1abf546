"""An invoice as PDF/A-3b with Factur-X inside, against typst alone."""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import typst

from bench.measure import figure, interleaved
from puqpanel.domain.documents import BankAccount, DocumentData, DocumentKind, DocumentLine, Party
from puqpanel.domain.money import Money, pin_exponents
from puqpanel.domain.tax import GroupTotal, Tax, TaxCategory, TaxGroup
from puqpanel.domain.texts import SOURCE
from puqpanel.infra.documents import compiler
from puqpanel.infra.documents.content import content
from puqpanel.infra.documents.pdf import render_pdf, shipped_template
from puqpanel.infra.documents.typst_process import load_fonts

LINES = 12
GOAL_RATIO, GOAL_MILLISECONDS = 1.5, 50


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure an invoice with 12 lines: CPU time, and elapsed time.

    Args:
        n: Invoices per run; 20 by default. Each has another number and other amounts.
        database: Not used.
    """
    count = n or 20
    pin_exponents({"EUR": 2})  # as a panel does with the currencies that are enabled
    numbers = itertools.count()
    elapsed: list[float] = []
    with tempfile.TemporaryDirectory(prefix="pqb-") as folder:
        fonts = load_fonts(Path(folder))

        def bare() -> float:
            shown = [
                json.dumps(content(invoice(next(numbers)), SOURCE, paid=Money.zero("EUR")))
                for _ in range(count)
            ]
            started = time.process_time()
            for data in shown:
                compile_alone(fonts, data)
            return (time.process_time() - started) / count * 1000

        def ours() -> float:
            documents = [invoice(next(numbers)) for _ in range(count)]
            started, before = time.perf_counter(), cpu_seconds()
            for data in documents:
                render_pdf(data)
            elapsed.append((time.perf_counter() - started) / count * 1000)
            return (cpu_seconds() - before) / count * 1000

        ours(), bare()
        elapsed.clear()
        ours_cpu, bare_cpu = interleaved(ours, bare)
        compiler.stop()
    name = "invoice as PDF/A-3b with Factur-X"
    yield figure(f"{name}, CPU", "none", ours_cpu, bare_cpu, "ms", GOAL_RATIO)
    median = statistics.median(elapsed)
    yield figure(f"{name}, elapsed", "none", median, None, "ms", GOAL_MILLISECONDS)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the child that compiles for it."""
    child = compiler._child
    if child is None:
        return time.process_time()
    # the kernel's identifier of the CPU clock of another process, as in clock_getcpuclockid(3)
    return time.process_time() + time.clock_gettime((~child.process.pid << 3) | 2)


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
