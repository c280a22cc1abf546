"""One check: its page, its forms, and its actions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect
from sqlalchemy.orm import Session

from puqpanel.sdk import (
    Controller,
    Request,
    Service,
    __,
    abort,
    csv_line,
    db,
    n__,
    now,
    response,
    url_for_module,
)

from ..forms.checks import TYPES, CheckForm
from ..models.checks import Check
from ..models.results import Result
from ..services import ping, statistics
from ..services.probes import TIMEOUT_SECONDS
from ..services.recording import reset_state
from ..services.states import UNKNOWN
from ..services.targets import HTTP, PING, PORT
from .charts import Chart
from .pages import page

RESULTS_PER_PAGE = 25
OUTAGES = 10
MAX_EXPORTED_RESULTS = 200_000
CSV_STATUS = {True: "up", False: "down", None: "unable"}


class ChecksController(Controller):
    """`/admin/modules/Plugin/ServerMonitoring/checks/…`."""

    def show(self, request: Request, id: str) -> Any:
        """Show a check with its statistics, outages and results."""
        check = find_check(id)
        span, before = request.args.get("span", ""), request.args.get("before", "")
        if span not in statistics.SPANS:
            span = "24h"
        before_id = int(before) if before.isdecimal() and len(before) < 16 else None
        results = statistics.results(check.id, RESULTS_PER_PAGE + 1, before_id)
        has_older = len(results) > RESULTS_PER_PAGE
        return page(
            "check",
            check.name,
            check=check,
            facts=_facts(check),
            span=span,
            chart=Chart(statistics.series(span, check.id), span),
            uptime=statistics.uptime([check.id]).get(check.id, {}),
            outages=statistics.outages(OUTAGES, check_id=check.id),
            results=results[:RESULTS_PER_PAGE],
            older=results[RESULTS_PER_PAGE - 1].id if has_older else None,
            service=Service.find(check.service_uuid) if check.service_uuid else None,
        )

    def results(self, request: Request, id: str) -> Any:
        """Return all results as CSV, newest first."""
        check = find_check(id)
        answer = response(_csv(check), 200, {"Content-Type": "text/csv; charset=utf-8"})
        answer.headers["Content-Disposition"] = f'attachment; filename="check-{check.id}.csv"'
        return answer

    def add_form(self, request: Request) -> Any:
        """Show an empty form."""
        return self._form(CheckForm(), __("Add check"))

    def add_submit(self, request: Request) -> Any:
        """Save a new check, which is due at once."""
        form = CheckForm(formdata=request.form)
        if not form.validate():
            return self._form(form, __("Add check")), 422
        with db.transaction() as session:
            check = Check(state=UNKNOWN)
            _fill(check, form)
            session.add(check)
        name = {"name": check.name}
        _flash_saved(check, __(":name saved. The first result arrives within a minute.", name))
        return redirect(url_for_module("checks.show", id=check.id))

    def edit_form(self, request: Request, id: str) -> Any:
        """Show a check in the form."""
        check = find_check(id)
        return self._form(CheckForm.of(check), check.name, check)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Save a changed check; reset its state if the target changed."""
        check = find_check(id)
        form = CheckForm(formdata=request.form)
        form.record = check
        if not form.validate():
            return self._form(form, check.name, check), 422
        with db.transaction() as session:
            check = lock_check(session, check.id)
            before = check.type, check.target, check.config.get("port")
            _fill(check, form)
            if before != (check.type, check.target, check.config.get("port")):
                reset_state(session, check)
            check.next_at = check.updated_at = now()
        _flash_saved(check, __(":name saved.", {"name": check.name}))
        return redirect(url_for_module("checks.show", id=check.id))

    def pause(self, request: Request, id: str) -> Any:
        """Pause a check."""
        return self._set_active(find_check(id), active=False)

    def resume(self, request: Request, id: str) -> Any:
        """Resume a check."""
        return self._set_active(find_check(id), active=True)

    def now(self, request: Request, id: str) -> Any:
        """Make a check due."""
        with db.transaction() as session:
            check = lock_check(session, find_check(id).id)
            check.next_at = now()
        flash(__(":name will be checked within 30 seconds.", {"name": check.name}), "good")
        return redirect(url_for_module("checks.show", id=check.id))

    def remove_form(self, request: Request, id: str) -> Any:
        """Ask for confirmation."""
        check = find_check(id)
        return page("remove", __("Delete :name?", {"name": check.name}), check=check)

    def remove_submit(self, request: Request, id: str) -> Any:
        """Delete a check with its results."""
        with db.transaction() as session:
            check = lock_check(session, find_check(id).id)
            session.delete(check)
        flash(__(":name deleted.", {"name": check.name}), "good")
        return redirect(url_for_module("checks"))

    def _set_active(self, check: Check, *, active: bool) -> Any:
        with db.transaction() as session:
            check = lock_check(session, check.id)
            if check.active != active:
                check.active, check.next_at = active, now()
                reset_state(session, check)
        name = {"name": check.name}
        flash(__(":name resumed.", name) if active else __(":name paused.", name), "good")
        return redirect(url_for_module("checks.show", id=check.id))

    def _form(self, form: CheckForm, title: str, check: Check | None = None) -> Any:
        back = url_for_module("checks")
        if check:
            back = url_for_module("checks.show", id=check.id)
        return page("form", title, form=form, check=check, back=back)


