"""Payment cards: what happens to money between a provider and the books, card by card."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import clock
from puqpanel.infra.db import session
from puqpanel.models import PaymentEvent, Refund
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import credit_notes, payment_methods, payment_polls, refunds
from puqpanel.operations.modules.availability import defines
from puqpanel.sdk.testing.contract import NotTested
from puqpanel.sdk.testing.paying import Sale, card

FIVE = Decimal(5)
LONG_AGO = timedelta(days=60)
MEGABYTE = 1024 * 1024


@card("paid")
def paid(sale: Sale) -> str:
    """Pay an invoice; the same webhook twice counts once."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    for _ in range(2):
        sale.deliver(body)
        sale.expect(invoice, "paid", attempt.amount)
        sale.expect_credit(Decimal())
    return "The invoice was paid once, although the webhook was delivered twice."


@card("paid by two payments")
def paid_by_two(sale: Sale) -> str:
    """Open the payment page twice and pay both: the second payment becomes credit."""
    invoice = sale.issue()
    with clock.at(clock.now() - timedelta(hours=2)):
        first = sale.open(invoice)
    second = sale.open(invoice)
    assert first.uuid != second.uuid
    for attempt in (first, second):
        sale.deliver(sale.pay(attempt))
    sale.expect(invoice, "paid", first.amount, second.amount)
    sale.expect_credit(second.amount)
    return "The second payment became credit."


@card("late")
def late(sale: Sale) -> str:
    """Pay 60 days after the page was opened: after the due date, and after the attempt expired."""
    with clock.at(clock.now() - LONG_AGO):
        invoice = sale.issue()
        attempt = sale.open(invoice)
    payment_polls.schedule_due()
    sale.work()
    sale.deliver(sale.pay(attempt))
    sale.expect(invoice, "paid", attempt.amount)
    sale.expect_credit(Decimal())
    return "A payment that arrived 60 days later paid the invoice."


@card("too much")
def too_much(sale: Sale) -> str:
    """Pay more than was asked for: the rest becomes credit."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    sale.deliver(sale.pay(attempt, attempt.amount + FIVE))
    sale.expect(invoice, "paid", attempt.amount + FIVE)
    sale.expect_credit(FIVE)
    return "The surplus became credit."


@card("too little")
def too_little(sale: Sale) -> str:
    """Pay less than was asked for, then the rest."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    sale.deliver(sale.pay(attempt, attempt.amount - FIVE))
    sale.expect(invoice, "partly_paid", attempt.amount - FIVE)
    sale.deliver(sale.pay(sale.open(invoice)))
    sale.expect(invoice, "paid", attempt.amount - FIVE, FIVE)
    sale.expect_credit(Decimal())
    return "A part paid a part, and the rest paid the invoice."


@card("another currency")
def another_currency(sale: Sale) -> str:
    """Pay in another currency than was asked for: the payment waits for staff."""
    if not sale.provider.other_currency:
        raise NotTested("The provider takes one currency only.")
    invoice = sale.issue()
    sale.deliver(sale.pay(sale.open(invoice), currency=sale.provider.other_currency))
    found = [(str(row.status), row.currency) for row in sale.payments()]
    assert found == [("parked", sale.provider.other_currency)], (
        f"The payments are {found or 'none'}, not one that is parked. {sale.notes()}".strip()
    )
    sale.expect_status(invoice, "issued")
    sale.expect_credit(Decimal())
    return "The payment is parked for staff, and the invoice is not paid."


@card("refunded before it was paid")
def refunded_first(sale: Sale) -> str:
    """Deliver the webhook of a refund before that of its payment."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    first = sale.pay(attempt)
    second = sale.provider.refund(attempt)
    sale.deliver(second)
    sale.deliver(first)
    sale.work()
    sale.expect(invoice, "issued", attempt.amount)
    _expect_refund("succeeded", attempt.amount)
    sale.expect_credit(Decimal())
    sale.deliver(second)
    _expect_refund("succeeded", attempt.amount)
    return "The refund was recorded once, after its payment."


@card("cancelled after it was paid")
def cancelled_last(sale: Sale) -> str:
    """Deliver “cancelled” after “paid”, as a provider does that does not keep the order."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    sale.deliver(sale.pay(attempt))
    sale.deliver(sale.provider.cancel(attempt))
    sale.expect(invoice, "paid", attempt.amount)
    sale.expect_credit(Decimal())
    return "The payment stayed paid."


@card("webhook lost")
def webhook_lost(sale: Sale) -> str:
    """Pay without a webhook: the panel asks the provider. Then the webhook arrives after all."""
    if not defines(sale.lab.loaded, "observe_payment"):
        raise NotTested("The module has no observe_payment().")
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    _ask(sale)
    sale.expect(invoice, "paid", attempt.amount)
    sale.deliver(body)
    sale.expect(invoice, "paid", attempt.amount)
    sale.expect_credit(Decimal())
    return "The panel asked about the payment, and it counted once."


@card("answer lost while a webhook is read")
def reading_lost(sale: Sale) -> str:
    """Let the module capture a payment; the provider does it, but its answer does not arrive."""
    if not sale.is_event_reader:
        raise NotTested("The module has no read_event().")
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    sale.post(body, sale.sign(body))
    sale.lose_answer("")
    sale.work()
    sale.expect(invoice, "paid", attempt.amount)
    held = sale.provider.held(attempt)
    assert held == attempt.amount, f"The provider took {held}, not {attempt.amount}."
    return "The provider took the money once, and the invoice is paid."


