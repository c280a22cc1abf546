"""Prepaid services whose credit is used up, or whose client has reached its spending cap.

They are suspended at once, and terminated some days later as for any other non-payment. They are
unsuspended when the credit covers the next hour or day of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
import structlog

from puqpanel.domain.dunning import StepKind, termination_day
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.prepaid import CAP, CREDIT
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import VERBS, ServiceStatus
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import PrepaidSpan, Service, Step
from puqpanel.operations.automation.unpaid_services import Debt, ServiceStep
from puqpanel.operations.billing import ledger, prepaid_accounts
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.billing.prepaid_accounts import Outlook
from puqpanel.operations.system import batches, settings

log = structlog.get_logger(__name__)
CHUNK = 200
"""Clients that are read at once."""
WARNING = 80
"""Percent of the cap at which a client is warned."""


def is_prepaid(step: Step) -> bool:
    """Return whether a step is about a prepaid service."""
    return step.period.startswith((CREDIT, CAP))


def due(*, day: date | None = None, company_uuid: str = "") -> list[ServiceStep]:
    """Return the suspensions and terminations of prepaid services that are due.

    Args:
        day: until which day services are to be terminated; today unless given.
        company_uuid: of one company only; all of them unless given.
    """
    found: list[ServiceStep] = []
    for clients in _clients():
        for outlook in prepaid_accounts.outlooks(clients).values():
            if company_uuid in ("", outlook.company.uuid):
                found += _stops(outlook)
    return [*found, *_terminations(day, company_uuid)]


def due_of(service: Service, day: date | None = None) -> ServiceStep | None:
    """Return which step about a prepaid service is due, even if it was taken; None if none is."""
    if service.provision_status not in VERBS["suspend"].provision:
        return None
    if service.status == ServiceStatus.SUSPENDED:
        return next(iter(_terminations(day, "", service)), None)
    outlook = prepaid_accounts.outlook(service.client, service.currency)
    steps = _stops(outlook) if outlook else []
    return next((each for each in steps if each.debt.service_uuid == service.uuid), None)


def covered(service: Service) -> bool:
    """Return whether a suspended prepaid service can run again.

    The credit must cover the next hour or day of all services of the client that are suspended for
    the same reason, and the cap must not be reached. If a tax rate is missing, it can't run.
    """
    try:
        return _covered(service)
    except NoTaxRateError as error:  # a payment is recorded all the same
        log.warning("service not unsuspended", service=service.uuid, reason=str(error))
        return False


def _covered(service: Service) -> bool:
    outlook = prepaid_accounts.outlook(service.client, service.currency)
    if outlook is None:
        return False
    query = (
        sa.select(Service)
        .join(Step, sa.and_(Step.subject_type == "service", Step.subject_uuid == Service.uuid))
        .where(
            Service.client_id == service.client_id,
            Service.currency == service.currency,
            Service.prepaid,
            Service.status == ServiceStatus.SUSPENDED,
            *_open_stop(),
        )
    )
    amounts: dict[str, Money] = {}
    for each in {service, *session().scalars(query)}:
        name, unit = each.product.tax_class, prepaid_accounts.unit_of(each, outlook.company)
        amounts[name] = amounts.get(name, Money.zero(each.currency)) + unit
    need = prepaid_accounts.with_tax(outlook.company, outlook.client, amounts, outlook.currency)
    within = outlook.cap is None or outlook.spent + need <= outlook.cap
    return within and need <= outlook.left


def suspended_of(client_uuid: str) -> list[str]:
    """Return the services of a client that were suspended because nothing was left."""
    query = (
        sa.select(Service.uuid)
        .join(Step, sa.and_(Step.subject_type == "service", Step.subject_uuid == Service.uuid))
        .where(Service.client.has(uuid=client_uuid), Service.prepaid, *_open_stop())
    )
    return sorted(set(session().scalars(query)))


def warn(*, actor: Principal) -> int:
    """Raise the events about low credit and the cap, each once, and return how many."""
    actor.require(DOCUMENTS_ISSUE)
    done = 0
    for clients in _clients():
        keys = [
            (key[0], key[1])
            for key, outlook in prepaid_accounts.outlooks(clients).items()
            if _is_low(outlook) != bool(outlook.account and outlook.account.low_credit)
            or _nears_cap(outlook)
        ]
        done += batches.carry_out(_warn, keys)
    return done


@retry_deadlocks
@transaction()
def _warn(client_id: int, currency: str) -> int:
    client = ledger.lock_client(client_id)
    outlook = prepaid_accounts.outlook(client, currency)
    if outlook is None:
        return 0
    account, done = prepaid_accounts.account_of(client_id, currency), 0
    low = _is_low(outlook)
    if low and not account.low_credit:
        values = {"credit": str(outlook.left), "days": int(outlook.days_left or 0)}
        raise_event("credit.low", {"client_uuid": client.uuid, **values})
        done += 1
    account.low_credit = low
    outlook.account = account
    if _nears_cap(outlook):
        account.cap_warned_on = ledger.today(outlook.company).replace(day=1)
        values = {"spent": str(outlook.spent), "cap": str(outlook.cap)}
        raise_event("credit.cap_near", {"client_uuid": client.uuid, **values})
        done += 1
    return done


def _is_low(outlook: Outlook) -> bool:
    days = outlook.days_left
    return days is not None and days < settings.number("billing.prepaid_warning_days")


def _nears_cap(outlook: Outlook) -> bool:
    """Return whether a client is to be warned about its cap, and was not this month."""
    if outlook.cap is None or outlook.spent.minor * 100 < outlook.cap.minor * WARNING:
        return False
    month = ledger.today(outlook.company).replace(day=1)
    return outlook.account is None or outlook.account.cap_warned_on != month


def _clients() -> list[list[int]]:
    """Return the clients with active prepaid services, in chunks."""
    query = sa.select(PrepaidSpan.client_id).where(PrepaidSpan.live.is_(True)).distinct()
    found = list(session().scalars(query.order_by(PrepaidSpan.client_id)))
    return [found[at : at + CHUNK] for at in range(0, len(found), CHUNK)]


def _stops(outlook: Outlook) -> list[ServiceStep]:
    """Return the suspensions of a client: of all its prepaid services, or none."""
    if outlook.over_cap and outlook.cap is not None:
        prefix = CAP
        reason = _("The monthly spending cap of %(cap)s is reached.", cap=outlook.cap)
    elif outlook.left.minor < 0:
        prefix = CREDIT
        reason = _(
            "The credit balance of %(credit)s does not cover the running hours or days: %(used)s.",
            credit=outlook.credit,
            used=outlook.used,
        )
    else:
        return []
    query = (
        sa.select(Service, PrepaidSpan.id)
        .join(PrepaidSpan, PrepaidSpan.service_id == Service.id)
        .where(
            PrepaidSpan.client_id == outlook.client.id,
            PrepaidSpan.currency == outlook.currency,
            PrepaidSpan.live.is_(True),
            Service.status == ServiceStatus.ACTIVE,
            Service.provision_status.in_(VERBS["suspend"].provision),
        )
        .order_by(Service.id)
    )
    today = ledger.today(outlook.company)
    return [
        ServiceStep(
            StepKind.SUSPEND,
            _debt(service, outlook.company.name, f"{prefix}{span_id}", today, today, reason),
        )
        for service, span_id in session().execute(query)
    ]


def _terminations(
    day: date | None, company_uuid: str, service: Service | None = None
) -> list[ServiceStep]:
    """Return the terminations of services that have been suspended for long enough."""
    query = (
        sa.select(Service, Step)
        .join(Step, sa.and_(Step.subject_type == "service", Step.subject_uuid == Service.uuid))
        .where(
            Service.prepaid,
            Service.status == ServiceStatus.SUSPENDED,
            Service.provision_status.in_(VERBS["suspend"].provision),
            *_open_stop(),
        )
        .order_by(Service.id)
    )
    if service is not None:
        query = query.where(Service.id == service.id)
    rows = session().execute(query).all()
    sellers = sellers_of({each.client_id: each.client for each, _step in rows}.values())
    found: list[ServiceStep] = []
    for each, step in rows:
        company = sellers.get(each.client_id)
        if company is None or company_uuid not in ("", company.uuid):
            continue
        today = day or ledger.today(company)
        since = ledger.today(company, each.status_since)
        ends_on = termination_day(since, None, each.product.terminate_after_days, None)
        if ends_on is None or ends_on > today or covered(each):
            continue
        debt = _debt(each, company.name, step.period, since, today, step.reason)
        found.append(ServiceStep(StepKind.TERMINATE, debt))
    return found


def _open_stop() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of steps that suspended a prepaid service and have not ended."""
    return (
        Step.step == StepKind.SUSPEND,
        Step.ended_at.is_(None),
        sa.or_(Step.period.startswith(CREDIT), Step.period.startswith(CAP)),
    )


def _debt(  # noqa: PLR0917
    service: Service, company: str, period: str, since: date, today: date, reason: Text
) -> Debt:
    return Debt(
        service_id=service.id,
        service_uuid=service.uuid,
        service=service.name,
        client=service.client.name,
        company=company,
        document_id=None,
        document_uuid="",
        number="",
        due_on=since,
        today=today,
        overdue=True,
        suspend_on=None,
        terminate_on=None,
        prepaid=period,
        prepaid_reason=reason,
    )
