"""The list of documents finds the same rows by its indexes as by a plain condition."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bench.documents import fill, sellers_and_buyers
from puqpanel.app import Panel
from puqpanel.infra.db import session
from puqpanel.models import Client, Document
from puqpanel.web import list_keys
from puqpanel.web.admin.billing.document_list import DOCUMENTS
from puqpanel.web.list_filters import uuid_starts
from tests.conftest import BACKEND
from tests.web.test_matches import everything, instructions


@pytest.mark.parametrize("few", [3, 1000])
def test_tabs_and_searches_find_what_a_condition_finds(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(list_keys, "FEW", few)
    sellers_and_buyers(20)
    fill(panel.settings, 0, 400)
    rows = DOCUMENTS.select.with_only_columns(Document.id)

    def found(where: Any) -> list[int]:
        return sorted(session().scalars(rows.where(where)), reverse=True)

    for tab in ("unpaid", "overdue", "paid", "drafts"):
        ids = found(DOCUMENTS.tabs[tab].where)
        assert ids and everything(DOCUMENTS, {"tab": tab}) == ids
    some = session().scalars(sa.select(Document.uuid).limit(1)).one()
    for text in ("INV-00000123", " INV-00000123 ", "Client 1", "c7@example.test", some[:8], "x"):
        where = (
            (Document.number == text.strip())
            | Client.matches(text)
            | uuid_starts(Document.uuid, text)
        )
        ids = found(where)
        assert everything(DOCUMENTS, {"q": text}) == ids, text
        assert sorted(everything(DOCUMENTS, {"q": text, "sort": "issued"}), reverse=True) == ids


@pytest.mark.skipif(BACKEND != "sqlite", reason="counts the instructions of SQLite")
def test_the_list_does_not_grow_with_the_rows(panel: Panel) -> None:
    sellers_and_buyers(200)
    steps: dict[str, list[int]] = {}
    filled = 0
    for number in (2000, 20000):
        fill(panel.settings, filled, number)
        filled = number
        for args in ({}, {"tab": "unpaid"}, {"q": "INV-00000123"}, {"sort": "issued"}):
            DOCUMENTS.page(session(), "/", args)  # the counts of tabs are kept
            name = str(args)
            call = lambda args=args: DOCUMENTS.page(session(), "/", args)  # noqa: E731
            steps.setdefault(name, []).append(instructions(call))
    grown = {name: counts for name, counts in steps.items() if counts[1] > 2 * counts[0] + 50}
    assert not grown


@pytest.mark.skipif(BACKEND != "sqlite", reason="reads a plan of SQLite")
@pytest.mark.parametrize("tab", DOCUMENTS.tabs)
def test_rows_of_a_tab_are_counted_in_the_order_of_an_index(panel: Panel, tab: str) -> None:
    """So counting stops at the most that is shown, however many rows there are."""
    query = list_keys.count_query(DOCUMENTS.select, DOCUMENTS.key, {tab: DOCUMENTS.tabs[tab]})
    bound = session().connection()
    text = str(query.compile(bound, compile_kwargs={"literal_binds": True}))
    steps = [row[3] for row in bound.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps
