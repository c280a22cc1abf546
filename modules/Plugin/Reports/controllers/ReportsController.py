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
    response,
    statistics,
    url_for_module,
    view_admin_module,
)

from ..services import periods
from ..services.periods import PERIODS, Period

TITLES = {
    "services": "Services",
    "income": "Income",
    "provisioning": "Provisioning",
    "modules": "Modules",
}


class ReportsController(Controller):
    """`/admin/modules/Plugin/Reports/…`."""

    def services(self, request: Request) -> Any:
        """What stands how, what came and went, churn by month, and products."""
        period = periods.read(request.args)
        movements = statistics.new_and_lost(period.first, period.last, period.by)
        if _csv_wanted(request, period):
            return _csv("services", period, ["start", "new", "lost"], movements)
        months = statistics.churn(periods.read({"period": "12m"}).first, statistics.today())
        busy = [
            place
            for place, month in enumerate(months)
            if month.in_force or month.terminated or month.cancelled
        ]
        counts, products = statistics.services_by_status(), statistics.services_by_product()
        return _page(
            "services",
            period,
            movements=movements,
            counts=counts,
            churn=months[busy[0] :] if busy else months[-1:],
            products=products,
        )

    def income(self, request: Request) -> Any:
        """What recurs each month, as it is now."""
        period = periods.read({})
        products = statistics.income_by_product()
        if request.args.get("format") == "csv":
            rows = [(one.product, one.currency, one.amount, one.services) for one in products]
            return _csv(
                "recurring-income",
                period,
                ["product", "currency", "amount_a_month", "active_services"],
                rows,
            )
        income = statistics.recurring_income()
        return _page(
            "income",
            period,
            income=income,
            products=products,
            totals={one.currency: one.amount for one in income},
        )

    def provisioning(self, request: Request) -> Any:
        """How jobs for services ended, and why some failed."""
        period = periods.read(request.args)
        found = statistics.provisioning(period.first, period.last, period.by)
        if _csv_wanted(request, period):
            return _csv("provisioning", period, ["start", "completed", "failed"], found.slots)
        return _page(
            "provisioning",
            period,
            found=found,
            parked=sum(one.parked for one in statistics.module_health(period.last, period.last)),
        )

    def modules(self, request: Request) -> Any:
        """How modules do."""
        period = periods.read(request.args)
        modules = statistics.module_health(period.first, period.last)
        if _csv_wanted(request, period):
            return _csv("modules", period, list(statistics.ModuleHealth._fields), modules)
        return _page("modules", period, modules=modules)


def _csv_wanted(request: Request, period: Period) -> bool:
    return request.args.get("format") == "csv" and not period.refused


def _csv(name: str, period: Period, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """With the mark that tells spreadsheets the encoding."""
    answer = response(
        "".join(["\ufeff", csv_line(heads), *(csv_line(row) for row in rows)]),
        200,
        {"Content-Type": "text/csv; charset=utf-8"},
    )
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="{name}-{period.first}-{period.last}.csv"'
    )
    return answer


def _page(view: str, period: Period, **data: Any) -> Any:
    """A report in the staff layout; 422 where the reader's own days were no period."""
    may = {"income": current_admin.has_permission("reports-income")}
    tabs = [
        (
            __(title),
            url_for_module(key)
            + (f"?{period.query}" if key != "income" and not period.refused else ""),
            key == view,
        )
        for key, title in TITLES.items()
        if may.get(key, current_admin.has_permission("reports-view"))
    ]
    here = url_for_module(view)
    shared = {
        "title": __(TITLES[view]),
        "tabs": tabs,
        "period": period,
        "here": here,
        "form": period.form,
        "shown": _shown,
        "csv": f"{here}?{period.query}&format=csv" if view != "income" else f"{here}?format=csv",
        "periods": [
            (__(word), f"{here}?period={key}", key == period.key and not period.refused)
            for key, word in PERIODS.items()
        ],
    }
    page = view_admin_module("Plugin", "Reports", f"admin_area.{view}", shared | data)
    return (page, 422) if period.refused else page


def _shown(day: date, by: str) -> str:
    """A day as people read it; the month alone where it stands for one."""
    return f"{day:%b %Y}" if by == "month" else f"{day.day} {day:%b %Y}"
