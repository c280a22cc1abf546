"""Forms submitted after their session had ended, shown again after the sign-in.

The submitted fields are sent encrypted in a hidden field of the sign-in form; after the sign-in
they are stored in the session's row until the form is shown, for 15 minutes at most and only if:

* the form was opened in this browser, which its CSRF token proves, and
* the same person signs in again.

Passwords, other secrets and files are not kept, nor are fields that no form declares: in the HTML
of a module nothing says which of them are secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import g, request, session
from flask_wtf.csrf import validate_csrf
from werkzeug.datastructures import MultiDict
from wtforms import Form, ValidationError

from puqpanel.domain import settings_table
from puqpanel.domain.texts import _
from puqpanel.host.form_fields import declared_fields, secret_fields
from puqpanel.infra import clock, crypto
from puqpanel.infra.redact import secret_name
from puqpanel.models import Staff, User
from puqpanel.operations.accounts import sessions
from puqpanel.web.answers import same_site
from puqpanel.web.sessions import (
    CSRF,
    PERSON,
    PREVIOUS_CSRF,
    area_of,
    current_session_id,
    person_key,
)

MAX_BYTES = 64 * 1024
TTL_SECONDS = 15 * 60
PURPOSE = "draft:"
"""How the encrypted text of a form begins, unlike everything else that is encrypted."""
MARK = "restored"
"""The query argument of the page that shows a kept form."""
NOTICE = _("You were signed out before this form was saved. Check it, then save it again.")


def page_url() -> str:
    """Return the page to show after the sign-in: this one, or else where its form is."""
    if request.url_rule and "GET" in (request.url_rule.methods or ()):
        return _without_mark(request.full_path.rstrip("?"))
    area = area_of(request.path)
    try:
        referrer = urlsplit(request.referrer or "")
    except ValueError:
        return area
    here = referrer.netloc == request.host
    path = f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path
    return _without_mark(same_site(path if here else "", area))


def _without_mark(path: str) -> str:
    parts = urlsplit(path)
    pairs = [(key, value) for key, value in parse_qsl(parts.query) if key != MARK]
    return f"{parts.path}?{urlencode(pairs)}" if pairs else parts.path


def submitted(*, previous_only: bool = False) -> dict[str, Any] | None:
    """Return the form of this request to keep; None if it cannot be kept.

    Args:
        previous_only: whether it must be of an earlier session than this one.
    """
    if not _opened_here(PREVIOUS_CSRF) and (previous_only or not _opened_here(CSRF)):
        return None
    declared, secret = _declared_fields()
    shown = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != CSRF and not secret_name(name) and secret.isdisjoint(name.split("-"))
    ]
    fields = [(name, value) for name, value in shown if _base_name(name) in declared]
    draft = {
        "person": session.get(PERSON),
        "at": clock.now().timestamp(),
        "target": request.path,
        "page": page_url(),
        "fields": fields,
        "whole": len(fields) == len(shown),
    }
    return draft if len(json.dumps(draft)) <= MAX_BYTES else None


def _opened_here(key: str) -> bool:
    try:
        validate_csrf(request.form.get(CSRF), token_key=key)
    except ValidationError:
        return False
    return PERSON in session


def _base_name(name: str) -> str:
    return name.removesuffix("[]").split("-")[0]


def _declared_fields() -> tuple[set[str], set[str]]:
    """Return the names of the fields of all forms, and of those that are secret.

    The forms of settings exist only while a request shows them.
    """
    declared, secret = set(settings_table.names()), set()
    secret |= {name for name in declared if settings_table.find(name).secret}
    for form in _subclasses(Form):
        declared |= declared_fields(form)
        secret |= secret_fields(form)
    return declared, secret


def _subclasses(form: type[Any]) -> Iterator[type[Any]]:
    for each in form.__subclasses__():
        yield each
        yield from _subclasses(each)


def lock(draft: dict[str, Any] | None) -> str:
    """Return a form for the hidden field of the sign-in form."""
    return crypto.encrypt(PURPOSE + json.dumps(draft)) if draft else ""


def unlock(text: str | None, person: Staff | User) -> dict[str, Any] | None:
    """Return the form in the hidden field, if it is recent and of the person who signs in."""
    if not text or len(text) > 3 * MAX_BYTES:
        return None
    try:
        plain = crypto.decrypt(text)
        draft = json.loads(plain.removeprefix(PURPOSE)) if plain.startswith(PURPOSE) else None
    except (crypto.KeyFileError, ValueError, RecursionError):
        return None
    if not _is_draft(draft):
        return None
    own = draft["person"] == person_key(person) and area_of(draft["target"]) == area_of(
        request.path
    )
    return draft if own and _recent(draft) else None


def _is_draft(value: Any) -> TypeGuard[dict[str, Any]]:
    if not isinstance(value, dict) or not isinstance(value.get("fields"), list):
        return False
    texts = [value.get(key) for key in ("person", "target", "page")]
    for pair in value["fields"]:
        if not isinstance(pair, list) or len(pair) != 2:
            return False
        texts += pair
    return all(isinstance(text, str) for text in texts) and isinstance(value.get("at"), int | float)


def _recent(draft: dict[str, Any]) -> bool:
    return abs(clock.now().timestamp() - float(draft["at"])) <= TTL_SECONDS


def url(draft: dict[str, Any]) -> str:
    """Return the URL that shows a kept form."""
    page = str(draft["page"])
    return f"{page}{'&' if '?' in page else '?'}{MARK}=1"


def fields(target: str, *, whole: bool = False) -> MultiDict[str, str] | None:
    """Return the kept fields of the form that posts to a URL path, on the page that shows it.

    Args:
        target: the path.
        whole: whether to return None if the form had fields that were not kept, secrets aside.
    """
    if MARK not in request.args or request.method != "GET":
        return None
    draft = _draft()
    if draft is None or draft["target"] != target or not _recent(draft):
        return None
    if whole and not draft.get("whole"):
        return None
    return MultiDict([(name, value) for name, value in draft["fields"]])


def _draft() -> dict[str, Any] | None:
    if "draft" not in g:
        session_id = current_session_id()
        g.draft = sessions.draft_of(session_id) if session_id is not None else None
    draft: dict[str, Any] | None = g.draft
    return draft
