"""Record what gateways report: each payment counts once, in whatever order reports arrive.

A report is recorded in one transaction under the lock of its gateway. Statuses only move forward.
What cannot be matched is parked for staff, because the money has arrived all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.payment_states import (
    ARRIVED,
    AWAITED,
    AttemptStatus,
    PaymentStatus,
    advances,
)
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host.contract.payments import (
    DisputeReport,
    MethodReport,
    PaymentReport,
    PayoutReport,
    RefundReport,
    Report,
)
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import (
    AttemptDocument,
    ConfiguredModule,
    Document,
    Payment,
    PaymentAttempt,
)
from puqpanel.operations.billing import (
    dispute_reports,
    ledger,
    payment_methods,
    payouts,
    refund_reports,
)
from puqpanel.operations.billing.attempts import is_web
from puqpanel.operations.billing.gateways import company_of, lock_gateway
from puqpanel.operations.billing.payment_matching import Match, match
from puqpanel.operations.billing.payment_polls import first_poll
from puqpanel.operations.billing.payments import FIRST_DAY, book
from puqpanel.operations.system import audit


def record_all(gateway_uuid: str, reports: Iterable[Report]) -> int:
    """Record reports of a gateway, each in a transaction of its own; return how many.

    Raises:
        InvalidInput: an amount is not positive, or a currency is unknown.
        NotFoundError: the gateway was deleted.
        UnknownPaymentError: a refund or dispute is of a payment that was not reported yet.
    """
    count = 0
    # refunds last: a webhook may report a payment and its refund
    for report in sorted(reports, key=lambda each: not isinstance(each, PaymentReport)):
        if isinstance(report, PaymentReport):
            record_payment(gateway_uuid, report)
        elif isinstance(report, MethodReport):
            payment_methods.record_change(gateway_uuid, report)
        elif isinstance(report, PayoutReport):
            payouts.record_report(gateway_uuid, report)
        elif isinstance(report, RefundReport):
            refund_reports.record_refund(gateway_uuid, report)
        else:
            assert isinstance(report, DisputeReport)
            dispute_reports.record_dispute(gateway_uuid, report)
        count += 1
    return count


@retry_deadlocks
@transaction()
def record_payment(gateway_uuid: str, report: PaymentReport) -> Payment:
    """Record what a gateway reports about a payment.

    Args:
        gateway_uuid: the gateway.
        report: checked by `host.contract.payments.reports_of`.

    Returns:
        The payment as it is now.

    Raises:
        InvalidInput: the amount is not positive, or the currency is unknown.
        NotFoundError: the gateway was deleted.
    """
    gateway = lock_gateway(gateway_uuid)
    (amount, inexact), fee = _amount(report), _fee(report)
    query = sa.select(Payment).where(
        Payment.gateway == gateway.uuid, Payment.outside_id == report.outside_id
    )
    payment = session().scalar(query.execution_options(populate_existing=True))
    status = PaymentStatus(report.status)
    if payment is None:
        found = match(gateway, report)
        payment = _new(gateway, report, amount, found)
    elif not advances(PaymentStatus(payment.status), status):
        if fee is not None and payment.fee_minor is None and payment.status in ARRIVED:
            payment.fee_minor = fee.minor
            post_fee(payment)
        return payment
    else:
        found = _again(gateway, report, payment)
    payment.status = status
    payment.reason = verbatim(report.reason[:500])
    payment.payer = payment.payer or report.payer[:200]
    payment.action_url = report.action_url[:2000] if is_web(report.action_url) else ""
    payment.next_poll_at = first_poll(gateway) if status in AWAITED else None
    if status is PaymentStatus.SUCCEEDED:
        payment.minor, payment.currency = amount.minor, amount.currency
        payment.received_on = _day(payment, report.paid_on)
        payment.fee_minor = fee.minor if fee is not None else None
        _arrived(gateway, report, payment, replace(found, problem=inexact or found.problem))
    elif status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
        _failed(payment, found)
    session().flush()
    return payment


def _amount(report: PaymentReport) -> tuple[Money, Text | None]:
    """Return the reported amount, and why staff must look at it; None if it is exact.

    Raises:
        InvalidInput: money should have arrived, but the amount is not positive.
        UnknownCurrencyError: the currency is unknown.
    """
    currency = report.currency.upper()
    unit = Decimal(1).scaleb(-exponent(currency))
    amount = Money.from_major(report.amount.quantize(unit, ROUND_DOWN), currency)
    inexact = None
    if amount.major != report.amount:
        inexact = _(
            "%(amount)s %(currency)s was reported, which has more decimals than the currency.",
            amount=str(report.amount),
            currency=currency,
        )
    if amount.minor > 0:
        return amount, inexact
    if report.status in ("failed", "cancelled"):
        return Money.zero(currency), None
    raise InvalidInput({"amount": [_("Enter an amount greater than 0.")]})


def _fee(report: PaymentReport) -> Money | None:
    """Return the reported fee, rounded to the currency."""
    if report.fee is None or not report.fee.is_finite() or report.fee <= 0:
        return None
    currency = report.currency.upper()
    unit = Decimal(1).scaleb(-exponent(currency))
    return Money.from_major(report.fee.quantize(unit, ROUND_HALF_UP), currency)


def _new(gateway: ConfiguredModule, report: PaymentReport, amount: Money, found: Match) -> Payment:
    """Insert a payment that was not reported before."""
    company = found.company or company_of(gateway)
    attempt = found.attempt or _attempt_for(gateway, amount, found)
    return save(
        Payment(
            company_id=company.id,
            company=company,
            client_id=found.client_id,
            attempt_id=attempt.id if attempt else None,
            gateway=gateway.uuid,
            outside_id=report.outside_id,
            status=PaymentStatus.PENDING,
            currency=amount.currency,
            minor=amount.minor,
            received_on=ledger.today(company),
            note=report.reference[:500],
        )
    )


def _attempt_for(gateway: ConfiguredModule, amount: Money, found: Match) -> PaymentAttempt | None:
    """Insert an attempt that links a payment without one to its document, if that is clear."""
    if found.problem is not None or found.client_id is None or found.company is None:
        return None
    documents = session().scalars(sa.select(Document).where(Document.uuid.in_(found.documents)))
    links = [AttemptDocument(document_id=row.id) for row in documents]
    if not links:
        return None
    return save(
        PaymentAttempt(
            gateway=gateway.uuid,
            company_id=found.company.id,
            client_id=found.client_id,
            currency=amount.currency,
            minor=amount.minor,
            status=AttemptStatus.OPEN,
            documents=links,
        )
    )


def _again(gateway: ConfiguredModule, report: PaymentReport, payment: Payment) -> Match:
    """Return what a payment belongs to that was reported before."""
    found = match(gateway, report)
    if found.client_id is None and payment.attempt_id is not None:
        attempt = session().get_one(PaymentAttempt, payment.attempt_id)
        documents = [row.document.uuid for row in attempt.documents]
        return Match(attempt.client_id, attempt.company, documents, attempt)
    if payment.client_id not in (None, found.client_id):
        return Match(problem=_("It was first reported for another client."))
    if payment.client_id is None and found.company is not None:
        payment.client_id, payment.company = found.client_id, found.company
        payment.company_id = found.company.id
    return found


def _day(payment: Payment, paid_on: date | None) -> date:
    """Return the day of a payment: the reported one, unless the books can't have it."""
    today = ledger.today(payment.company)
    return paid_on if paid_on is not None and FIRST_DAY <= paid_on <= today else today


