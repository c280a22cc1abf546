"""Statements of clients as PDF, with the look of invoices."""

from __future__ import annotations

import contextlib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from puqpanel.domain.documents import Party
from puqpanel.domain.images import ImageError, check_image
from puqpanel.domain.money import Money
from puqpanel.domain.statements import Statement
from puqpanel.domain.texts import SOURCE, Language, _, _c
from puqpanel.infra import catalogs
from puqpanel.infra.documents import formats, labels
from puqpanel.infra.documents.compiler import TemplateError, compile_template, logo_name
from puqpanel.infra.documents.printable import breakable, printable

WORDS = {
    "title": _("Account statement"),
    "seller": _("Seller"),
    "buyer": _("Client"),
    "day": _("Date"),
    "text": _c("document", "Description"),
    "amount": _("Amount"),
    "balance": _("Balance"),
    "opening": _("Opening balance"),
    "closing": _("Closing balance"),
    "unpaid": _("Unpaid invoices"),
    "credit": _("Credit"),
    "empty": _("No entries in this period."),
    "page": _c("document", "Page"),
    "of": _c("page 1 of 2", "of"),
}


def render_statement(statement: Statement, language: str, logo: bytes = b"") -> bytes:
    """Return a statement as PDF/A-3b.

    Args:
        statement: what it says.
        language: tag of the language of its texts.
        logo: PNG, JPEG, WebP or SVG; empty for none. If it can't be printed, it is left out.

    Raises:
        TemplateError: the template does not compile, or not within the limits.
    """
    shown = _content(statement, catalogs.find(language) or SOURCE) | {"logo": ""}
    lines = len(statement.rows)
    if logo:
        with contextlib.suppress(ImageError, TemplateError):
            image = check_image(logo)
            named = {**shown, "logo": logo_name(image)}
            return compile_template(_template(), named, image, lines=lines)[0]
    return compile_template(_template(), shown, lines=lines)[0]


@cache
def _template() -> str:
    return Path(__file__).with_name("statement.typ").read_text("utf-8")


def _content(statement: Statement, language: Language) -> dict[str, Any]:
    def money(amount: Money) -> str:
        return formats.money(amount, language.locale)

    def day(value: date) -> str:
        return formats.day(value, language.locale)

    return {
        "language": language.locale.language,
        "words": {name: text.translated(language) for name, text in WORDS.items()},
        "period": f"{day(statement.start)} – {day(statement.end)}",
        "seller": _party(statement.seller, statement.buyer, language),
        "buyer": _party(statement.buyer, statement.seller, language),
        "start": day(statement.start),
        "end": day(statement.end),
        "opening": money(statement.opening),
        "closing": money(statement.closing),
        "unpaid": money(statement.unpaid),
        "credit": money(statement.credit),
        "rows": [
            {
                "day": day(row.day),
                "text": breakable(printable(row.text.translated(language))),
                "document": printable(row.document),
                "amount": money(row.amount),
                "balance": money(row.balance),
            }
            for row in statement.rows
        ],
    }


def _party(party: Party, other: Party, language: Language) -> dict[str, Any]:
    ids = [labels.VAT_NUMBER % {"number": party.vat_number}] if party.vat_number else []
    return {
        "name": breakable(printable(party.name)),
        "lines": [
            breakable(printable(line))
            for line in (
                *formats.address(party, other, language.locale),
                *(text.translated(language) for text in ids),
            )
        ],
    }
