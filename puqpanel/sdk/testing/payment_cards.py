"""Payment cards: what happens to money between a provider and the books, card by card."""

from __future__ import annotations

from puqpanel.sdk.testing.paying import Sale, card


@card("paid")
def paid(sale: Sale) -> str:
    """Pay an invoice; the same webhook twice counts once."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    sale.deliver(body)
    sale.expect(invoice, "paid", attempt.amount)
    sale.deliver(body)
    sale.expect(invoice, "paid", attempt.amount)
    assert sale.credit() == 0, f"The client has a credit of {sale.credit()}."
    return "The invoice was paid once by a webhook that was delivered twice."