def find_check(id: str) -> Check:
    """Return the check with this id, or abort with 404."""
    check: Check | None = None
    if id.isdecimal() and len(id) < 10:
        check = db.session.get(Check, int(id))
    if check is None:
        abort(404)
    return check


def lock_check(session: Session, id: int) -> Check:
    """Lock the check's row until the transaction ends, or abort with 404."""
    query = sa.select(Check).where(Check.id == id).with_for_update()
    check = session.scalar(query.execution_options(populate_existing=True))
    if check is None:
        abort(404)
    return check


def _fill(check: Check, form: CheckForm) -> None:
    data = form.data
    check.name, check.type, check.target = data["name"], data["type"], data["target"]
    check.interval, check.config = data["interval"], form.config
    check.client_uuid, check.service_uuid = form.owners["client_uuid"], form.owners["service_uuid"]


def _flash_saved(check: Check, message: str) -> None:
    """Confirm that a check was saved; warn if it is a ping that this machine can't send."""
    flash(message, "good")
    if check.type == PING and (reason := ping.unavailable_reason()):
        flash(__("The status of this check will be unknown. :reason", {"reason": reason}), "warn")


def _facts(check: Check) -> list[tuple[str, Any]]:
    """Return the configuration of a check as labels and values."""
    config = check.config
    facts: list[tuple[str, Any]] = [(__("Type"), __(TYPES.get(check.type, check.type)))]
    if check.type == HTTP:
        facts.append((__("Expected status"), config.get("status") or "200–299"))
        if config.get("text"):
            facts.append((__("Expected text"), config["text"]))
    if check.type == PORT:
        facts.append(("TLS", __("Required") if config.get("tls") else __("Not required")))
    if (check.type == PORT and config.get("tls")) or check.target.startswith("https"):
        verified = __("Verified") if config.get("verify_tls", True) else __("Not verified")
        facts.append((__("Certificate"), verified))
    timeout = config.get("timeout") or TIMEOUT_SECONDS
    failures = config.get("failures") or 1
    down_after = n__(":count failure", ":count consecutive failures", failures)
    return [*facts, (__("Timeout"), f"{timeout} s"), (__("Down after"), down_after)]


def _csv(check: Check) -> str:
    """Return the results as CSV, with the byte order mark that spreadsheets expect."""
    columns = (Result.checked_at, Result.status, Result.response_time, Result.error_message)
    query = sa.select(*columns).where(Result.check_id == check.id)
    query = query.order_by(Result.checked_at.desc(), Result.id.desc()).limit(MAX_EXPORTED_RESULTS)
    lines = [csv_line([column.key for column in columns])]
    for at, status, milliseconds, error in db.session.execute(query):
        lines.append(csv_line([at, CSV_STATUS[status], milliseconds, error]))
    return "\ufeff" + "".join(lines)
