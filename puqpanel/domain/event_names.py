"""Suggest the event for a misspelt or wrongly guessed name.

A name is compared with the events and with phrases of the same meaning: `service.created` suggests
`service.create_succeeded`, `user.registered` suggests `user.after_register`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from puqpanel.domain.service_states import VERBS
from puqpanel.domain.suggestions import nearest

_ENDINGS = {
    "succeeded": ("succeeded", "success", "successful", "completed", "done", "finished"),
    "failed": ("failed", "fail", "failure", "error"),
}
_VERBS = {
    "create": ("provision",),
    "terminate": ("delete",),
    "change_package": ("upgrade",),
    "cancellation": ("cancel",),
}
_ACCOUNTS = {
    "after_login": ("login", "logged_in", "signed_in"),
    "after_logout": ("logout", "logged_out", "signed_out"),
    "after_register": ("register", "registered", "created"),
    "after_password_reset": ("password_reset",),
    "failed_authorization": ("login_failed", "failed_login"),
}
_OTHERS = {"invoice.paid": ("pay", "payed"), "task.lost": ("crashed",)}


def suggest(name: str, events: Mapping[str, object]) -> str:
    """Return the event that was probably meant; empty if none is near.

    Args:
        name: what was written.
        events: the events by name.
    """
    area, _, action = _plain(name).partition(".")
    phrases = _phrases(tuple(events))
    if near := nearest(area, phrases, 0.3):
        found = nearest(action, phrases[near])
        if found:
            return phrases[near][found]
    if area not in phrases:
        return ""
    elsewhere = {own[action] for own in phrases.values() if action in own}
    return elsewhere.pop() if len(elsewhere) == 1 else ""


def _plain(name: str) -> str:
    """Return a name in snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


@cache
def _phrases(events: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return phrase → event by area; the events' own names come first."""
    found: dict[str, dict[str, str]] = {}
    for event in events:
        area, _, action = event.partition(".")
        found.setdefault(area, {})[action] = event
    for event in events:
        area, _, action = event.partition(".")
        same = (*_OTHERS.get(event, ()), *(_ACCOUNTS.get(action, ()) if area != "task" else ()))
        for phrase in same:
            found[area].setdefault(phrase, event)
    for phrase, action in _of_verbs():
        if f"service.{action}" in events:
            found["service"].setdefault(phrase, f"service.{action}")
    return found


def _of_verbs() -> Iterator[tuple[str, str]]:
    for verb in VERBS.values():
        noun = verb.noun.source.lower().replace(" ", "_")
        for key in (verb.key, *_VERBS.get(verb.key, ())):
            word, *rest = key.split("_")
            past = f"{word.removesuffix('e')}ed"
            pasts = ["_".join([past, *rest]), "_".join([*rest, past])]
            yield from ((name, verb.method) for name in (key, f"before_{key}", noun))
            yield from ((name, f"{verb.method}_succeeded") for name in (*pasts, f"after_{key}"))
            for ending, words in _ENDINGS.items():
                for stem in (verb.method, key, *pasts, noun):
                    yield from ((f"{stem}_{end}", f"{verb.method}_{ending}") for end in words)
