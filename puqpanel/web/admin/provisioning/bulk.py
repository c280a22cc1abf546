"""One action on many rows: asked for in a list, confirmed once, then done row by row; those
that cannot are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.web.guard import can
from puqpanel.web.list_page import SIZES

NAMED = 12


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a list's bulk bar can do.

    Args:
        permission: who may.
        verb: the word on the button, `Suspend`.
        done: what is said afterwards, `queued for suspension`.
        act: does it to one row, by its uuid.
        lead: the sentence above the names.
        danger: it destroys something: every name is listed, and the verb with their number has to
            be typed.
    """

    permission: str
    verb: str
    done: str
    act: Callable[[str], object]
    lead: str
    danger: bool = False


def run(
    actions: dict[str, Bulk],
    names: Callable[[Sequence[str]], Iterable[tuple[str, str]]],
    noun: str,
    nouns: str,
    back: str,
) -> ResponseReturnValue:
    """Answers the POST of a bulk bar: the question first, then the doing.

    Args:
        actions: the value of the button → what it does.
        names: uuids → (uuid, name) of those that exist.
        noun, nouns: what a row is called.
        back: the list's address.
    """
    action = actions.get(request.form.get("do", "")) or abort(400)
    if not can(action.permission):
        abort(403)
    found = list(names(request.form.getlist("id")[: SIZES[-1]]))
    if not found:
        flash(f"No {noun} was selected.", "warn")
        return redirect(back)
    count = f"1 {noun}" if len(found) == 1 else f"{len(found)} {nouns}"
    typed = f"{action.verb.upper()} {len(found)}" if action.danger else ""
    asked = request.form.get("confirmed") == "yes"
    right = " ".join(request.form.get("typed", "").split()) == typed
    if not asked or not right:
        most = len(found) if action.danger else NAMED
        shown = [name for _, name in found[:most]]
        page = render_template(
            "admin/confirm.html",
            title=f"{action.verb} {count}?",
            button=f"{action.verb} {count}",
            back=back,
            keep="Go back",
            goes=shown + ([f"and {len(found) - most} more"] if len(found) > most else []),
            lead=action.lead,
            danger=action.danger,
            typed=typed,
            wrong=f"Type {typed} exactly, then nothing is done by mistake." if asked else "",
            carried=[
                ("do", request.form["do"]),
                ("confirmed", "yes"),
                *(("id", uuid) for uuid, _ in found),
            ],
        )
        return (page, 422) if asked else page
    refused = []
    for uuid, name in found:
        try:
            action.act(uuid)
        except UserError as error:
            refused.append(f"{name}: {error}")
    done = len(found) - len(refused)
    if done:
        flash(f"{done} {noun if done == 1 else nouns} {action.done}.", "good")
    if refused:
        flash(" ".join(refused[:NAMED]), "bad")
    return redirect(back)
