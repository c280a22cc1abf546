"""The dashboard, the list of checks, and the settings."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, db, url_for_module

from ..forms.settings import SettingsForm
from ..models import settings
from ..models.settings import Settings
from ..services import listing, statistics
from ..services.ping import unavailable_reason
from ..services.states import DOWN, UNABLE, UNKNOWN, UP
from .charts import Chart
from .pages import page

OPEN_OUTAGES, RECENT_OUTAGES = 10, 8
# The tabs of the list; the first two appear even without such checks.
ALWAYS_SHOWN = (DOWN, UP)
TABS = (*ALWAYS_SHOWN, UNABLE, UNKNOWN, "paused")


class ServerMonitoringController(Controller):
    """`/admin/modules/Plugin/ServerMonitoring/`: dashboard, checks, settings."""

    def dashboard(self, request: Request) -> Any:
        """Show all checks together: six queries, two of them cached for a minute."""
        counts, overview = statistics.counts(), statistics.overview()
        return page(
            "dashboard",
            __("Monitoring"),
            counts=counts,
            total=sum(counts.values()),
            uptime=overview["uptime"],
            chart=Chart(overview["series"], "24h"),
            open_outages=statistics.outages(OPEN_OUTAGES, open_only=True),
            recent_outages=statistics.outages(RECENT_OUTAGES),
        )

    def checks(self, request: Request) -> Any:
        """Show a page of the list."""
        list_page = listing.page(request.args)
        counts = statistics.counts()
        tabs = [key for key in TABS if counts[key] or key in ALWAYS_SHOWN or key == list_page.state]
        return page(
            "checks",
            __("Checks"),
            list=list_page,
            counts=counts,
            tabs=tabs,
            uptime=statistics.uptime([check.id for check in list_page.rows]),
        )

    def settings_form(self, request: Request) -> Any:
        """Show the settings."""
        return self._settings(SettingsForm(obj=settings.current()))

    def settings_submit(self, request: Request) -> Any:
        """Save the settings."""
        form = SettingsForm(formdata=request.form)
        if not form.validate():
            return self._settings(form), 422
        with db.transaction() as session:
            session.merge(Settings(id=1, **form.data))
        flash(__("Settings saved."), "good")
        return redirect(url_for_module("settings"))

    def _settings(self, form: SettingsForm) -> Any:
        return page(
            "settings", __("Monitoring settings"), form=form, ping_problem=unavailable_reason()
        )
