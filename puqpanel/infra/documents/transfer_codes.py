"""QR codes that fill in a bank transfer in the payer's app.

EPC069-12 (“GiroCode”) for euros and the 2D code of the Polish Bank Association for zlotys. Other
currencies have no code that banks agree on.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import segno

from puqpanel.domain.documents import DocumentData
from puqpanel.domain.money import Money

EPC_MAX_CENTS = 999_999_999_99
ZBP_MAX_GROSZY = 999_999
"""The 2D code has six digits for the amount."""
_SEGNO: dict[str, Any] = {"boost_error": False, "encoding": "utf-8", "mask": 0}
"""EPC requires level M exactly. Readers accept any mask; choosing the best takes 12 ms."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A bank transfer to fill in.

    Args:
        holder: of the account.
        iban: in any spelling.
        bic: may be empty.
        amount: what is to be paid.
        title: what the payer writes.
        tax_number: of the recipient, for the Polish code; may be empty.
    """

    holder: str
    iban: str
    bic: str
    amount: Money
    title: str
    tax_number: str = ""


def transfer_code(data: DocumentData, amount: Money) -> str:
    """Return the QR code for the transfer of a document as SVG; empty if there is no standard.

    Args:
        data: the document.
        amount: what is to be paid.
    """
    bank, seller = data.bank, data.seller
    number = seller.vat_number or seller.tax_number
    holder = bank.holder or seller.name
    return code_of(Transfer(holder, bank.iban, bank.bic, amount, data.number, number))


def code_of(transfer: Transfer) -> str:
    """Return the QR code for a bank transfer as SVG; empty if there is no standard for it."""
    iban, amount = compact_iban(transfer.iban), transfer.amount
    if not iban or not transfer.title or amount.minor <= 0:
        return ""
    if amount.currency == "EUR" and amount.minor <= EPC_MAX_CENTS:
        return _svg(segno.make_qr(epc_text(transfer), error="m", **_SEGNO))
    if amount.currency == "PLN" and iban.startswith("PL") and amount.minor <= ZBP_MAX_GROSZY:
        return _svg(segno.make_qr(zbp_text(transfer), error="m", **_SEGNO))
    return ""


def compact_iban(iban: str) -> str:
    """Return an IBAN without spaces."""
    return re.sub(r"\s", "", iban).upper()


def grouped_iban(iban: str) -> str:
    """Return an IBAN in groups of four, as it is read out."""
    return " ".join(re.findall(".{1,4}", compact_iban(iban)))


def epc_text(transfer: Transfer) -> str:
    """Return the content of the code of the European Payments Council, version 002."""
    bic = transfer.bic.strip()
    return "\n".join(
        [
            "BCD",
            "002",
            "1",  # UTF-8
            "SCT",
            bic if len(bic) in (8, 11) else "",
            _line(transfer.holder)[:70],
            compact_iban(transfer.iban),
            f"EUR{transfer.amount.major:.2f}",
            "",
            "",
            transfer.title[:140],
        ]
    )


def zbp_text(transfer: Transfer) -> str:
    """Return the content of the Polish 2D code: tax number, account, amount, name and title."""
    tax_number = re.sub(r"\D", "", transfer.tax_number)
    fields = [
        tax_number if len(tax_number) == 10 else "",
        "PL",
        compact_iban(transfer.iban).removeprefix("PL"),
        f"{transfer.amount.minor:06}",
        _line(transfer.holder).replace("|", " ")[:20],
        transfer.title.replace("|", " ")[:32],
    ]
    return "|".join([*fields, "", "", ""])


def _line(text: str) -> str:
    return " ".join(text.split())


def _svg(code: segno.QRCode) -> str:
    """Return a code without a margin, for paper that is white."""
    svg = io.BytesIO()
    code.save(svg, kind="svg", border=0, xmldecl=False, omitsize=True)
    return svg.getvalue().decode()
