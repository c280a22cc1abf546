"""Templates of a firm and logos: what they can do, and what happens if they are broken."""

from __future__ import annotations

import io
import os
import re
import socket
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from puqpanel.domain.images import ImageError
from puqpanel.domain.money import Money
from puqpanel.domain.statements import Statement
from puqpanel.domain.texts import SOURCE, verbatim
from puqpanel.infra.documents import compiler, pdf
from puqpanel.infra.documents.compiler import LimitError, TemplateError, compile_template
from puqpanel.infra.documents.content import content
from puqpanel.infra.documents.pdf import check_logo, render_pdf, shipped_template
from puqpanel.infra.documents.statement import render_statement
from puqpanel.infra.settings import ROOT
from tests.domain.test_images import png
from tests.infra.documents.samples import GERMAN, SELLER, reverse_charge

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'
)
PNG = png(40, 10)


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    compiler.stop()
    yield
    compiler.stop()


def text(pdf: bytes) -> str:
    return PdfReader(io.BytesIO(pdf), strict=True).pages[0].extract_text()


def test_a_firm_has_its_own_template() -> None:
    source = "#let d = json(bytes(sys.inputs.data))\n= Rechnung #d.number\n#d.total"
    rendered = render_pdf(reverse_charge(), template=source)
    assert rendered.template_error is None
    assert "Rechnung FH-2025-00438\n254.32" in text(rendered.pdf)
    attached = PdfReader(io.BytesIO(rendered.pdf), strict=True).attachments
    assert list(attached) == ["factur-x.xml"]


def test_a_broken_template_is_reported_with_its_line_and_the_shipped_one_is_used() -> None:
    rendered = render_pdf(reverse_charge(), template="= Rechnung\n\n#d.number")
    assert rendered.pdf == render_pdf(reverse_charge()).pdf
    error = rendered.template_error
    assert error is not None and error.line == 3
    assert str(error) == "Line 3: unknown variable: d"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('#read("/etc/passwd")', "file not found"),
        ('#read("../../../etc/passwd")', "escape the project root"),
        ('#image("/etc/passwd")', "file not found"),
        ('#import "@local/secret:1.0.0"', "package not found"),
        ("#(1 / 0)", "divide by zero"),
        ("#panic(sys.inputs.keys().sorted())", '("data", "xml")'),
    ],
)
def test_templates_see_nothing_but_the_document(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source, {})
    assert message in str(caught.value)
    assert caught.value.line == 1


def test_templates_download_no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package would be fetched through the proxy of the child; here it is one that listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        asked = threading.Event()

        def listen() -> None:
            connection, _address = server.accept()
            asked.set()
            connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(compiler, "_UNREACHABLE", proxy)
        with pytest.raises(TemplateError, match="failed to download package"):
            compile_template('#import "@preview/tablex:0.0.8": *', {})
        assert asked.wait(10), "the proxy is ignored, so packages would come from the network"
    compiler.stop()
    monkeypatch.undo()
    with pytest.raises(TemplateError, match="failed to download package"):
        compile_template('#import "@preview/tablex:0.0.8": *', {})


def test_an_endless_template_is_stopped_and_the_shipped_one_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiler, "LIMIT_SECONDS", 3)
    source = "#for a in range(100000) { for b in range(100000) {} }"
    rendered = render_pdf(reverse_charge(), template=source)
    assert "Invoice" in text(rendered.pdf)
    assert str(rendered.template_error) == "The template takes longer than 3 seconds."
    assert rendered.is_provisional


def test_a_template_that_fills_the_memory_ends_only_its_process() -> None:
    source = "#let x = range(200000000).map(i => (i, i))\n#x.len()"
    with pytest.raises(LimitError, match=r"memory|longer"):
        compile_template(source, {})
    assert compile_template("still works", {})[0].startswith(b"%PDF")


