"""Parts of the shop's pages that are the same for all visitors, kept in the memory of the process.

The newest entries of the audit log are part of the key: whatever staff change in the catalog,
prices, taxes, companies, settings or modules, and every order that takes from the stock, adds an
entry in its transaction. So one small query tells whether a part is current; it is rendered again
each minute in any case. What belongs to a visitor (the cart, the CSRF token, messages) is not in
these parts.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Hashable

import sqlalchemy as sa
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Audit
from puqpanel.web.guard import find_user
from puqpanel.web.locale import viewer_locale

MAX_PARTS = 500
NEWEST = 8
"""How many entries of the audit log identify what pages were rendered from."""
TOKEN = secrets.token_hex(16)
"""Stands for the CSRF token of the visitor."""
_QUERY = sa.select(Audit.id, Audit.at).order_by(Audit.id.desc()).limit(NEWEST)
_parts: dict[Hashable, str] = {}
_lock = threading.Lock()


def part(key: tuple[str, ...], render: Callable[[], str]) -> Markup:
    """Return a part of a page; rendered for users, who may see other prices than visitors.

    Args:
        key: what it depends on besides the catalog and the viewer's language.
        render: renders it, with TOKEN in place of the CSRF token.
    """
    if find_user() is not None:
        return finished(render())
    # several, because a transaction that is committed later may have a smaller id; with their
    # times, because a restored database may count the same numbers again
    newest = tuple(session().execute(_QUERY))
    # the day decides which tax rates are valid; and whatever the newest entries do not show, such
    # as a change that was committed after many later ones, shows within a minute
    full_key = (key, str(viewer_locale()), now().strftime("%Y-%m-%d %H:%M"), newest)
    found = _parts.get(full_key)
    if found is None:
        found = render()
        with _lock:
            if len(_parts) >= MAX_PARTS:
                _parts.clear()
            _parts[full_key] = found
    return finished(found)


def clear() -> None:
    """Forget all parts."""
    with _lock:
        _parts.clear()


def finished(text: str) -> Markup:
    """Return a rendered part with the CSRF token of the visitor."""
    if TOKEN in text:
        text = text.replace(TOKEN, generate_csrf())
    return Markup(text)  # noqa: S704 - rendered by templates, which escape
