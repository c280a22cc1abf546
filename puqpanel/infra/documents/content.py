"""What a template shows: texts, amounts and dates of a document, all formatted.

docs/documents.md describes the result for firms that write a template of their own.
"""

from __future__ import annotations

from typing import Any

from babel import Locale

from puqpanel.domain.documents import DocumentData, DocumentKind, Party
from puqpanel.domain.money import Money
from puqpanel.domain.tax import GroupTotal, TaxGroup
from puqpanel.domain.texts import Language, Text, named
from puqpanel.infra.documents import formats, labels
from puqpanel.infra.documents.printable import breakable, printable
from puqpanel.infra.documents.transfer_codes import grouped_iban, transfer_code

_EXACT = ("pay_url", "code")
_WHOLE = ("number", "reference")
"""Texts that people copy are not broken into lines."""


def content(
    data: DocumentData, language: Language, *, paid: Money, logo: str = "", pay_url: str = ""
) -> dict[str, Any]:
    """Return what a template shows, as plain values.

    Args:
        data: the document.
        language: of its texts and formats.
        paid: how much of it is paid.
        logo: the name of the logo's file; empty without one.
        pay_url: where the client can pay it; empty for nowhere.
    """
    locale = language.locale
    shown = {
        "language": locale.language,
        "words": labels.words(data, language),
        "kind": data.kind.value,
        "number": data.number,
        "logo": logo,
        "seller": _party(data.seller, data.buyer, language),
        "buyer": _party(data.buyer, data.seller, language),
        "facts": _facts(data, language),
        "lines": _lines(data, language),
        "groups": [row for total in data.totals for row in _group(total, language)],
        "net": formats.money(data.net, locale),
        "tax": formats.money(data.tax, locale),
        "total": formats.money(data.total, locale),
        **_settlement(data, paid, locale, pay_url),
        "notes": _notes(data, language),
    }
    printed: dict[str, Any] = _printable(shown)
    return printed


def _party(party: Party, other: Party, language: Language) -> dict[str, Any]:
    numbers = (
        (labels.VAT_NUMBER, party.vat_number),
        (labels.TAX_NUMBER, party.tax_number * (party.tax_number != party.vat_number)),
    )
    ids = [(text % {"number": number}).translated(language) for text, number in numbers if number]
    return {
        "name": party.name,
        "address": formats.address(party, other, language.locale),
        "ids": [*ids, party.registration] if party.registration else ids,
        "contact": [text for text in (party.email, party.phone, party.website) if text],
    }


def _facts(data: DocumentData, language: Language) -> list[list[str]]:
    facts: list[tuple[Text, str]] = [(labels.ISSUED, formats.day(data.issued_on, language.locale))]
    if data.kind != DocumentKind.PROFORMA:
        facts.append((labels.SUPPLIED, formats.day(data.supplied_on, language.locale)))
    if data.due_on:
        facts.append((labels.DUE, formats.day(data.due_on, language.locale)))
    if data.reference:
        facts.append((labels.YOUR_REFERENCE, data.reference))
    return [[label.translated(language), text] for label, text in facts]


def _lines(data: DocumentData, language: Language) -> list[dict[str, str]]:
    locale = language.locale
    lines = []
    for line in data.lines:
        period = formats.days(line.period, locale) if line.period else ""
        lines.append(
            {
                "description": line.description,
                "details": ", ".join(filter(None, [line.details, period])),
                "quantity": formats.number(line.quantity, locale),
                "price": formats.price(line.unit_price, data.currency, locale),
                "rate": _rate(line.group, language),
                "amount": formats.money(line.net, locale),
            }
        )
    return lines


def _rate(group: TaxGroup, language: Language) -> str:
    if short := labels.SHORT_CATEGORIES.get(group.category):
        return short.translated(language)
    rates = [formats.percent(tax.rate, language.locale) for tax in group.taxes]
    return " + ".join(rates) or formats.percent(group.rate, language.locale)


def _group(total: GroupTotal, language: Language) -> list[dict[str, str]]:
    """Return a row for each tax of a group; the net and gross amounts stand in the first."""
    locale, group = language.locale, total.group
    rows = [
        {
            "name": named(tax.name).translated(language),
            "rate": formats.percent(tax.rate, locale),
            "tax": formats.money(amount, locale),
        }
        for tax, amount in zip(group.taxes, total.taxes, strict=True)
    ] or [
        {
            "name": labels.CATEGORIES[group.category].translated(language),
            "rate": _rate(group, language),
            "tax": formats.money(total.tax, locale),
        }
    ]
    amounts = {"net": formats.money(total.net, locale), "gross": formats.money(total.gross, locale)}
    empty = {"net": "", "gross": ""}
    return [{**row, **(empty if at else amounts)} for at, row in enumerate(rows)]


def _settlement(data: DocumentData, paid: Money, locale: Locale, pay_url: str) -> dict[str, Any]:
    """Return what is paid and how to pay the rest."""
    is_credit = data.kind == DocumentKind.CREDIT_NOTE
    due = Money.zero(data.currency) if is_credit else data.total - paid
    payable = due.minor > 0 and bool(data.number)
    shows_paid = bool(paid) and not is_credit
    settlement: dict[str, Any] = {
        "paid": formats.money(paid, locale) if shows_paid else "",
        "open": formats.money(due, locale) if shows_paid else "",
        "is_paid": shows_paid and due.minor <= 0,
        "transfer": None,
        "pay_url": pay_url if payable else "",
    }
    if payable and data.bank.iban:
        settlement["transfer"] = {
            "holder": data.bank.holder or data.seller.name,
            "iban": grouped_iban(data.bank.iban),
            "bic": data.bank.bic,
            "bank": data.bank.bank,
            "reference": data.number,
            "amount": formats.money(due, locale),
            "code": transfer_code(data, due),
        }
    return settlement


def _notes(data: DocumentData, language: Language) -> list[str]:
    texts: list[Text] = []
    if data.corrects:
        number, on = data.corrects
        texts.append(labels.CORRECTS % {"number": number, "day": formats.day(on, language.locale)})
    if data.reason:
        texts.append(labels.REASON % {"reason": data.reason})
    notes = [text.translated(language) for text in texts]
    notes += labels.reasons(data, language)
    if converted := data.stated_tax:
        text = labels.CONVERTED % {
            "tax": labels.tax_word(data),
            "currency": converted.amount.currency,
            "amount": formats.money(converted.amount, language.locale),
            "rate": formats.number(converted.rate, language.locale),
            "day": formats.day(converted.rate_on, language.locale),
        }
        notes.append(", ".join(filter(None, [text.translated(language), converted.source])))
    return [*notes, *data.notes]


def _printable(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        if name in _EXACT:
            return value
        return printable(value) if name in _WHOLE else breakable(printable(value))
    if isinstance(value, dict):
        return {name: _printable(part, name) for name, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value
