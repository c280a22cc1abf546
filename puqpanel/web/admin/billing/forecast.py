"""Staff pages of the billing forecast: all companies by month, and the calendar of a client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from babel.dates import format_date
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.domain.spreadsheet import csv_line
from puqpanel.operations.automation import forecast
from puqpanel.operations.automation.forecast import Expected
from puqpanel.operations.billing.statements import client_of
from puqpanel.operations.oversight.kept import keep_if_many
from puqpanel.web.calendars import MONTHS, calendar_page
from puqpanel.web.forms import _
from puqpanel.web.guard import actor, allow
from puqpanel.web.locale import viewer_locale

bp = Blueprint("forecast", __name__)


@keep_if_many
def billing_forecast() -> list[Expected]:
    """Return what is expected of all companies."""
    return forecast.expected(forecast.last_day(MONTHS))


@bp.get("/forecast/")
@allow(DOCUMENTS_VIEW)
def index() -> ResponseReturnValue:
    """Show what is expected by company, currency and month; with `format=csv`, as a file."""
    rows = billing_forecast()
    if request.args.get("format") == "csv":
        response = Response("".join(("\ufeff", *_lines(rows))), mimetype="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="forecast.csv"'
        return response
    groups = [
        list(group)
        for _key, group in groupby(rows, lambda row: (row.company, row.renewals.currency))
    ]
    return render_template(
        "admin/billing/forecast/index.html",
        groups=groups,
        month=lambda row: format_date(row.month, "LLLL y", viewer_locale()),
    )


@bp.get("/clients/<uuid>/calendar")
@allow(DOCUMENTS_VIEW)
def client(uuid: str) -> ResponseReturnValue:
    """Show what a client will be charged in the next months."""
    return calendar_page("admin/billing/forecast/client.html", client_of(actor(), uuid))


def _lines(rows: Sequence[Expected]) -> Iterator[str]:
    heads = (_("Company"), _("Currency"), _("Month"), _("Renewals"), _("Automatic"), _("Unpaid"))
    yield csv_line(list(heads))
    for row in rows:
        amounts = (row.renewals, row.automatic, row.unpaid)
        values = (row.company, row.renewals.currency, f"{row.month:%Y-%m}")
        yield csv_line([*values, *(amount.major for amount in amounts)])
