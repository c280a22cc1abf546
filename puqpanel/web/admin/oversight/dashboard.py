"""The staff dashboard: key figures, charts and failed provisioning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import DASHBOARD_VIEW
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.clock import now
from puqpanel.operations.ordering import manual_changes
from puqpanel.operations.oversight import dashboard
from puqpanel.operations.oversight.dashboard import Figures
from puqpanel.web import charts, times
from puqpanel.web.admin.oversight import setup
from puqpanel.web.guard import allow, can
from puqpanel.web.prices import money

bp = Blueprint("dashboard", __name__)
NOTABLE = timedelta(seconds=5)
"""Age from which the page says when its figures were counted."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A key figure with a link.

    Args:
        label: the noun above the figure.
        value: the figure as text.
        url: the list it was counted from.
        context: the line below the figure.
        change: the number shown with an arrow before the context; 0 shows none.
        rise_is_good: whether a positive change is green.
        tone: the CSS class of the figure.
        points: the values of the sparkline.
    """

    label: Text | str
    value: str
    url: str
    context: Text | str
    change: int = 0
    rise_is_good: bool = True
    tone: str = ""
    points: Sequence[int] = ()


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """Show the dashboard, or a welcome page to staff without its permission."""
    if not can(DASHBOARD_VIEW):
        return render_template("admin/accounts/welcome.html")
    overview = dashboard.overview()
    figures = overview.value.figures
    weeks = [(times.day(start), new, lost) for start, new, lost in overview.value.weeks]
    hours = [
        (times.clock_time(start), completed, failed)
        for start, completed, failed in overview.value.hours
    ]
    new_services, lost_services = [week[1] for week in weeks], [week[2] for week in weeks]
    return render_template(
        "admin/oversight/dashboard.html",
        kpis=_kpis(figures, new_services),
        figures=figures,
        figures_age=times.ago(overview.at) if now() - overview.at >= NOTABLE else "",
        failed=dashboard.failed_services(),
        to_do=manual_changes.waiting(),
        checklist=setup.checklist(),
        weeks=weeks,
        axis=charts.both_ways(new_services, lost_services),
        new_total=sum(new_services),
        lost_total=sum(lost_services),
        hours=hours,
        completed_total=sum(hour[1] for hour in hours),
        failed_total=sum(hour[2] for hour in hours),
    )


def _kpis(figures: Figures, new_by_week: Sequence[int]) -> list[Kpi]:
    net = figures.new_week - figures.lost_week
    change = net - (figures.new_before - figures.lost_before)
    comparison = _("vs previous week") if change else _("same as previous week")
    currencies = [money(amount) for amount in figures.recurring]
    services_url = url_for("admin.services.index")
    return [
        Kpi(
            _("Active services"),
            f"{figures.active:,}",
            url_for("admin.services.index", tab="active"),
            _n("%(num)s pending", "%(num)s pending", figures.pending),
        ),
        Kpi(
            _("Net new services, 7 days"),
            f"{net:+d}" if net else "0",
            services_url,
            _(
                "%(comparison)s · %(new_week)s new, %(lost_week)s lost",
                comparison=comparison,
                new_week=figures.new_week,
                lost_week=figures.lost_week,
            ),
            change=change,
            points=new_by_week,
        ),
        Kpi(
            _("Monthly recurring revenue"),
            currencies[0] if currencies else "—",
            services_url,
            " · ".join(currencies[1:])
            or str(
                _n("from %(num)s active service", "from %(num)s active services", figures.active)
            ),
        ),
        Kpi(
            _("Failed provisioning"),
            str(figures.failed),
            url_for("admin.services.index", tab="failed"),
            _("in the last 24 hours") if figures.failed_day else _("none in the last 24 hours"),
            change=figures.failed_day,
            rise_is_good=False,
            tone="t-bad" if figures.failed else "",
        ),
    ]
