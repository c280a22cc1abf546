"""Parts of pages that lists repeat in every row: functions, as macros cost several times more.

Templates use `icon`, `badge`, `when` and `host_name` as `page.…`, and `tick` as `lists.tick`.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from markupsafe import Markup, escape

from puqpanel.domain import texts
from puqpanel.domain.texts import Text, _
from puqpanel.web import statuses, times

FORMATS = {"short": times.short, "day": times.day, "ago": times.ago, "exact": times.exact}
LONGEST, TAIL = 16, 8
"""Characters of a host name that is not shortened, and of the end of one that is."""

# The caches are typed because a str and an equal Markup are escaped differently.


@lru_cache(maxsize=1024, typed=True)
def icon(name: str, cls: str = "") -> Markup:
    """Return an icon.

    Args:
        name: a Font Awesome name, with its style if that is not solid.
        cls: further classes.
    """
    css = escape(name) if "fa-" in name else f"fa-solid fa-{escape(name)}"
    return _html(f'<i class="{css}{" " if cls else ""}{escape(cls)}" aria-hidden="true"></i>')


def badge(kind: str, key: str, big: bool = False, word: Text | str = "") -> Markup:
    """Return the icon and label of a status.

    Args:
        kind: a key of `statuses.STATUSES`.
        key: the status as stored.
        big: for the head of a page.
        word: another label.
    """
    return _badge(kind, key, big, word or "", texts.language().tag)


@lru_cache(maxsize=1024, typed=True)
def _badge(kind: str, key: str, big: bool, word: Text | str, language: str) -> Markup:
    """Return a badge, built once in each language."""
    status = statuses.status(kind, key)
    css = f"st st-{status.tone}"
    if big:
        css += " big"
    elif kind in statuses.PLAIN:
        css += " st-plain"
    mark = icon(status.icon, "turn" if status.turns else "")
    return _html(f'<span class="{css}">{mark}{escape(word or status.word)}</span>')


def when(at: datetime | None, show: str = "short") -> Markup:
    """Return a time, with the exact time on hover; a dash without one.

    Args:
        at: the time.
        show: a key of FORMATS.
    """
    if not at:
        return _html('<span class="mut">—</span>')
    shown = escape(FORMATS[show](at))
    title = escape(times.exact(at))
    return _html(f'<time datetime="{at.isoformat()}" title="{title}">{shown}</time>')


def host_name(name: object) -> Markup:
    """Return a host name; a long one shortened in the middle, as its end tells it from others."""
    text = str(name)
    whole = escape(text)
    if len(text) <= LONGEST or " " in text:
        return whole
    head, tail = escape(text[:-TAIL]), escape(text[-TAIL:])
    return _html(
        f'<span class="middle" title="{whole}"><span class="visually-hidden">{whole}</span>\n'
        f'  <span aria-hidden="true" data-head="{head}" data-tail="{tail}"></span></span>'
    )


def tick(value: str, label: object) -> Markup:
    """Return the cell with the checkbox of a row.

    Args:
        value: what the form submits.
        label: names the row.
    """
    name = escape(_("Select %(name)s", name=str(label)))
    return _html(
        '<td class="tick">\n  <input class="form-check-input" type="checkbox" name="id"'
        f' value="{escape(value)}" aria-label="{name}">\n</td>\n'
    )


def _html(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - the values in it are escaped
