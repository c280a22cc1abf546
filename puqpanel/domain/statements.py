"""A statement of a client: what it owes, and what changed that over some days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from puqpanel.domain.documents import Party
from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A posting of the ledger that changed what the client owes.

    Args:
        day: of the posting.
        text: what happened.
        document: number of the document that it is about; empty if there is none.
        document_uuid: its UUID; empty if there is none.
        amount: positive if the client owes more, negative if it owes less.
        balance: what the client owes afterwards; negative for credit.
    """

    day: date
    text: Text
    document: str
    document_uuid: str
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """What a client owed before, during and after some days, in one currency.

    Args:
        seller: in whose name it is written.
        buyer: the client.
        start: the first day.
        end: the last day.
        opening: what the client owed before the first day; negative for credit.
        rows: in order.
        closing: what it owes after the last day; the sum of its unpaid invoices less its credit.
        unpaid: what is open on its invoices after the last day.
        credit: its credit after the last day.
    """

    seller: Party
    buyer: Party
    start: date
    end: date
    opening: Money
    rows: tuple[StatementRow, ...]
    closing: Money
    unpaid: Money
    credit: Money

    @property
    def invoiced(self) -> Money:
        """What increased the balance."""
        amounts = [row.amount for row in self.rows if row.amount.minor > 0]
        return Money.total(amounts, self.opening.currency)

    @property
    def settled(self) -> Money:
        """What reduced the balance, as a positive amount."""
        amounts = [-row.amount for row in self.rows if row.amount.minor < 0]
        return Money.total(amounts, self.opening.currency)
