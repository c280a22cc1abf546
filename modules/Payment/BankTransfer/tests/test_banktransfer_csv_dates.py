"""Dates of CSV files: no money is left out without a word, and the wrong line is named."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.Payment.BankTransfer.services import csv_files
from modules.Payment.BankTransfer.services.csv_files import Layout
from modules.Payment.BankTransfer.services.parsed import StatementError

LAYOUT = Layout(day="Date", amount="Amount", payer="Payer", text=["Title"])


def csv_of(*rows: str) -> bytes:
    return "\n".join(["Date;Payer;Title;Amount", *rows]).encode()


@pytest.mark.parametrize("bad", ["2 Dec 2026", "32.12.2026", "2026-12-32", "01.12.2026"])
@pytest.mark.parametrize("place", ["middle", "end"])
def test_a_line_whose_date_can_not_be_read_is_named(bad: str, place: str) -> None:
    rows = ["2026-12-01;A;t;1,00", f"{bad};B;t;200,00", "2026-12-03;C;t;3,00"]
    if place == "end":
        rows[1:] = [rows[2], rows[1]]
    number = 3 if place == "middle" else 4
    with pytest.raises(StatementError, match=f"Line {number} of the file: “{bad}”"):
        csv_files.read(csv_of(*rows), LAYOUT, "EUR")


@pytest.mark.parametrize("footer", ["Total;;;201,00", ";;;201,00", "Printed on 2026-12-05", "2026"])
def test_totals_and_notes_after_the_last_date_are_left_out(footer: str) -> None:
    found = csv_files.read(csv_of("2026-12-01;A;t;1,00", footer), LAYOUT, "EUR")
    assert [line.amount for line in found.lines] == [Decimal("1.00")]
