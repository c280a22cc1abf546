"""The four reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from puqpanel.sdk import (
    Controller,
    Request,
    __,
    csv_line,
    current_admin,
    format_date,
    format_number,
    noop__,
    response,
    statistics,
    url_for_module,
    view_admin_module,
)

from ..services import periods
from ..services.periods import PERIODS, Period

TITLES = {
    "services": noop__("Services"),
    "income": noop__("Income"),
    "provisioning": noop__("Provisioning"),
    "modules": noop__("Modules"),
}
# Currencies that get a tile; the others share a line.
MAX_TILES = 4


class ReportsController(Controller):
    """`/admin/modules/Plugin/Reports/…`."""

    def services(self, request: Request) -> Any:
        """Report new, lost and current services, churn by month, and products."""
        period = periods.parse(request.args)
        movements = statistics.new_and_lost(period.first, period.last, period.grain)
        if _wants_csv(request, period):
            return _csv("services", period, ["start", "new", "lost"], movements)
        return _page(
            "services",
            period,
            movements=movements,
            new=sum(slot.new for slot in movements),
            lost=sum(slot.lost for slot in movements),
            counts=statistics.services_by_status(),
            churn=_churn(),
            products=statistics.services_by_product(),
        )

    def income(self, request: Request) -> Any:
        """Report the recurring income as it is now."""
        period = periods.parse({})
        products = statistics.income_by_product()
        if _wants_csv(request, period):
            heads = ["product", "currency", "amount_a_month", "active_services"]
            rows = [(row.product, row.currency, row.amount, row.services) for row in products]
            return _csv("recurring-income", period, heads, rows)
        income = statistics.recurring_income()
        totals = {row.currency: row.amount for row in income}
        shares = [
            statistics.percent(row.amount, totals[row.currency]) if totals[row.currency] else 0
            for row in products
        ]
        return _page(
            "income",
            period,
            tiles=income[:MAX_TILES],
            others=income[MAX_TILES:],
            products=list(zip(products, shares, strict=True)),
        )

    def provisioning(self, request: Request) -> Any:
        """Report how the jobs of services ended, and why some failed."""
        period = periods.parse(request.args)
        report = statistics.provisioning(period.first, period.last, period.grain)
        if _wants_csv(request, period):
            return _csv("provisioning", period, ["start", "completed", "failed"], report.slots)
        completed = sum(slot.completed for slot in report.slots)
        failed = sum(slot.failed for slot in report.slots)
        ended = completed + failed
        health = statistics.module_health(period.last, period.last)
        return _page(
            "provisioning",
            period,
            report=report,
            completed=completed,
            failed=failed,
            failure_rate=_percent(failed, ended),
            lost=sum(module.lost for module in report.modules),
            parked=sum(module.parked for module in health),
        )

    def modules(self, request: Request) -> Any:
        """Report the health of the modules."""
        period = periods.parse(request.args)
        modules = statistics.module_health(period.first, period.last)
        if _wants_csv(request, period):
            return _csv("modules", period, list(statistics.ModuleHealth._fields), modules)
        return _page("modules", period, modules=modules)


def _churn() -> list[Any]:
    """Return the last twelve months, newest first, without the months before the first service."""
    start = periods.first_of_twelve_months(statistics.today())
    months = list(statistics.churn(start, statistics.today()))
    while len(months) > 1 and not _has_services(months[0]):
        months.pop(0)
    return months[::-1]


def _percent(part: int, whole: int) -> str:
    return f"{format_number(statistics.percent(part, whole))} %" if whole else "—"


def _has_services(month: Any) -> bool:
    return bool(month.in_force or month.terminated or month.cancelled)


def _wants_csv(request: Request, period: Period) -> bool:
    return request.args.get("format") == "csv" and not period.is_invalid


def _csv(name: str, period: Period, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """Return a CSV file, with the byte order mark that spreadsheets expect."""
    body = "\ufeff" + "".join(csv_line(row) for row in (heads, *rows))
    answer = response(body, 200, {"Content-Type": "text/csv; charset=utf-8"})
    filename = f"{name}-{period.first}-{period.last}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def _page(view: str, period: Period, **data: Any) -> Any:
    """Render a report in the staff layout, with status 422 for invalid custom days."""
    address = url_for_module(view)
    query = "" if view == "income" else f"{period.query}&"
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
    page = view_admin_module("Plugin", "Reports", f"admin_area.{view}", shared | data)
    return (page, 422) if period.is_invalid else page


def _tabs(view: str, period: Period) -> list[tuple[str, str, bool]]:
    """Return label, address and whether it is current, for each report that staff may view."""
    tabs = []
    for name, title in TITLES.items():
        permission = "reports-income" if name == "income" else "reports-view"
        if current_admin.has_permission(permission):
            has_period = name != "income" and not period.is_invalid
            query = f"?{period.query}" if has_period else ""
            tabs.append((__(title), url_for_module(name) + query, name == view))
    return tabs


def _format_day(day: date, grain: str) -> str:
    """Return a day for people, or its month if it stands for the month."""
    return format_date(day, "yMMM" if grain == "month" else "yMMMd")