def _arrived(
    gateway: ConfiguredModule, report: PaymentReport, payment: Payment, found: Match
) -> None:
    """Book a payment that succeeded, or park it."""
    if found.problem is not None or found.client_id is None:
        park(payment, found.problem or _("The client is unknown."))
        return
    client = ledger.lock_client(found.client_id)
    session().flush()
    book(AUTOMATION, payment, client, found.documents)
    post_fee(payment)
    if report.method is not None and found.attempt is not None:
        payment_methods.keep(gateway, found.attempt, report.method)
    if found.attempt is not None:
        _settle(found.attempt)


def park(payment: Payment, reason: Text) -> None:
    """Keep a payment that arrived for staff to decide about; requires a transaction."""
    payment.status = PaymentStatus.PARKED
    payment.reason = reason
    session().flush()
    audit.record(
        actor=AUTOMATION,
        action="payment.parked",
        subject_type="payment",
        subject_uuid=payment.uuid,
        summary=_("Payment of %(amount)s parked: %(reason)s", amount=payment.amount, reason=reason),
        after={"amount": str(payment.amount), "payer": payment.payer},
    )
    raise_event("payment.parked", {"payment_uuid": payment.uuid, "reason": reason})


def post_fee(payment: Payment) -> None:
    """Post what the gateway kept of a payment; requires a transaction."""
    if not payment.fee_minor or payment.status != PaymentStatus.SUCCEEDED:
        return
    assert payment.client_id is not None
    fee = Money(payment.fee_minor, payment.currency)
    ledger.post(
        key=f"fee:{payment.uuid}",
        company=payment.company,
        client_id=payment.client_id,
        day=ledger.today(payment.company),
        summary=_("Fee of the gateway"),
        entries=[
            Entry(Account.FEES, fee),
            Entry(Account.CLEARING, -fee, gateway=payment.gateway),
        ],
    )


def _settle(attempt: PaymentAttempt) -> None:
    """Close an attempt once its payments cover it; a part may be followed by the rest."""
    arrived = sa.select(sa.func.coalesce(sa.func.sum(Payment.minor), 0)).where(
        Payment.attempt_id == attempt.id, Payment.status == PaymentStatus.SUCCEEDED
    )
    # a charge is made once, also if the gateway took less
    if attempt.method_id is not None or (session().scalar(arrived) or 0) >= attempt.minor:
        attempt.status = AttemptStatus.SUCCEEDED
        attempt.next_poll_at = None
    elif attempt.status in (AttemptStatus.EXPIRED, AttemptStatus.FAILED, AttemptStatus.UNKNOWN):
        attempt.status = AttemptStatus.OPEN


def _failed(payment: Payment, found: Match) -> None:
    """Record that a payment failed: the documents stay payable."""
    attempt = found.attempt
    if attempt is not None and attempt.method_id is not None:
        attempt.status = AttemptStatus.FAILED
        attempt.reason = payment.reason
        attempt.next_poll_at = None
        payment_methods.count_failure(attempt)
    client = payment.client
    payload = {"payment_uuid": payment.uuid, "client_uuid": client.uuid if client else ""}
    raise_event("payment.failed", payload)