@card("answer to a refund lost")
def refund_lost(sale: Sale) -> str:
    """Refund a payment; the provider does it, but its answer does not arrive."""
    if not defines(sale.lab.loaded, "refund"):
        raise NotTested("The module has no refund().")
    invoice = sale.issue()
    attempt = sale.open(invoice)
    sale.deliver(sale.pay(attempt))
    [payment] = sale.payments()
    credit_notes.credit(actor=AUTOMATION, uuid=invoice.uuid, reason="A test")
    refunds.request(
        actor=AUTOMATION, payment_uuid=payment.uuid, amount=payment.amount, reason="A test"
    )
    sale.lose_answer(sale.provider.refund_path)
    assert sale.provider.held(attempt) == 0, "The provider did not refund the payment."
    _ask(sale)
    # a module that reads its own webhooks is not asked again: staff enter the outcome
    expected = ("succeeded", "pending") if sale.is_event_reader else ("unknown",)
    _expect_refund(expected, attempt.amount)
    left = sale.provider.held(attempt)
    assert left == 0, f"The provider holds {left} after the refund of {attempt.amount}."
    sale.expect_credit(Decimal())
    return f"The provider refunded once; the refund is {_refunds()[0][0]}."


@card("answer to a charge lost")
def charge_lost(sale: Sale) -> str:
    """Charge a saved method; the provider does it, but its answer does not arrive."""
    if not defines(sale.lab.loaded, "charge"):
        raise NotTested("The module has no charge().")
    first = sale.open(sale.issue(), save_method=True)
    sale.deliver(sale.pay(first))
    saved = payment_methods.methods_of(clients.find_client(sale.client_uuid))
    if not saved:
        raise NotTested("The payment at the provider saved no payment method.")
    invoice = sale.issue()
    attempt = sale.open(invoice, gateway=f"method:{saved[0].uuid}")
    sale.lose_answer(sale.provider.charge_path)
    held = sale.provider.held(attempt)
    assert held == attempt.amount, f"The provider charged {held}, not {attempt.amount}."
    _ask(sale)
    sale.expect(invoice, "paid", first.amount, attempt.amount)
    held = sale.provider.held(attempt)
    assert held == attempt.amount, f"The provider charged {held}, not {attempt.amount}."
    sale.expect_credit(Decimal())
    return "The provider charged once, and the invoice is paid."


@card("wrong signature")
def wrong_signature(sale: Sale) -> str:
    """Deliver a webhook without a signature and with that of another body; then the right one."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    other = sale.sign(body + b" ")
    if other == sale.sign(body):
        raise NotTested("The provider does not sign its webhooks.")
    _expect_refused(sale, body, {}, "without a signature")
    _expect_refused(sale, body, other, "with a wrong signature")
    sale.deliver(body)
    sale.expect(invoice, "paid", attempt.amount)
    return "Refused without a signature and with that of another body."


@card("old signature")
def old_signature(sale: Sale) -> str:
    """Deliver a webhook with a signature that is too old; then the right one."""
    age = sale.provider.stale_after
    if age is None:
        raise NotTested("The provider's signature contains no time.")
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    headers = sale.provider.sign(body, clock.now() - age)
    _expect_refused(sale, body, dict(headers), "with an old signature")
    sale.deliver(body)
    sale.expect(invoice, "paid", attempt.amount)
    return "A signature that is too old was refused."


@card("body of 1 MB")
def large_body(sale: Sale) -> str:
    """Deliver bodies of 1 MB: unsigned, too large by a byte, and signed if it is JSON."""
    invoice = sale.issue()
    attempt = sale.open(invoice)
    body = sale.pay(attempt)
    for large, allowed in ((b"x" * MEGABYTE, range(200, 500)), (b"x" * (MEGABYTE + 1), (413,))):
        status = sale.post(large, sale.sign(body))
        assert status in allowed, f"A body of {len(large)} bytes returned {status}."
        sale.work()
    sale.expect_status(invoice, "issued")
    sale.deliver(body.ljust(MEGABYTE) if body[:1] in (b"{", b"[") else body)
    sale.expect(invoice, "paid", attempt.amount)
    return "Bodies of 1 MB were read or refused."


def _ask(sale: Sale) -> None:
    """Repeat what is due, and let the panel ask about what is unknown."""
    sale.work()
    with clock.at(clock.now() + timedelta(minutes=2)):
        payment_polls.schedule_due()
        sale.work()


def _refunds() -> list[tuple[str, Decimal]]:
    query = sa.select(Refund).order_by(Refund.id).execution_options(populate_existing=True)
    return [(str(row.status), row.amount.major) for row in session().scalars(query)]


def _expect_refund(status: str | tuple[str, ...], amount: Decimal) -> None:
    """Assert that there is one refund, with this status or one of these."""
    allowed = (status,) if isinstance(status, str) else status
    found = _refunds()
    assert found in [[(each, amount)] for each in allowed], (
        f"The refunds are {found}, not one of {amount} that is {' or '.join(allowed)}."
    )


def _expect_refused(sale: Sale, body: bytes, headers: dict[str, str], which: str) -> None:
    """Assert that a webhook is refused and counts for nothing."""
    status = sale.post(body, headers)
    sale.work()
    assert 400 <= status < 500, f"A webhook {which} returned {status}."
    assert not sale.payments(), f"A webhook {which} returned {status}, but its payment counted."
    stored = session().scalar(sa.select(sa.func.count(PaymentEvent.id)))
    assert not stored, f"A webhook {which} was stored."
