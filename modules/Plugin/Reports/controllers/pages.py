"""What all reports share: the page with its tabs and period, and the CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from puqpanel.sdk import (
    Request,
    __,
    csv_line,
    current_admin,
    format_date,
    noop__,
    response,
    url_for_module,
    view_admin_module,
)

from ..services.periods import PERIODS, Period

TITLES = {
    "services": noop__("Services"),
    "provisioning": noop__("Provisioning"),
    "modules": noop__("Modules"),
    "income": noop__("Recurring revenue"),
    "revenue": noop__("Invoiced and received"),
    "tax": noop__("Taxes"),
    "receivables": noop__("Receivables"),
}
MONEY = ("income", "revenue", "tax", "receivables")
WITHOUT_PERIOD = ("income", "receivables")


def wants_csv(request: Request, period: Period) -> bool:
    """Return whether the report is to be returned as a file."""
    return request.args.get("format") == "csv" and not period.is_invalid


def csv_file(name: str, period: Period, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """Return a CSV file, with the byte order mark that spreadsheets expect."""
    body = "\ufeff" + "".join(csv_line(row) for row in (heads, *rows))
    answer = response(body, 200, {"Content-Type": "text/csv; charset=utf-8"})
    filename = f"{name}-{period.first}-{period.last}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def page(view: str, period: Period, **data: Any) -> Any:
    """Render a report in the staff layout, with status 422 for invalid custom days."""
    address = url_for_module(view)
    query = "" if view in WITHOUT_PERIOD else f"{period.query}&"
    shared = {
        "title": __(TITLES[view]),
        "tabs": _tabs(view, period),
        "period": period,
        "address": address,
        "form": period.form,
        "format_day": _format_day,
        "csv": f"{address}?{query}format=csv",
        "periods": [
            (__(label), f"{address}?period={key}", key == period.key and not period.is_invalid)
            for key, label in PERIODS.items()
        ],
    }
    shown = view_admin_module("Plugin", "Reports", f"admin_area.{view}", shared | data)
    return (shown, 422) if period.is_invalid else shown


def currencies(
    view: str, period: Period, codes: Iterable[str], chosen: str
) -> tuple[str, list[tuple[str, str, bool]]]:
    """Return the currency to show, and label, address and whether it is current for each.

    Args:
        view: the report.
        period: its period.
        codes: the currencies that have figures, the most important first.
        chosen: what the reader asks for.
    """
    known = list(codes)
    current = chosen if chosen in known else next(iter(known), "")
    query = "" if view in WITHOUT_PERIOD else f"{period.query}&"
    address = url_for_module(view)
    links = [(code, f"{address}?{query}currency={code}", code == current) for code in known]
    return current, links if len(known) > 1 else []


def _tabs(view: str, period: Period) -> list[tuple[str, str, bool]]:
    """Return label, address and whether it is current, for each report that staff may view."""
    tabs = []
    for name, title in TITLES.items():
        permission = "reports-income" if name in MONEY else "reports-view"
        if current_admin.has_permission(permission):
            has_period = name not in WITHOUT_PERIOD and not period.is_invalid
            query = f"?{period.query}" if has_period else ""
            tabs.append((__(title), url_for_module(name) + query, name == view))
    return tabs


def _format_day(day: date, grain: str) -> str:
    """Return a day for people, or its month if it stands for the month."""
    return format_date(day, "yMMM" if grain == "month" else "yMMMd")
