"""Incoming transfers, the import of statements, and the columns of CSV files."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import (
    Controller,
    Request,
    __,
    abort,
    current_admin,
    db,
    format_date,
    n__,
    url_for_module,
    view_admin_module,
)

from ..forms.columns import ColumnsForm
from ..models.statements import BOOKED, CONFIRMED, IGNORED, NEW, Line, Statement, layout_of
from ..services import booking, csv_files, importing, matching
from ..services.csv_files import Layout
from ..services.parsed import StatementError

PAGE, NEWEST_STATEMENTS, SAMPLE_ROWS = 50, 20, 5
TABS = {NEW: (NEW, CONFIRMED), BOOKED: (BOOKED,), IGNORED: (IGNORED,)}


class StatementsController(Controller):
    """`/admin/modules/Payment/BankTransfer/…`."""

    def lines(self, request: Request) -> Any:
        """Show a page of the incoming transfers with what they may pay."""
        state = request.args.get("state", NEW)
        states = TABS.get(state) or TABS[NEW]
        query = sa.select(Line).where(Line.state.in_(states))
        before = _number(request.args.get("before", ""))
        if before:
            query = query.where(Line.id < before)
        rows = list(db.session.scalars(query.order_by(Line.id.desc()).limit(PAGE + 1)))
        older = rows[PAGE - 1].id if len(rows) > PAGE else None
        new = [line for line in rows[:PAGE] if line.state == NEW]
        matches = matching.suggest(new)
        return _page(
            "lines",
            __("Incoming transfers"),
            lines=rows[:PAGE],
            state=state if state in TABS else NEW,
            older=older,
            matches=matches,
            chosen={line.id: matching.preselected(matches[line.id]) for line in new},
            counts=_counts(),
        )

    def decide(self, request: Request) -> Any:
        """Confirm, ignore or restore the ticked lines."""
        ids = [number for text in request.form.getlist("line") if (number := _number(text))][:PAGE]
        action, state = request.form.get("do", ""), NEW
        if not ids:
            flash(__("Select at least one transfer."), "warn")
        elif action == "confirm":
            self._confirm(request, ids)
        elif action == "ignore":
            done = sum(booking.ignore(one, current_admin.name) for one in ids)
            flash(n__(":count transfer ignored.", ":count transfers ignored.", done), "good")
        elif action == "restore":
            done, state = sum(booking.restore(one, current_admin.name) for one in ids), IGNORED
            flash(n__(":count transfer restored.", ":count transfers restored.", done), "good")
        else:
            abort(400)
        return redirect(url_for_module("lines", **({} if state == NEW else {"state": state})))

    def _confirm(self, request: Request, ids: list[int]) -> None:
        query = sa.select(Line).where(Line.id.in_(ids), Line.state == NEW)
        lines = list(db.session.scalars(query.execution_options(populate_existing=True)))
        suggestions = matching.suggest(lines)
        refused, wanted = 0, []
        for line_id in [line.id for line in lines]:
            key = request.form.get(f"match-{line_id}", "")
            match = next((one for one in suggestions[line_id] if one.key == key), None)
            if key and match is None:
                refused += 1  # what was suggested has changed meanwhile
            else:
                wanted.append((line_id, match))
        for line_id, match in wanted:
            booking.confirm(line_id, match, current_admin.name)
        counts = booking.send({one.instance_uuid: one for one in self.module.instances()})
        if counts["booked"]:
            booked = counts["booked"]
            flash(n__(":count transfer booked.", ":count transfers booked.", booked), "good")
        if counts["failed"]:
            failed = counts["failed"]
            flash(
                n__(
                    ":count transfer could not be booked yet; the reason is below.",
                    ":count transfers could not be booked yet; the reasons are below.",
                    failed,
                ),
                "bad",
            )
        if refused + len(ids) - len(lines):
            flash(__("Some transfers have changed meanwhile. Check them again."), "warn")

    def import_form(self, request: Request) -> Any:
        """Show the form and the newest statements."""
        return self._import()

    def import_submit(self, request: Request) -> Any:
        """Import a file; ask for the columns of a CSV file that has unknown ones."""
        offered = {one.key: one for one in importing.targets(self.module.instances())}
        target, file = offered.get(request.form.get("account", "")), request.files.get("file")
        if target is None or file is None or not file.filename:
            return self._import(__("Choose an account and a file.")), 422
        content = file.stream.read(importing.MOST_BYTES + 1)
        file.close()
        try:
            statement = importing.upload(target, file.filename, content, current_admin.name)
        except StatementError as error:
            return self._import(str(error), target.key), 422
        if statement.content is not None:
            return redirect(url_for_module("columns", id=statement.id))
        return _imported(statement)

    def _import(self, error: str = "", account: str = "") -> Any:
        columns = [one for one in sa.inspect(Statement).columns if one.key != "content"]
        waiting = Statement.content.is_not(None).label("waiting")
        query = sa.select(*columns, waiting).order_by(Statement.id.desc()).limit(NEWEST_STATEMENTS)
        return _page(
            "import",
            __("Import statement"),
            targets=importing.targets(self.module.instances()),
            statements=list(db.session.execute(query)),
            error=error,
            account=account,
        )

    def columns_form(self, request: Request, id: str) -> Any:
        """Show what is known about the columns of a file."""
        statement = _waiting(id)
        return self._columns(statement, ColumnsForm(data=layout_of(statement.account) or {}))

    def columns_submit(self, request: Request, id: str) -> Any:
        """Import the file with these columns, and keep them."""
        statement = _waiting(id)
        form = ColumnsForm(formdata=request.form)
        encoding, delimiter = form.encoding.data or "", form.delimiter.data or ""
        try:
            rows = csv_files.table(statement.content or b"", encoding, delimiter)
            if not form.offer(csv_files.headings(rows)[1]).validate():
                return self._columns(statement, form), 422
            done = importing.finish(statement.id, Layout.of(form.data))
        except StatementError as error:
            return self._columns(statement, form, str(error)), 422
        return _imported(done)

    def _columns(self, statement: Statement, form: ColumnsForm, error: str = "") -> Any:
        encoding, delimiter = form.encoding.data or "", form.delimiter.data or ""
        try:
            rows = csv_files.table(statement.content or b"", encoding, delimiter)
        except StatementError as problem:
            # shown with what is detected, so that another choice can be made
            rows, error = csv_files.table(statement.content or b""), error or str(problem)
        at, names = csv_files.headings(rows)
        return _page(
            "columns",
            __("Columns of :file", {"file": statement.file_name}),
            form=form.offer(names),
            names=names,
            rows=rows[at + 1 : at + 1 + SAMPLE_ROWS],
            error=error,
        )


def _page(view: str, title: str, **data: Any) -> Any:
    shared = {
        "title": title,
        "link": url_for_module,
        "day": format_date,
        "may_manage": current_admin.has_permission("manage-statements"),
    }
    return view_admin_module("Payment", "BankTransfer", f"admin_area.{view}", shared | data)


def _counts() -> dict[str, int]:
    query = sa.select(Line.state, sa.func.count()).group_by(Line.state)
    by_state = dict(list(db.session.execute(query)))
    return {tab: sum(by_state.get(state, 0) for state in states) for tab, states in TABS.items()}


def _imported(statement: Statement) -> Any:
    added, known, skipped = statement.added or 0, statement.known, statement.skipped
    parts = [n__(":count new transfer.", ":count new transfers.", added)]
    if known:
        parts.append(n__(":count was known already.", ":count were known already.", known))
    if skipped:
        parts.append(
            n__(
                ":count line is not an incoming transfer.",
                ":count lines are not incoming transfers.",
                skipped,
            )
        )
    flash(" ".join(parts), "good")
    return redirect(url_for_module("lines"))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _waiting(id: str) -> Statement:
    statement: Statement | None = db.session.get(Statement, _number(id), populate_existing=True)
    if statement is None or statement.content is None:
        abort(404)
    return statement
