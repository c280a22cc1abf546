"""Payouts: what gateways sent to the bank accounts of companies, as reported or entered by staff.

They move no money of clients, so the ledger does not have them; reconciliation subtracts them from
what a gateway owes.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, Decimal

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.payment_states import PayoutStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host.contract.payments import PayoutReport
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import Payout
from puqpanel.operations.billing import gateways, ledger
from puqpanel.operations.billing.companies import find_company
from puqpanel.operations.billing.lines import MAX_AMOUNT_MINOR
from puqpanel.operations.billing.payments import FIRST_DAY
from puqpanel.operations.system import audit

_ORDER = tuple(PayoutStatus)
"""A payout may fail after it was paid; a status never returns to an earlier one."""
COUNTED = (PayoutStatus.PENDING, PayoutStatus.PAID)
"""Statuses of payouts that left the balance at the provider."""
_LONGEST_NOTE = 500


@retry_deadlocks
@transaction()
def record_report(gateway_uuid: str, report: PayoutReport) -> Payout:
    """Record what a gateway reports about a payout; negative amounts were debited from the bank.

    Raises:
        InvalidInput: the amount is zero, or has more decimals than its currency.
        NotFoundError: the gateway was deleted.
        UnknownCurrencyError: the currency is unknown.
    """
    gateway = gateways.lock_gateway(gateway_uuid)
    amount, status = _amount(report), PayoutStatus(report.status)
    query = sa.select(Payout).where(
        Payout.gateway == gateway.uuid, Payout.outside_id == report.outside_id
    )
    payout = session().scalar(query.execution_options(populate_existing=True))
    if payout is not None and _ORDER.index(status) <= _ORDER.index(PayoutStatus(payout.status)):
        return payout
    if payout is None:
        company = gateways.company_of(gateway)
        payout = Payout(company=company, gateway=gateway.uuid, outside_id=report.outside_id)
    payout.status, payout.minor, payout.currency = status, amount.minor, amount.currency
    payout.paid_on = report.paid_on or payout.paid_on or ledger.today(payout.company)
    payout.reason = verbatim(report.reason[:500])
    save(payout)
    _record(AUTOMATION, payout)
    return payout


@retry_deadlocks
@transaction()
def enter(
    *,
    actor: Principal,
    gateway_uuid: str,
    company_uuid: str,
    amount: Money,
    paid_on: date,
    note: str = "",
    token: str,
) -> Payout:
    """Record a payout that the gateway does not report.

    Args:
        actor: staff.
        gateway_uuid: the gateway.
        company_uuid: whose bank account received it.
        amount: what arrived.
        paid_on: the day on which it arrived; not in the future.
        note: such as the reference on the bank statement.
        token: of the form, so that a form that is sent twice records one payout.

    Raises:
        InvalidInput: the amount is not positive, or the day is out of range.
        NotFoundError: the gateway or the company does not exist.
    """
    actor.require(PAYMENTS_MANAGE)
    gateway = gateways.lock_gateway(gateway_uuid)
    company = find_company(company_uuid)
    query = sa.select(Payout).where(Payout.gateway == gateway.uuid, Payout.outside_id == token)
    if (earlier := session().scalar(query)) is not None:
        return earlier
    if amount.minor <= 0:
        raise InvalidInput({"amount": [_("Enter an amount greater than 0.")]})
    if amount.minor > MAX_AMOUNT_MINOR:
        limit = Money(MAX_AMOUNT_MINOR, amount.currency)
        raise InvalidInput({"amount": [_("Enter an amount up to %(limit)s.", limit=limit)]})
    if not FIRST_DAY <= paid_on <= ledger.today(company):
        text = _("Enter a day from %(year)s to today.", year=FIRST_DAY.year)
        raise InvalidInput({"paid_on": [text]})
    payout = Payout(
        company=company,
        gateway=gateway.uuid,
        outside_id=token,
        status=PayoutStatus.PAID,
        minor=amount.minor,
        currency=amount.currency,
        paid_on=paid_on,
        note=note.strip()[:_LONGEST_NOTE],
    )
    save(payout)
    _record(actor, payout)
    return payout


@transaction()
def remove(*, actor: Principal, uuid: str, reason: str) -> None:
    """Remove a payout that was recorded by mistake; it stays in the list, with the reason.

    Raises:
        ConflictError: it failed or was removed already.
        InvalidInput: no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    payout = find_payout(uuid, lock=True)
    check_counted(payout)
    payout.status = PayoutStatus.REMOVED
    payout.reason = verbatim(reason.strip()[:500])
    _record(actor, payout)


def check_counted(payout: Payout) -> None:
    """Check that a payout counts.

    Raises:
        ConflictError: it failed or was removed.
    """
    if payout.status not in COUNTED:
        raise ConflictError(_("This payout failed or was removed already."))


def find_payout(uuid: str, *, lock: bool = False) -> Payout:
    """Return a payout, locked if wanted.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Payout).where(Payout.uuid == uuid)
    if lock:
        query = query.with_for_update(of=Payout).execution_options(populate_existing=True)
    return find(query, _("Payout not found."))


def _amount(report: PayoutReport) -> Money:
    currency = report.currency.upper()
    unit = Decimal(1).scaleb(-exponent(currency))
    amount = Money.from_major(report.amount.quantize(unit, ROUND_DOWN), currency)
    if not amount or amount.major != report.amount or abs(amount.minor) > MAX_AMOUNT_MINOR:
        text = _(
            "%(amount)s %(currency)s is not an amount that can be paid out.",
            amount=str(report.amount),
            currency=currency,
        )
        raise InvalidInput({"amount": [text]})
    return amount


def _record(actor: Principal, payout: Payout) -> None:
    """Write a payout to the activity log."""
    summaries: dict[str, Text] = {
        PayoutStatus.PENDING: _("Payout of %(amount)s is on its way.", amount=payout.amount),
        PayoutStatus.PAID: _("Payout of %(amount)s recorded.", amount=payout.amount),
        PayoutStatus.FAILED: _("Payout of %(amount)s failed.", amount=payout.amount),
        PayoutStatus.REMOVED: _("Payout of %(amount)s removed.", amount=payout.amount),
    }
    audit.record(
        actor=actor,
        action=f"payout.{payout.status}",
        subject_type="gateway",
        subject_uuid=payout.gateway,
        summary=summaries[payout.status],
        after={"outside_id": payout.outside_id, "reason": str(payout.reason)},
    )
