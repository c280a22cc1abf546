"""The dashboard, the list of checks, and the settings."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, db, url_for_module

from ..forms.settings import SettingsForm
from ..models import settings
from ..models.settings import Settings
from ..services import figures, listing
from ..services.ping import unable
from .pages import page


class ServerMonitoringController(Controller):
    """`/admin/modules/Plugin/ServerMonitoring/`: dashboard, checks, settings."""

    def dashboard(self, request: Request) -> Any:
        """How all checks stand. Five queries, two of them at most once a minute."""
        counts, whole = figures.counts(), figures.everything()
        return page(
            "dashboard",
            __("Monitoring"),
            counts=counts,
            total=sum(counts.values()),
            uptime=whole["uptime"],
            series=whole["series"],
            down=figures.outages(10, open_only=True),
            past=figures.outages(8),
        )

    def checks(self, request: Request) -> Any:
        """The list, a page at a time."""
        shown = listing.page(request.args)
        counts = figures.counts()
        return page(
            "checks",
            __("Checks"),
            list=shown,
            counts=counts,
            total=sum(counts.values()),
            uptime=figures.uptime([check.id for check in shown.rows]),
        )

    def settings_form(self, request: Request) -> Any:
        """What is set."""
        return self._settings(SettingsForm(obj=settings.current()))

    def settings_submit(self, request: Request) -> Any:
        """Keeps what is set."""
        form = SettingsForm(formdata=request.form)
        if not form.validate():
            return self._settings(form), 422
        with db.transaction() as session:
            session.merge(Settings(id=1, **form.data))
        flash(__("The settings are kept."), "good")
        return redirect(url_for_module("settings"))

    def _settings(self, form: SettingsForm) -> Any:
        return page("settings", __("Monitoring settings"), form=form, unable=unable())
