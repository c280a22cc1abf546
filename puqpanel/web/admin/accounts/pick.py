"""The client search within a form: one capped query, with or without JavaScript."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.emails import email_key
from puqpanel.domain.permissions import ORDERS_MANAGE, PAYMENTS_MANAGE, SERVICES_MANAGE
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.infra.redact import storable
from puqpanel.models import Client
from puqpanel.web.admin import matches
from puqpanel.web.guard import allow
from puqpanel.web.list_page import Rows

bp = Blueprint("pick", __name__, url_prefix="/pick")
MAX_RESULTS = 8
MAX_LENGTH = 100


class ClientSearch(NamedTuple):
    """The results of a client search.

    Args:
        clients: the first MAX_RESULTS clients.
        more: whether further clients match.
        text: the search text.
    """

    clients: Rows
    more: bool
    text: str

    def only(self) -> str:
        """Return the UUID of the one client the text identifies, else an empty string.

        That is the only result, or the only one with exactly this e-mail address.
        """
        if not self.text:
            return ""
        exact = [client for client in self.clients if client.email == email_key(self.text)]
        if len(exact) == 1:
            return str(exact[0].uuid)
        return str(self.clients[0].uuid) if len(self.clients) == 1 and not self.more else ""

    def hint(self, picked: str) -> Text | str:
        """Return the sentence above the results.

        Args:
            picked: the UUID of the selected client, or an empty string.
        """
        if not self.clients:
            return (
                _("No active client matches “%(text)s”.", text=self.text)
                if self.text
                else _("No clients yet.")
            )
        if self.text:
            return _("More clients match. Keep typing to narrow the results.") if self.more else ""
        return "" if picked else _("Showing the newest clients. Type to search.")


def find_clients(text: str | None, picked: str = "", without: str = "") -> ClientSearch:
    """Search active clients; the selected client is always included, and comes first.

    Without a text, only the selected client is returned, or the newest clients if there is none.

    Args:
        text: the search text.
        picked: the UUID of the selected client, or an empty string.
        without: the UUID of a client that is left out, or an empty string.
    """
    text = " ".join((text or "").replace("\0", "").split())[:MAX_LENGTH]
    is_picked = Client.uuid == picked
    statement = sa.select(Client.uuid, Client.name, Client.email, Client.company)
    if text:
        statement = statement.where(
            sa.or_(sa.and_(Client.active, matches.clients(text)), is_picked)
        )
        statement = statement.order_by(is_picked.desc(), Client.name, Client.id)
    else:
        statement = statement.where(is_picked if picked else Client.active)
        statement = statement.order_by(Client.id.desc())
    statement = statement.where(Client.uuid != storable(without))
    rows = session().execute(statement.limit(MAX_RESULTS + 1)).all()
    return ClientSearch(rows[:MAX_RESULTS], len(rows) > MAX_RESULTS, text)


@bp.get("/clients")
@allow(SERVICES_MANAGE, ORDERS_MANAGE, PAYMENTS_MANAGE)
def clients() -> ResponseReturnValue:
    """Show the search results as a fragment of a form."""
    picked = request.args.get("client", "")
    return render_template(
        "admin/accounts/clients/_found.html",
        found=find_clients(request.args.get("find"), picked, request.args.get("without", "")),
        picked=picked,
    )
