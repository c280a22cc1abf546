"""Documents, templates and logos that fail: what is kept, reported and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import session, transaction
from puqpanel.infra.documents.compiler import LimitError, TemplateError
from puqpanel.models import Company, Document, StoredFile
from puqpanel.operations.billing import (
    companies,
    document_files,
    logos,
)
from puqpanel.operations.billing.document_files import UnprintableError
from puqpanel.operations.billing.print_failures import LOGO, TEMPLATE, failure
from puqpanel.operations.oversight import billing_checks
from tests.domain.test_images import png
from tests.operations.billing.conftest import STAFF

Make = Callable[..., Document]
DAMAGED = png(40, 10)[:50]


def kept() -> int:
    return session().scalar(sa.select(sa.func.count()).select_from(StoredFile)) or 0


def test_a_damaged_logo_is_refused_by_the_operation(company: Company) -> None:
    for content in (DAMAGED, b"", b"%PDF"):
        with pytest.raises(InvalidInput) as caught:
            companies.save_company(actor=STAFF, uuid=company.uuid, values={"logo_file": content})
        assert list(caught.value.errors) == ["logo_file"]
    assert kept() == 0
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"logo_file": png(40, 10)})
    assert logos.logo_of(company) == png(40, 10)


def test_a_damaged_logo_is_left_out_and_reported(
    panel: Any, invoice: Make, company: Company
) -> None:
    with transaction():
        session().add(StoredFile(digest="d" * 64, content_type="image/png", content=DAMAGED))
        companies.find_company(company.uuid).logo = "d" * 64
    document = invoice("10")
    assert document_files.pdf(document).startswith(b"%PDF")
    assert document_files.is_kept(document.digest)
    assert "was left out. The image is damaged." in str(failure(LOGO, company))
    assert failure(TEMPLATE, company) == ""
    check = billing_checks.templates(panel.settings)
    assert (check.state, str(check.text)) == (
        "warn",
        "The logo could not be printed for: Fjordhost sp. z o.o..",
    )
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"logo_file": png(40, 10)})
    assert failure(LOGO, company) == ""


def test_the_default_look_is_not_kept_if_the_template_was_only_too_slow(
    invoice: Make, company: Company, refusals: dict[str, Exception]
) -> None:
    with transaction():
        companies.find_company(company.uuid).template = "= Own template"
    document = invoice("10")
    refusals["Own template"] = LimitError(verbatim("The template takes longer than 10 seconds."))
    slow = document_files.pdf(document)
    assert slow.startswith(b"%PDF") and not document_files.is_kept(document.digest)
    refusals.clear()
    own = document_files.pdf(document)
    assert own != slow and document_files.pdf(document) == own
    assert document_files.is_kept(document.digest)


def test_a_template_that_does_not_compile_is_kept(
    invoice: Make, company: Company, refusals: dict[str, Exception]
) -> None:
    with transaction():
        companies.find_company(company.uuid).template = "= Own template"
    refusals["Own template"] = TemplateError(verbatim("unknown variable"))
    document = invoice("10")
    document_files.pdf(document)
    assert document_files.is_kept(document.digest)


def test_a_document_that_fails_has_an_error_for_people(
    invoice: Make, refusals: dict[str, Exception]
) -> None:
    document = invoice("10")
    for error, text in (
        (TemplateError(verbatim("no glyph")), "can't be made. The error was logged."),
        (LimitError(verbatim("slow")), "takes too long at the moment. Try again later."),
        (RuntimeError("exited with code 1"), "can't be made. The error was logged."),
    ):
        refusals[document.number or ""] = error
        with pytest.raises(UnprintableError, match=text) as caught:
            document_files.pdf(document)
        assert document.number in str(caught.value) and caught.value.reason == str(error)
