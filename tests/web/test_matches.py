"""Searches of lists find by index what the columns contain, however many rows match."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.cli.demo.rows import add_rows
from puqpanel.domain.emails import email_key
from puqpanel.infra.db import release, session
from puqpanel.models import Client, ClientUser, Service, User
from puqpanel.web import list_keys
from puqpanel.web.admin import matches
from puqpanel.web.admin.accounts.clients import CLIENTS
from puqpanel.web.admin.provisioning.services import SERVICES
from puqpanel.web.list_filters import uuid_starts
from puqpanel.web.list_keys import few_keys
from puqpanel.web.lists import Listing
from tests.conftest import BACKEND
from tests.instructions import instructions
from tests.web.conftest import Browser

TEXTS = ("www7", "berg", "Müller 1", "client12@example.test", "example", "nowhere", "a", "%", "@")


def everything(listing: Listing, args: dict[str, str]) -> list[int]:
    """Return the ids on all pages, in their order."""
    release()
    ids, page = [], listing.page(session(), "/", args | {"size": "100"})
    while True:
        ids += [row._key for row in page.rows]
        if not page.next:
            return ids
        page = listing.page(session(), "/", args | {"size": "100", "at": page.next.split("at=")[1]})


def clients_like(text: str) -> Any:
    users = sa.select(ClientUser.client_id).join(User, User.id == ClientUser.user_id)
    return sa.or_(
        Client.matches(text),
        Client.matches(email_key(text)),
        Client.id.in_(users.where(User.email.contains(email_key(text), autoescape=True))),
        uuid_starts(Client.uuid, text),
    )


@pytest.mark.parametrize("few", [3, 1000])
def test_lists_find_what_like_finds(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(list_keys, "FEW", few)
    add_rows(panel.settings, 150)
    some = session().scalars(sa.select(Client.uuid).limit(1)).one()
    for text in (*TEXTS, some[:8], some):
        for listing, like in (
            (CLIENTS, clients_like(text)),
            (
                SERVICES,
                Service.matches(text) | Client.matches(text) | uuid_starts(Service.uuid, text),
            ),
        ):
            rows = listing.select.with_only_columns(listing.key).where(like)
            ids = sorted(session().scalars(rows), reverse=True)
            assert everything(listing, {"q": text}) == ids, text
            assert everything(listing, {"q": text, "sort": "new"}) == ids[::-1]
            assert sorted(everything(listing, {"q": text, "sort": "name"})) == ids[::-1]
            assert everything(listing, {"q": text, "tab": "active"}) == [
                *session().scalars(
                    rows.where(listing.tabs["active"].where).order_by(listing.key.desc())
                )
            ]
        by_client = session().scalars(
            sa.select(Service.id).join(Client).where(clients_like(text)).order_by(Service.id.desc())
        )
        if text != some:
            assert everything(SERVICES, {"client": text}) == list(by_client), text


def test_a_search_shows_the_newest_of_many(
    app: Panel, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        add_rows(app.settings, 1100)
    page = owner.get("/admin/search/?q=example").text
    assert ">1k+<" in page and ">275<" in page
    assert page.index("www1100.") < page.index("www1099.") < page.index("www1093.")
    assert "www1092." not in page


@pytest.mark.skipif(BACKEND != "sqlite", reason="counts the instructions of SQLite")
def test_searches_do_not_grow_with_the_rows(panel: Panel) -> None:
    steps: dict[str, list[int]] = {}
    for number in (1300, 12000):
        add_rows(panel.settings, number)
        for text in ("www77", "nowak", "example", "nowhere", "1234"):
            for name, call in (
                ("services", lambda text=text: SERVICES.page(session(), "/", {"q": text})),
                ("clients", lambda text=text: CLIENTS.page(session(), "/", {"q": text})),
                ("search", lambda text=text: few_keys(session(), matches.own_parts(text))),
            ):
                steps.setdefault(f"{name} {text}", []).append(instructions(call))
    grown = {name: counts for name, counts in steps.items() if counts[1] > 2 * counts[0] + 50}
    assert not grown
