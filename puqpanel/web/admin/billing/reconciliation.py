"""The staff page that compares what gateways received with the ledger, by month."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import PAYMENTS_VIEW
from puqpanel.domain.spreadsheet import csv_line
from puqpanel.infra.clock import now
from puqpanel.operations.billing import gateways, reconciliation
from puqpanel.operations.billing.companies import companies
from puqpanel.operations.billing.reconciliation import Month
from puqpanel.web.admin.billing.payments import BY_STAFF, gateway_name
from puqpanel.web.forms import _
from puqpanel.web.guard import allow
from puqpanel.web.locale import viewer_locale

bp = Blueprint("reconciliation", __name__, url_prefix="/payments/reconciliation")


@bp.get("/")
@allow(PAYMENTS_VIEW)
def index() -> ResponseReturnValue:
    """Show a year by gateway, company, currency and month; with `format=csv`, as a file."""
    years = reconciliation.years()
    year = request.args.get("year", type=int)
    if year is None or year not in years:
        year = years[0] if years else now().year
    rows = reconciliation.months(year)
    titles = gateways.titles()

    def name(row: Month) -> str:
        return gateway_name(titles.get(row.gateway), row.gateway)

    if request.args.get("format") == "csv":
        lines = "".join(("\ufeff", *_lines(rows, titles)))
        response = Response(lines, mimetype="text/csv")
        file_name = f"reconciliation-{year}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return response
    return render_template(
        "admin/billing/payments/reconciliation.html",
        groups=sorted(_groups(rows), key=lambda each: (not each[0].gateway, name(each[0]))),
        year=year,
        years=years,
        name=name,
        month=lambda row: format_date(row.month, "LLLL", viewer_locale()),
        url=_payments_url,
        several=len(companies()) > 1,
    )


def _groups(rows: Sequence[Month]) -> list[list[Month]]:
    """Return the months of each account."""
    groups: dict[tuple[str, int, str], list[Month]] = {}
    for row in rows:
        key = row.gateway, row.company.id, row.received.currency
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _payments_url(row: Month) -> str:
    """Return the list of the payments of a month."""
    last = row.month.replace(day=calendar.monthrange(row.month.year, row.month.month)[1])
    days: dict[str, Any] = {"received.from": row.month.isoformat(), "received.to": last.isoformat()}
    return url_for(
        "admin.payments.index",
        gateway=row.gateway or BY_STAFF,
        company=row.company.uuid,
        status="succeeded",
        **days,
    )


def _lines(rows: Sequence[Month], titles: dict[str, str]) -> Iterator[str]:
    yield csv_line(
        [
            _("Gateway"),
            _("Company"),
            _("Currency"),
            _("Month"),
            _("Received"),
            _("Fees"),
            _("Refunds"),
            _("Disputes"),
            _("Payouts"),
            _("Balance"),
        ]
    )
    for row in rows:
        amounts = (row.received, row.fees, row.refunds, row.disputes, row.payouts, row.balance)
        yield csv_line(
            [
                gateway_name(titles.get(row.gateway), row.gateway),
                row.company.name,
                row.received.currency,
                f"{row.month:%Y-%m}",
                *(amount.major for amount in amounts),
            ]
        )
