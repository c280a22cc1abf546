"""Bulk actions of a list: confirmed once, then applied row by row.

Rows whose action fails are reported by name; the others are not affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import Text, _, _n
from puqpanel.web.answers import flash
from puqpanel.web.guard import can
from puqpanel.web.list_page import SIZES

MAX_NAMES = 12
"""How many rows a harmless action lists by name."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One action of a list's bulk bar.

    Args:
        permission: the permission it requires; empty if it depends on the row.
        verb: the button's label, `Suspend`.
        button: the question without its question mark, by the number of rows: `Suspend 2 services`.
        done: the message afterwards, by the number of rows.
        act: applies the action to one row, by its UUID.
        lead: the sentence above the names on the confirmation page.
        danger: it destroys something: every name is listed, and the verb and the number of rows
            must be typed.
    """

    permission: str
    verb: Text
    button: Callable[[int], Text]
    done: Callable[[int], Text]
    act: Callable[[str], object]
    lead: Text | str
    danger: bool = False


def run(
    actions: dict[str, Bulk],
    names: Callable[[Sequence[str]], Iterable[tuple[str, str]]],
    back: str,
) -> ResponseReturnValue:
    """Handle the POST of a bulk bar: show the confirmation page, or apply the confirmed action.

    Args:
        actions: the actions, by the value of their button.
        names: returns (UUID, name) pairs of the rows that exist among the given UUIDs.
        back: the URL of the list.
    """
    action = actions.get(request.form.get("do", "")) or abort(400)
    if not can(action.permission):
        abort(403)
    rows = list(names(request.form.getlist("id")[: SIZES[-1]]))
    if not rows:
        flash(_("Select at least one row."), "warn")
        return redirect(back)
    phrase = f"{str(action.verb).upper()} {len(rows)}" if action.danger else ""
    submitted = request.form.get("confirmed") == "yes"
    phrase_matches = " ".join(request.form.get("typed", "").split()) == phrase
    if not submitted or not phrase_matches:
        button = action.button(len(rows))
        page = render_template(
            "admin/confirm.html",
            title=button,
            button=button,
            back=back,
            keep=_("Go back"),
            goes=_listed(rows, len(rows) if action.danger else MAX_NAMES),
            lead=action.lead,
            danger=action.danger,
            typed=phrase,
            wrong=_("Type %(phrase)s exactly to confirm.", phrase=phrase) if submitted else "",
            carried=[
                ("do", request.form["do"]),
                ("confirmed", "yes"),
                *(("id", uuid) for uuid, _name in rows),
            ],
        )
        return (page, 422) if submitted else page
    _apply(action, rows)
    return redirect(back)


def _listed(rows: Sequence[tuple[str, str]], limit: int) -> list[Text | str]:
    names: list[Text | str] = [name for _uuid, name in rows[:limit]]
    if len(rows) > limit:
        names.append(_n("and %(num)s more", "and %(num)s more", len(rows) - limit))
    return names


def _apply(action: Bulk, rows: Sequence[tuple[str, str]]) -> None:
    errors = []
    for uuid, name in rows:
        try:
            action.act(uuid)
        except UserError as error:
            errors.append(f"{name}: {error}")
    done = len(rows) - len(errors)
    if done:
        flash(action.done(done), "good")
    if errors:
        flash(" ".join(errors[:MAX_NAMES]), "bad")
