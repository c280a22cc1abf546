"""Health checks of what scheduled jobs do to orders and services on a day."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.changes import ChangeStatus
from puqpanel.domain.ending_states import EndingStatus
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.domain.texts import _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import Settings
from puqpanel.models import Change, Ending, Offer, Order, Service, StoppedRun
from puqpanel.operations.automation import due_services
from puqpanel.operations.oversight.check import Check

LATE = timedelta(days=2)
"""How long after its day something is overdue, in every time zone; the jobs run every minute."""
SHOWN = 5


def due_work(settings: Settings) -> Check:
    """Check that cancellations, changes and offers were carried out on their day."""
    day = now().date() - LATE
    endings = sa.select(Service.name).join(Ending, Ending.service_id == Service.id)
    changes = sa.select(Service.name).join(Change, Change.service_id == Service.id)
    offers = sa.select(Order.id).join(Offer, Offer.order_id == Order.id)
    with Session(engine_for(settings.database_url)) as reader:
        names: list[str] = [
            *reader.scalars(
                endings.where(Ending.status == EndingStatus.SCHEDULED, Ending.ends_on < day)
            ),
            *reader.scalars(
                changes.where(
                    Change.live.is_(True),
                    sa.or_(
                        sa.and_(Change.status == ChangeStatus.SCHEDULED, Change.effective_on < day),
                        sa.and_(Change.status == ChangeStatus.WAITING, Change.expires_on < day),
                    ),
                )
            ),
        ]
        numbers = reader.scalars(
            offers.where(Offer.status == OfferStatus.OPEN, Offer.expires_on < day)
        )
        names += [f"#{number}" for number in numbers]
    if not names:
        text = _("Cancellations, changes and offers were carried out on their day.")
        return Check("due_work", "ok", text)
    text = _n(
        "%(num)s cancellation, change or offer is overdue: %(names)s.",
        "%(num)s cancellations, changes or offers are overdue: %(names)s.",
        len(names),
        names=", ".join(names[:SHOWN]),
    )
    remedy = _("The log says why, such as a company without an address. The panel tries again.")
    return Check("due_work", "warn", text, remedy)


def unrenewed(settings: Settings) -> Check:
    """Check that services were charged for their next periods."""
    with Session(engine_for(settings.database_url)) as reader:
        overdue = due_services.overdue()
        names = reader.scalars(overdue.limit(SHOWN)).all()
        count = reader.scalar(sa.select(sa.func.count()).select_from(overdue.subquery())) or 0
    if not names:
        return Check("renewals", "ok", _("Services have been renewed on time."))
    text = _n(
        "%(num)s service has not been renewed: %(names)s.",
        "%(num)s services have not been renewed: %(names)s.",
        count,
        names=", ".join(names),
    )
    remedy = _(
        "Check that automatic renewals are on under Settings → Billing. The timeline of a service"
        " says why it could not be renewed. `puqpanel billing run --late --dry-run` shows what"
        " would be invoiced."
    )
    return Check("renewals", "warn", text, remedy)


def stopped(settings: Settings) -> Check:
    """Check that no run of automation waits for the approval of staff."""
    with Session(engine_for(settings.database_url)) as reader:
        query = sa.select(StoppedRun.reason).where(StoppedRun.live.is_(True))
        reasons = reader.scalars(query.order_by(StoppedRun.id)).all()
    if not reasons:
        return Check("approvals", "ok", _("No automation steps are waiting for approval."))
    reason = reasons[0]
    for other in reasons[1:]:
        reason = _("%(reason)s %(other)s", reason=reason, other=other)
    text = _("Automation is waiting for approval. %(reason)s", reason=reason)
    remedy = _("On the Schedule page, open the list, and approve or dismiss it.")
    return Check("approvals", "warn", text, remedy)
