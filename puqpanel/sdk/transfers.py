"""The QR code that fills in a bank transfer in the payer's app."""

import base64
from decimal import Decimal

from puqpanel.domain.money import Money


def transfer_image(
    *, holder: str, iban: str, amount: Decimal, currency: str, reference: str, bic: str = ""
) -> str:
    """Return the QR code of a bank transfer as a data URL, for the `src` of an image.

    Args:
        holder: of the account.
        iban: the account, in any spelling.
        amount: in major units.
        currency: ISO 4217 code.
        reference: what the payer writes.
        bic: of the bank; may be empty.

    Returns:
        An empty text if banks have no standard for such a code: they have one for euros, and for
        zlotys to Polish accounts.
    """
    from puqpanel.infra.documents.transfer_codes import Transfer, code_of  # most pages have none

    svg = code_of(Transfer(holder, iban, bic, Money.from_major(amount, currency), reference))
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}" if svg else ""
