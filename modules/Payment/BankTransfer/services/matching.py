"""What a line may pay: suggestions for staff, who decide.

Exact: the reference or the number of a document, and its amount. Likely: the reference or number
with another amount, or the amount and the payer's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from puqpanel.sdk import Invoice, minor_units, now

from ..models.statements import Line
from ..models.transfers import Transfer, with_amounts, with_references
from .references import numbers_in, references_in

EXACT, LIKELY = "exact", "likely"
RECENT = timedelta(days=90)
"""How old a transfer may be that is suggested for its amount and name alone."""
CHUNK = 500


@dataclass(frozen=True)
class Match:
    """A suggestion. `reason` is reference, number or name."""

    grade: str
    reason: str
    amount: Decimal
    currency: str
    client: str
    number: str
    invoice_uuid: str
    attempt_uuid: str = ""
    reference: str = ""
    gateway_uuid: str = ""

    @property
    def key(self) -> str:
        """What a form submits."""
        return self.reference or self.invoice_uuid


def suggest(lines: Sequence[Line]) -> dict[int, list[Match]]:
    """Return the suggestions for each line by its id, exact ones first."""
    references = {line.id: references_in(line.text) for line in lines}
    asked = {one.reference: one for one in with_references(set().union(*references.values()))}
    found: dict[int, list[Match]] = {}
    for currency in {line.currency for line in lines}:
        some = [line for line in lines if line.currency == currency]
        numbers = {line.id: numbers_in(line.text) for line in some}
        by_number, by_amount = _open(currency, set().union(*numbers.values()), some)
        recent = defaultdict(list)
        for one in with_amounts(currency, {line.minor for line in some}, now() - RECENT):
            recent[one.minor].append(one)
        for line in some:
            named = [asked[one] for one in references[line.id] if one in asked]
            numbered = [by_number[one] for one in numbers[line.id] if one in by_number]
            found[line.id] = _distinct(
                [
                    *(_of_transfer(one, line, "reference") for one in named),
                    *(_of_invoice(one, line, "number") for one in numbered),
                    *(
                        _of_transfer(one, line, "name")
                        for one in recent[line.minor]
                        if _same_name(line.payer, one.client, one.company)
                    ),
                    *(
                        _of_invoice(one, line, "name")
                        for one in by_amount[line.minor]
                        if _same_name(line.payer, one.client.name, one.client.company)
                    ),
                ]
            )
    return found


def preselected(matches: Iterable[Match]) -> Match | None:
    """Return the exact suggestion if there is only one."""
    exact = [match for match in matches if match.grade == EXACT]
    return exact[0] if len(exact) == 1 else None


def _open(
    currency: str, numbers: Collection[str], lines: Iterable[Line]
) -> tuple[dict[str, Invoice], dict[int, list[Invoice]]]:
    """Return the open documents by number, and by what is due."""
    wanted = sorted(numbers)
    by_number = {
        invoice.number.upper(): invoice
        for at in range(0, len(wanted), CHUNK)
        for invoice in Invoice.find_open(currency, numbers=wanted[at : at + CHUNK])
    }
    by_amount = defaultdict(list)
    for invoice in Invoice.find_open(currency, due={line.amount for line in lines}):
        by_amount[minor_units(invoice.due_amount, currency)].append(invoice)
    return by_number, by_amount


def _of_transfer(transfer: Transfer, line: Line, reason: str) -> Match:
    equal = (transfer.minor, transfer.currency) == (line.minor, line.currency)
    return Match(
        EXACT if equal and reason != "name" else LIKELY,
        reason,
        transfer.amount,
        transfer.currency,
        transfer.company or transfer.client,
        transfer.number,
        transfer.invoice_uuid,
        transfer.attempt_uuid,
        transfer.reference,
        transfer.gateway_uuid,
    )


def _of_invoice(invoice: Invoice, line: Line, reason: str) -> Match:
    return Match(
        EXACT if invoice.due_amount == line.amount and reason != "name" else LIKELY,
        reason,
        invoice.due_amount,
        line.currency,
        invoice.client.company or invoice.client.name,
        invoice.number,
        invoice.uuid,
    )


def _distinct(matches: Iterable[Match]) -> list[Match]:
    """Return each document once, as the best of its suggestions."""
    ranked = sorted(matches, key=lambda match: match.grade != EXACT)
    best: dict[tuple[str, str], Match] = {}
    for match in ranked:
        best.setdefault((match.invoice_uuid, match.number), match)
    return list(best.values())


def _same_name(payer: str, *names: str) -> bool:
    """Return whether a payer has one of the names, in any order of words and without accents."""
    words = _words(payer)
    return bool(words) and any(words == _words(name) for name in names if name)


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return frozenset(re.findall(r"\w{2,}", bare))
