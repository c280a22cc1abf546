"""The reports on services, provisioning and modules."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Controller, Request, format_number, statistics

from ..services import periods
from . import pages


class ReportsController(Controller):
    """`/admin/modules/Plugin/Reports/…`."""

    def services(self, request: Request) -> Any:
        """Report new, lost and current services, churn by month, and products."""
        period = periods.parse(request.args)
        movements = statistics.new_and_lost(period.first, period.last, period.grain)
        if pages.wants_csv(request, period):
            return pages.csv_file("services", period, ["start", "new", "lost"], movements)
        return pages.page(
            "services",
            period,
            movements=movements,
            new=sum(slot.new for slot in movements),
            lost=sum(slot.lost for slot in movements),
            counts=statistics.services_by_status(),
            churn=_churn(),
            products=statistics.services_by_product(),
        )

    def provisioning(self, request: Request) -> Any:
        """Report how the jobs of services ended, and why some failed."""
        period = periods.parse(request.args)
        report = statistics.provisioning(period.first, period.last, period.grain)
        if pages.wants_csv(request, period):
            return pages.csv_file(
                "provisioning", period, ["start", "completed", "failed"], report.slots
            )
        completed = sum(slot.completed for slot in report.slots)
        failed = sum(slot.failed for slot in report.slots)
        ended = completed + failed
        health = statistics.module_health(period.last, period.last)
        return pages.page(
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
        if pages.wants_csv(request, period):
            return pages.csv_file("modules", period, list(statistics.ModuleHealth._fields), modules)
        return pages.page("modules", period, modules=modules)


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
