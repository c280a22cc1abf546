"""What is read from a statement of any format."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


class StatementError(Exception):
    """A file cannot be read; the text tells staff why."""


@dataclass(frozen=True)
class ParsedLine:
    """An incoming transfer. `bank_id` is the bank's own id of it, empty if it has none."""

    booked_on: date
    amount: Decimal
    currency: str
    payer: str = ""
    payer_account: str = ""
    text: str = ""
    bank_id: str = ""


@dataclass
class Parsed:
    """A statement: the account that the file names, incoming lines, and the number of others."""

    account: str = ""
    lines: list[ParsedLine] = field(default_factory=list)
    skipped: int = 0


def digests(account: str, lines: Iterable[ParsedLine]) -> Iterator[tuple[str, ParsedLine]]:
    """Yield each line with what identifies it in its account.

    That is the bank's id with the day and the amount, or else all that the statement says. Equal
    lines of a statement are numbered, so that each of them counts once whatever file it is in.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        amount = f"{line.amount.normalize():f}"
        shared = (account, line.booked_on.isoformat(), amount, line.currency)
        own = ("id", line.bank_id)
        told = ("text", line.payer, line.payer_account, " ".join(line.text.split()))
        key = shared + (own if line.bank_id else told)
        seen[key] += 1
        text = "\x1f".join((*key, str(seen[key])))
        yield hashlib.sha256(text.encode()).hexdigest(), line


def one_line(*parts: str | None) -> str:
    """Return texts joined on one line, without control characters."""
    text = " ".join(part for part in parts if part)
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
