"""QR codes that fill in a bank transfer in the payer's app.

EPC069-12 (“GiroCode”) for euros and the 2D code of the Polish Bank Association for zlotys. Other
currencies have no code that banks agree on.
"""

from __future__ import annotations

import io
import re
from typing import Any

import segno

from puqpanel.domain.documents import DocumentData
from puqpanel.domain.money import Money

EPC_MAX_CENTS = 999_999_999_99
ZBP_MAX_GROSZY = 999_999
"""The 2D code has six digits for the amount."""
_SEGNO: dict[str, Any] = {"boost_error": False, "encoding": "utf-8", "mask": 0}
"""EPC requires level M exactly. Readers accept any mask; choosing the best takes 12 ms."""


def transfer_code(data: DocumentData, amount: Money) -> str:
    """Return the QR code for a bank transfer as SVG; empty if there is no standard for it.

    Args:
        data: the document.
        amount: what is to be paid.
    """
    iban = compact_iban(data.bank.iban)
    if not iban or not data.number or amount.minor <= 0:
        return ""
    if data.currency == "EUR" and amount.minor <= EPC_MAX_CENTS:
        return _svg(segno.make_qr(epc_text(data, amount, iban), error="m", **_SEGNO))
    if data.currency == "PLN" and iban.startswith("PL") and amount.minor <= ZBP_MAX_GROSZY:
        return _svg(segno.make_qr(zbp_text(data, amount, iban), error="m", **_SEGNO))
    return ""


def compact_iban(iban: str) -> str:
    """Return an IBAN without spaces."""
    return re.sub(r"\s", "", iban).upper()


def grouped_iban(iban: str) -> str:
    """Return an IBAN in groups of four, as it is read out."""
    return " ".join(re.findall(".{1,4}", compact_iban(iban)))


def epc_text(data: DocumentData, amount: Money, iban: str) -> str:
    """Return the content of the code of the European Payments Council, version 002."""
    bic = data.bank.bic.strip()
    return "\n".join(
        [
            "BCD",
            "002",
            "1",  # UTF-8
            "SCT",
            bic if len(bic) in (8, 11) else "",
            _holder(data)[:70],
            iban,
            f"EUR{amount.major:.2f}",
            "",
            "",
            data.number[:140],
        ]
    )


def zbp_text(data: DocumentData, amount: Money, iban: str) -> str:
    """Return the content of the Polish 2D code: tax number, account, amount, name and title."""
    tax_number = re.sub(r"\D", "", data.seller.vat_number or data.seller.tax_number)
    fields = [
        tax_number if len(tax_number) == 10 else "",
        "PL",
        iban.removeprefix("PL"),
        f"{amount.minor:06}",
        _holder(data).replace("|", " ")[:20],
        data.number.replace("|", " ")[:32],
    ]
    return "|".join([*fields, "", "", ""])


def _holder(data: DocumentData) -> str:
    return " ".join((data.bank.holder or data.seller.name).split())


def _svg(code: segno.QRCode) -> str:
    """Return a code without a margin, for paper that is white."""
    svg = io.BytesIO()
    code.save(svg, kind="svg", border=0, xmldecl=False, omitsize=True)
    return svg.getvalue().decode()