def test_a_program_that_does_not_run_is_not_the_fault_of_the_template(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(1)")
    monkeypatch.setattr(compiler, "_PROGRAM", broken)
    with pytest.raises(RuntimeError, match="exited with code 1"):
        compile_template("text", {})


def test_the_child_process_is_replaced_when_it_is_gone() -> None:
    compile_template("one", {})
    child = compiler._child
    assert child is not None
    child.process.kill()
    child.process.wait()
    assert compile_template("two", {})[0].startswith(b"%PDF")
    assert not child.folder.exists()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_starts_a_child_of_its_own() -> None:
    compile_template("parent", {})
    child = compiler._child
    pid = os.fork()
    if pid == 0:
        try:
            compile_template("fork", {})
            own = compiler._child is not None and compiler._child.process.pid
            compiler.stop()
            os._exit(0 if own and child is not None and own != child.process.pid else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert compile_template("parent again", {})[0].startswith(b"%PDF")
    assert compiler._child is child


def test_threads_get_their_own_documents() -> None:
    def compiled(number: int) -> str:
        return text(compile_template(f"document {number}", {})[0])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(compiled, range(16)))
    assert found == [f"document {number}" for number in range(16)]


@pytest.mark.parametrize("logo", [SVG, PNG])
def test_logos(logo: bytes) -> None:
    check_logo(logo)
    assert render_pdf(reverse_charge(), logo=logo).pdf != render_pdf(reverse_charge()).pdf


def test_a_damaged_logo() -> None:
    logo = PNG[:50]  # its header is right and its pixels are missing
    with pytest.raises(ImageError, match="damaged"):
        check_logo(logo)
    rendered = render_pdf(reverse_charge(), logo=logo)
    assert rendered.pdf == render_pdf(reverse_charge()).pdf
    assert "damaged" in str(rendered.logo_error) and rendered.template_error is None
    assert not rendered.is_provisional


def test_a_damaged_logo_does_not_discard_the_template_of_the_firm() -> None:
    source = '#let d = json(bytes(sys.inputs.data))\n= Rechnung\n#if d.logo != "" { image(d.logo) }'
    rendered = render_pdf(reverse_charge(), template=source, logo=PNG[:50])
    assert "Rechnung" in text(rendered.pdf)
    assert "damaged" in str(rendered.logo_error) and rendered.template_error is None


def test_a_statement_leaves_a_damaged_logo_out() -> None:
    zero = Money.zero("EUR")
    days = date(2026, 1, 1), date(2026, 1, 31)
    empty = Statement(SELLER, GERMAN, *days, zero, (), zero, zero, zero)
    assert "Fjordhost" in text(render_statement(empty, "en", PNG[:50]))


def test_a_logo_that_takes_too_long_is_left_out_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiler.compile_template

    def busy(*arguments: Any, **options: Any) -> list[bytes]:
        if arguments[2] is not None:
            raise LimitError(verbatim("too slow"))
        return compiled(*arguments, **options)

    monkeypatch.setattr(pdf, "compile_template", busy)
    rendered = render_pdf(reverse_charge(), logo=PNG)
    assert (str(rendered.logo_error), rendered.is_provisional) == ("too slow", True)
    with pytest.raises(ImageError, match="too long"):
        check_logo(PNG)


def test_documents_of_many_lines_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def ask(_child: Any, _request: bytes, limit: float) -> bytes:
        limits.append(limit)
        return b'{"files": []}'

    monkeypatch.setattr(compiler, "_ask", ask)
    for lines in (0, 10, 500, 1000, 10**6):
        compile_template("", {}, lines=lines)
    assert limits == [10, 10, 20, 25, 25]


@pytest.mark.parametrize("logo", [b"%PDF-1.7", b"<html>", b"GIF89a"])
def test_a_logo_that_is_no_image(logo: bytes) -> None:
    error = render_pdf(reverse_charge(), logo=logo).logo_error
    assert "Upload a PNG, JPEG, WebP or SVG image" in str(error)
    with pytest.raises(ImageError):
        check_logo(logo)


def test_the_shipped_template_uses_no_packages() -> None:
    assert "@" not in shipped_template()


def test_the_documentation_names_what_templates_get() -> None:
    shown = content(reverse_charge(), SOURCE, paid=Money.zero("EUR"))
    page = (ROOT / "docs" / "documents.md").read_text("utf-8")
    assert [key for key in (*shown, *shown["transfer"]) if f"`{key}`" not in page] == []
    rows = (shown["lines"][0], shown["groups"][0])
    assert [key for row in rows for key in row if f"`{key}`" not in page] == []
    (example,) = re.findall(r"((?:^    [#=].*\n)+)", page, re.MULTILINE)
    (pdf,) = compile_template(textwrap.dedent(example), shown)
    assert "Fjordhost sp. z o.o. sells to Atlas Freight GmbH for 254.32" in text(pdf)
