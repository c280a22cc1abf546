"""Choosing one client among any number: a search within the form, one capped query, quicker
with a script and the same without.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.infra.db import session
from puqpanel.models import Client
from puqpanel.web.guard import allow
from puqpanel.web.list_page import Rows

bp = Blueprint("pick", __name__, url_prefix="/pick")
SHOWN = 8
LONGEST = 100


class Found(NamedTuple):
    """What a search offers: the clients, whether there are more than are shown, and what was
    searched for.
    """

    clients: Rows
    more: bool
    text: str

    def only(self) -> str:
        """The uuid of the one client that is meant: the only one found, or the one with exactly
        this address; else empty.
        """
        exact = [one for one in self.clients if one.email.lower() == self.text.lower()]
        meant = exact if len(exact) == 1 else self.clients
        return (
            str(meant[0].uuid)
            if self.text and len(meant) == 1 and not (self.more and meant is self.clients)
            else ""
        )


def matching(text: str) -> sa.ColumnElement[bool]:
    """Clients by a part of their name, address or company, or by their whole ID."""
    parts = (Client.name, Client.email, Client.company)
    return sa.or_(*(part.icontains(text, autoescape=True) for part in parts), Client.uuid == text)


def find_clients(text: str | None, picked: str = "") -> Found:
    """Active clients that match, the picked one first; without a text the picked one alone, and
    without either the newest.

    Args:
        text: what was typed.
        picked: the uuid of the client that is chosen already.
    """
    text = " ".join((text or "").replace("\0", "").split())[:LONGEST]
    held = Client.uuid == picked
    wanted = (
        sa.or_(sa.and_(Client.active, matching(text)), held)
        if text
        else held
        if picked
        else sa.and_(Client.active)
    )
    order = (held.desc(), Client.name, Client.id) if text else (Client.id.desc(),)
    rows = (
        session()
        .execute(
            sa.select(Client.uuid, Client.name, Client.email, Client.company)
            .where(wanted)
            .order_by(*order)
            .limit(SHOWN + 1)
        )
        .all()
    )
    return Found(rows[:SHOWN], len(rows) > SHOWN, text)


@bp.get("/clients")
@allow("services.manage")
def clients() -> ResponseReturnValue:
    """The clients to choose from, as a fragment of a form that is being filled in."""
    picked = request.args.get("client", "")
    return render_template(
        "admin/accounts/clients/_found.html",
        found=find_clients(request.args.get("find"), picked),
        picked=picked,
    )
