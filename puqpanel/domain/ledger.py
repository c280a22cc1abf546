"""The accounts of the ledger, in double entry: debits are positive, credits negative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from puqpanel.domain.money import Money


class Account(StrEnum):
    """An account of the ledger.

    RECEIVABLE is kept for each document, CREDIT for each client and company, CLEARING for each
    gateway. PREPAID is what prepaid services took from credit and no statement lists yet.
    """

    RECEIVABLE = "receivable"
    CREDIT = "credit"
    INCOME = "income"
    TAX = "tax"
    CLEARING = "clearing"
    FEES = "fees"
    WRITE_OFF = "write_off"
    PREPAID = "prepaid"


@dataclass(frozen=True, slots=True)
class Entry:
    """An amount on an account.

    Args:
        account: which one.
        amount: positive for a debit, negative for a credit.
        document_id: the document of a receivable.
        gateway: the gateway of a clearing account; empty for payments that staff recorded.
    """

    account: Account
    amount: Money
    document_id: int | None = None
    gateway: str = ""


def check_balanced(entries: Sequence[Entry]) -> None:
    """Check that entries sum to zero.

    Raises:
        ValueError: they do not, or there are none.
    """
    if not entries or Money.total((e.amount for e in entries), entries[0].amount.currency):
        raise ValueError("the entries of a posting must sum to zero")
