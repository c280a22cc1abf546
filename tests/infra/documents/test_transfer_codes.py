"""QR codes for bank transfers, read by a decoder of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import segno
import zxingcpp

from puqpanel.domain.documents import BankAccount
from puqpanel.domain.money import Money
from puqpanel.infra.documents import transfer_codes
from puqpanel.infra.documents.transfer_codes import grouped_iban, transfer_code
from tests.infra.documents.samples import BANK, polish, reverse_charge


def scanned(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Return what a reader finds in a code."""
    codes: list[segno.QRCode] = []
    monkeypatch.setattr(transfer_codes, "_svg", lambda code: codes.append(code) or "svg")
    transfer_code(*arguments)  # type: ignore[arg-type]
    (code,) = codes
    scale, border = 4, 4
    rows = [
        bytes(0 if module else 255 for module in row)
        for row in code.matrix_iter(scale=scale, border=border)
    ]
    picture = memoryview(b"".join(rows)).cast("B", shape=[len(rows), len(rows[0])])
    (found,) = zxingcpp.read_barcodes(picture)
    return found.text


def test_euros(monkeypatch: pytest.MonkeyPatch) -> None:
    data = reverse_charge(bank=replace(BANK, holder="Złoty Fjordhost sp. z o.o."))
    assert scanned(monkeypatch, data, Money(25430, "EUR")).split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "WBKPPLPP",
        "Złoty Fjordhost sp. z o.o.",
        "PL61109010140000071219812874",
        "EUR254.30",
        "",
        "",
        "FH-2025-00438",
    ]


def test_zlotys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scanned(monkeypatch, polish(), Money(96657, "PLN")) == (
        "5862310477|PL|61109010140000071219812874|096657|Fjordhost sp. z o.o.|FV/2025/07/0184|||"
    )


def test_no_code_without_a_standard() -> None:
    assert transfer_code(reverse_charge(), Money(1, "EUR")).startswith("<svg")
    assert transfer_code(reverse_charge(), Money(0, "EUR")) == ""
    assert transfer_code(reverse_charge(number=""), Money(1, "EUR")) == ""
    assert transfer_code(reverse_charge(bank=BankAccount()), Money(1, "EUR")) == ""
    assert transfer_code(replace(polish(), currency="UAH"), Money(1, "UAH")) == ""
    assert transfer_code(polish(), Money(1_000_000, "PLN")) == ""
    german = BankAccount("x", "DE02120300000000202051")
    assert transfer_code(polish(bank=german), Money(1, "PLN")) == ""


def test_ibans_are_grouped_in_fours() -> None:
    assert grouped_iban("de0212030000 0000202051") == "DE02 1203 0000 0000 2020 51"
