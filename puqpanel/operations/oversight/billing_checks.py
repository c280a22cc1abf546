"""Health checks of what a sale needs."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.payment_states import AttemptStatus, EventStatus, PaymentStatus
from puqpanel.domain.texts import _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import Settings
from puqpanel.models import BooksCheck, Company, Payment, PaymentAttempt, PaymentEvent
from puqpanel.operations.billing.books_checks import ENDED
from puqpanel.operations.billing.converted_taxes import without_rate
from puqpanel.operations.billing.print_failures import LOGO, TEMPLATE, failures
from puqpanel.operations.billing.tax_tables import missing_rates
from puqpanel.operations.oversight.check import Check

REPEATED = timedelta(hours=2)
"""After how long a charge without an answer is no longer repeated."""
LISTED = 10
"""How many countries a check names."""
LATE = timedelta(days=2)
"""Age of the last nightly integrity check from which a warning is shown."""


def taxes(settings: Settings) -> Check:
    """Check that companies have the tax rates of the countries that they sell to."""
    with Session(engine_for(settings.database_url)) as reader:
        companies = reader.scalars(sa.select(Company).where(Company.active)).all()
        missing = missing_rates(companies, reader)
        unrated = without_rate(companies, reader)
    if unrated and not missing:
        text = _(
            "No exchange rate for: %(currencies)s. Without it, some documents in other currencies"
            " don't state the tax in the national currency of the company, as EU law requires.",
            currencies=", ".join(sorted(unrated)),
        )
        return Check("taxes", "warn", text, _("Enter it under Billing → Currencies."))
    if not missing:
        return Check("taxes", "ok", _("Companies have the tax rates that they need."))
    more = ["…"] if len(missing) > LISTED else []
    text = _(
        "No standard tax rate for: %(countries)s. Orders that need it are refused.",
        countries=", ".join([*sorted(missing)[:LISTED], *more]),
    )
    return Check("taxes", "warn", text, _("Add it under Billing → Tax rates."))


def templates(settings: Settings) -> Check:
    """Check that the PDF templates and logos of companies did not fail."""
    with engine_for(settings.database_url).connect() as connection:
        names = [row.name for row in connection.execute(failures(TEMPLATE))]
        without_logo = [row.name for row in connection.execute(failures(LOGO))]
    if not names and not without_logo:
        return Check("templates", "ok", _("No PDF template failed."))
    if not names:
        text = _("The logo could not be printed for: %(names)s.", names=", ".join(without_logo[:5]))
        return Check("templates", "warn", text, _("Upload another logo on the company's page."))
    text = _("The PDF template failed for: %(names)s.", names=", ".join(names[:5]))
    return Check("templates", "warn", text, _("Correct the template on the company's page."))


def payments(settings: Settings) -> Check:
    """Check that no payment waits for staff, and that webhook events could be read."""
    status = Payment.status
    with Session(engine_for(settings.database_url)) as reader:
        parked, unknown, charges, failed = (
            reader.scalar(sa.select(sa.func.count(column)).where(condition)) or 0
            for column, condition in (
                (Payment.id, status == PaymentStatus.PARKED),
                (Payment.id, status == PaymentStatus.UNKNOWN),
                (PaymentAttempt.id, _unconfirmed()),
                (PaymentEvent.id, PaymentEvent.status == EventStatus.FAILED),
            )
        )
    unknown += charges
    facts = {"parked": parked, "unknown": unknown, "failed_events": failed}
    if not any(facts.values()):
        return Check("payments", "ok", _("No payment waits for staff."), facts=facts)
    text = _(
        "Parked payments: %(parked)s. Payments and charges with an unknown outcome: %(unknown)s."
        " Events that could not be read: %(failed)s.",
        parked=parked,
        unknown=unknown,
        failed=failed,
    )
    remedy = (
        _("Assign or close them under Billing → Payments → Parked.")
        if parked
        else _("Read them again under Billing → Payments → Events.")
        if failed
        else _("Look them up at the provider; see Billing → Payments → Pending.")
    )
    return Check("payments", "warn", text, remedy, facts)


def _unconfirmed() -> sa.ColumnElement[bool]:
    """Return the condition that a charge is no longer repeated although its outcome is unknown."""
    return sa.and_(
        PaymentAttempt.status == AttemptStatus.UNKNOWN,
        PaymentAttempt.method_id.is_not(None),
        PaymentAttempt.created_at < now() - REPEATED,
    )


def books(settings: Settings) -> Check:
    """Check that the last nightly integrity check is recent and found no problem."""
    moment = now()
    with Session(engine_for(settings.database_url)) as reader:
        last = reader.scalar(ENDED.limit(1))
        failed = reader.scalar(sa.select(BooksCheck.id).where(BooksCheck.failed(moment)).limit(1))
    if last is None and not failed:
        return Check("books", "ok", _("The first integrity check runs tonight."))
    if last is None or failed or last.started_at < moment - LATE:
        text = _("The nightly integrity check failed or did not run.")
        return Check("books", "warn", text, _("Open its task on the Schedule page."))
    if last.found:
        text = _n(
            "The nightly integrity check found %(num)s problem.",
            "The nightly integrity check found %(num)s problems.",
            last.found,
        )
        return Check("books", "warn", text, _("See Billing → Documents → Integrity check."))
    text = _n(
        "The books agree; %(num)s issued document was verified.",
        "The books agree; %(num)s issued documents were verified.",
        last.documents,
    )
    return Check("books", "ok", text)
