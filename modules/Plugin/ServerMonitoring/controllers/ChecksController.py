"""One check: its page, its forms, and what can be done to it."""

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
    now,
    response,
    url_for_module,
)

from ..forms.checks import TYPES, CheckForm
from ..models.checks import Check
from ..models.results import Result
from ..services import figures, ping
from ..services.record import forget_state
from ..services.states import UNKNOWN
from ..services.targets import PING
from .pages import page

RESULTS = 25
EXPORTED = 200_000


class ChecksController(Controller):
    """`/admin/modules/Plugin/ServerMonitoring/checks/…`."""

    def show(self, request: Request, id: str) -> Any:
        """How a check stands, its figures, outages and results."""
        check = find(id)
        span = (
            request.args.get("span", "24h") if request.args.get("span") in figures.SPANS else "24h"
        )
        before = request.args.get("before", "")
        seen = figures.results(
            check.id, RESULTS + 1, int(before) if before.isdecimal() and len(before) < 16 else None
        )
        return page(
            "check",
            check.name,
            check=check,
            type=__(TYPES.get(check.type, check.type)),
            span=span,
            series=figures.series(span, check.id),
            uptime=figures.uptime([check.id]).get(check.id, {}),
            outages=figures.outages(10, check_id=check.id),
            results=seen[:RESULTS],
            older=seen[RESULTS - 1].id if len(seen) > RESULTS else None,
            service=_service(check),
        )

    def results(self, request: Request, id: str) -> Any:
        """All results that are kept, the newest first, as CSV."""
        check = find(id)
        answer = response(_csv(check), 200, {"Content-Type": "text/csv; charset=utf-8"})
        answer.headers["Content-Disposition"] = f'attachment; filename="check-{check.id}.csv"'
        return answer

    def add_form(self, request: Request) -> Any:
        """An empty form."""
        return self._form(CheckForm(), __("Add check"))

    def add_submit(self, request: Request) -> Any:
        """Keeps a new check; it is made within half a minute."""
        form = CheckForm(formdata=request.form)
        if not form.validate():
            return self._form(form, __("Add check")), 422
        with db.transaction() as session:
            check = Check(state=UNKNOWN)
            _fill(check, form)
            session.add(check)
        _said(
            check,
            __(":name is kept. The first result is here within a minute.", {"name": check.name}),
        )
        return redirect(url_for_module("checks.show", id=check.id))

    def edit_form(self, request: Request, id: str) -> Any:
        """A check in the form."""
        check = find(id)
        return self._form(CheckForm.of(check), check.name, check)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Changes a check; where something else is checked from now on, it begins anew."""
        check = find(id)
        form = CheckForm(formdata=request.form)
        form.record = check
        if not form.validate():
            return self._form(form, check.name, check), 422
        with db.transaction() as session:
            check = locked(session, check.id)
            was = check.type, check.target, check.config.get("port")
            _fill(check, form)
            if was != (check.type, check.target, check.config.get("port")):
                forget_state(session, check)
            check.next_at = check.updated_at = now()
        _said(check, __(":name is changed.", {"name": check.name}))
        return redirect(url_for_module("checks.show", id=check.id))

    def pause(self, request: Request, id: str) -> Any:
        """Makes no more of it until it is resumed."""
        return self._switch(find(id), active=False)

    def resume(self, request: Request, id: str) -> Any:
        """Goes on."""
        return self._switch(find(id), active=True)

    def now(self, request: Request, id: str) -> Any:
        """Makes it due."""
        with db.transaction() as session:
            check = locked(session, find(id).id)
            check.next_at = now()
        flash(
            __(":name is made with the next run, within half a minute.", {"name": check.name}),
            "good",
        )
        return redirect(url_for_module("checks.show", id=check.id))

    def remove_form(self, request: Request, id: str) -> Any:
        """The question before it is deleted."""
        check = find(id)
        return page("remove", __("Delete :name?", {"name": check.name}), check=check)

    def remove_submit(self, request: Request, id: str) -> Any:
        """Deletes it with all that it found."""
        with db.transaction() as session:
            check = locked(session, find(id).id)
            session.delete(check)
        flash(__(":name is deleted.", {"name": check.name}), "good")
        return redirect(url_for_module("checks"))

    def _switch(self, check: Check, *, active: bool) -> Any:
        with db.transaction() as session:
            check = locked(session, check.id)
            if check.active != active:
                check.active, check.next_at = active, now()
                forget_state(session, check)
        flash(
            (
                __(":name goes on.", {"name": check.name})
                if active
                else __(":name is paused.", {"name": check.name})
            ),
            "good",
        )
        return redirect(url_for_module("checks.show", id=check.id))

    def _form(self, form: CheckForm, title: str, check: Check | None = None) -> Any:
        return page(
            "form",
            title,
            form=form,
            check=check,
            back=url_for_module("checks.show", id=check.id) if check else url_for_module("checks"),
        )


def find(id: str) -> Check:
    """The check of that id, or 404."""
    check: Check | None = (
        db.session.get(Check, int(id)) if id.isdecimal() and len(id) < 10 else None
    )
    if check is None:
        abort(404)
    return check


def locked(session: Session, id: int) -> Check:
    """The check as it is now, kept from others until the transaction ends; 404 where it is gone."""
    check = session.scalar(
        sa.select(Check)
        .where(Check.id == id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if check is None:
        abort(404)
    return check


def _fill(check: Check, form: CheckForm) -> None:
    sent = form.data
    check.name, check.type, check.target = sent["name"], sent["type"], sent["target"]
    check.interval, check.config = sent["interval"], form.config
    check.client_uuid, check.service_uuid = form.owners["client_uuid"], form.owners["service_uuid"]


def _said(check: Check, sentence: str) -> None:
    """Tells that it is kept, and where it is a ping whether this machine can send any."""
    flash(sentence, "good")
    if check.type == PING and (reason := ping.unable()):
        flash(
            __(
                "As long as this is so, the check tells neither up nor down: :reason.",
                {"reason": reason},
            ),
            "warn",
        )


def _service(check: Check) -> Service | None:
    return Service.find(check.service_uuid) if check.service_uuid else None


def _csv(check: Check) -> str:
    """With the mark that tells spreadsheets the encoding."""
    words = {True: "up", False: "down", None: "unable"}
    query = sa.select(
        Result.checked_at, Result.status, Result.response_time, Result.error_message
    ).where(Result.check_id == check.id)
    rows = db.session.execute(
        query.order_by(Result.checked_at.desc(), Result.id.desc()).limit(EXPORTED)
    )
    lines = [csv_line([at, words[status], took, error]) for at, status, took, error in rows]
    return "".join(
        ["\ufeff", csv_line(["checked_at", "status", "response_time", "error_message"]), *lines]
    )
