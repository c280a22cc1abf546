"""Health checks of what a sale needs."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.texts import _
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import Settings
from puqpanel.models import Company
from puqpanel.operations.billing.tax_tables import missing_rates
from puqpanel.operations.billing.templates import failures
from puqpanel.operations.oversight.check import Check


def taxes(settings: Settings) -> Check:
    """Check that companies have the tax rates of the countries that they sell to."""
    with Session(engine_for(settings.database_url)) as reader:
        companies = reader.scalars(sa.select(Company).where(Company.active)).all()
        missing = missing_rates(companies, reader)
    if not missing:
        return Check("taxes", "ok", _("Companies have the tax rates that they need."))
    text = _(
        "No standard tax rate for: %(countries)s. Orders that need it are refused.",
        countries=", ".join(sorted(missing)),
    )
    return Check("taxes", "warn", text, _("Add it under Billing → Tax rates."))


def templates(settings: Settings) -> Check:
    """Check that the PDF templates of companies did not fail."""
    with engine_for(settings.database_url).connect() as connection:
        names = [row.name for row in connection.execute(failures())]
    if not names:
        return Check("templates", "ok", _("No PDF template failed."))
    text = _("The PDF template failed for: %(names)s.", names=", ".join(names[:5]))
    return Check("templates", "warn", text, _("Correct the template on the company's page."))
