"""Paging of random rows with NULLs and ties, date ranges, several values, totals and exports."""

from __future__ import annotations

import csv
import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.datastructures import MultiDict

from puqpanel.domain.money import Money
from puqpanel.infra import clock
from puqpanel.infra.db import UtcDateTime, engine_for
from puqpanel.web import list_filters
from puqpanel.web.list_export import as_csv, as_json
from puqpanel.web.list_filters import Filter, date_filter, day_range
from puqpanel.web.list_page import Column, Page, Tab
from puqpanel.web.lists import SUM_CAP, Listing, Sort, Sum

SEED = random.randrange(10**6)
START = datetime(2026, 3, 1, tzinfo=UTC)
STATES = ("active", "suspended", "ended")


class Base(DeclarativeBase):
    """The tables of this test."""


class Sale(Base):
    """A row; many have no end and no code, and many share them."""

    __tablename__ = "test_sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(sa.String(20), index=True)
    rank: Mapped[int | None] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    due_on: Mapped[date | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    minor: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))


SORTS = {"code": Sale.code, "rank": Sale.rank, "ended": Sale.ended_at, "due": Sale.due_on}
LIST = Listing(
    sa.select(Sale.id, Sale.code, Sale.ended_at, Sale.state, Sale.minor),
    key=Sale.id,
    sorts={
        "new": Sort(Sale.id, descending=True),
        **{name: Sort(by, nullable=True) for name, by in SORTS.items()},
    },
    tabs={"all": Tab("All"), "open": Tab("Open", Sale.ended_at.is_(None))},
    filters={
        "state": Filter(
            "State",
            lambda word: Sale.state == word if word in STATES else None,
            choices=lambda: [(word, word.capitalize()) for word in STATES],
        ),
        "ended": date_filter("Ended", Sale.ended_at),
    },
    columns={
        "id": Column("ID", lambda row: row.id),
        "code": Column("Code", lambda row: row.code),
        "ended": Column("Ended", lambda row: row.ended_at),
        "minor": Column("Minor", lambda row: row.minor, export_only=True),
    },
    sum=Sum(Sale.minor, Sale.currency),
)


def rows(count: int) -> list[dict[str, Any]]:
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    return [
        {
            "id": number,
            "code": dice.choice([None, "", "a", "b", "B", "ż", f"c{dice.randrange(9)}"]),
            "rank": dice.choice([None, -3, 0, 2**31 - 1, dice.randrange(5)]),
            "ended_at": dice.choice([None, START + timedelta(hours=dice.randrange(60), seconds=1)]),
            "due_on": dice.choice([None, START.date() + timedelta(days=dice.randrange(9))]),
            "state": dice.choice(STATES),
            "minor": dice.randrange(10_000),
            "currency": dice.choice(["EUR", "PLN"]),
        }
        for number in range(1, count + 1)
    ]


@pytest.fixture
def session(new_database: Callable[[], str]) -> Iterator[Session]:
    engine = engine_for(new_database())
    Base.metadata.create_all(engine)
    with Session(engine) as current:
        current.execute(sa.insert(Sale), rows(260))
        current.commit()
        yield current
    engine.dispose()


def args_of(url: str) -> MultiDict[str, str]:
    return MultiDict(parse_qsl(urlsplit(url).query))


def page(session: Session, **args: Any) -> Page:
    return LIST.page(session, "/sales", MultiDict(args))


def ids(pages: list[Page]) -> list[int]:
    return [row.id for each in pages for row in each.rows]


@pytest.mark.parametrize("name", ["new", "code", "rank", "ended", "due"])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("filters", [{}, {"state": ["active", "ended"]}, {"tab": "open"}])
def test_every_row_is_shown_once_forward_and_backward(
    session: Session, name: str, sign: str, filters: dict[str, Any]
) -> None:
    forward = [page(session, sort=sign + name, size="25", **filters)]
    while forward[-1].next:
        forward.append(LIST.page(session, "/sales", args_of(forward[-1].next)))
    backward = [forward[-1]]
    while backward[-1].previous:
        backward.append(LIST.page(session, "/sales", args_of(backward[-1].previous)))
    backward.reverse()

    wanted = sa.select(Sale.id)
    if "state" in filters:
        wanted = wanted.where(Sale.state.in_(filters["state"]))
    if "tab" in filters:
        wanted = wanted.where(Sale.ended_at.is_(None))
    by: Any = SORTS.get(name, Sale.id)
    order = [by.desc(), Sale.id.desc()] if sign else [by, Sale.id]
    in_order = list(session.scalars(wanted.order_by(by.is_(None), *order)))
    assert ids(forward) == in_order
    assert ids(backward) == in_order
    assert [each.first for each in forward] == [each.first for each in backward]
    assert len(set(in_order)) == len(in_order)


def test_a_page_takes_few_queries(session: Session) -> None:
    statements: list[str] = []
    sa.event.listen(session.get_bind(), "before_cursor_execute", lambda *a: statements.append(a[2]))
    for args in ({}, {"sort": "ended"}, {"sort": "-ended", "sum": "yes", "pick": "state"}):
        statements.clear()
        page(session, size="100", **args)
        assert len(statements) <= 4


def test_several_values_of_a_filter_match_any_of_them(session: Session) -> None:
    both = page(session, state=["active", "suspended"], size="100")
    assert {row.state for row in both.rows} == {"active", "suspended"}
    assert both.chips[0].word == "Active, Suspended"
    assert args_of(both.url()).getlist("state") == ["active", "suspended"]
    assert ("state", "suspended") in both.hidden()


def test_two_hundred_values_of_a_filter(session: Session) -> None:
    many = page(session, state=[f"s{number}" for number in range(200)] + ["active"])
    assert many.query.ignored
    assert many.query.filters == {}
    known = page(session, state=["active"] * 150 + ["ended"] * 50)
    assert known.query.filters == {"state": ("active", "ended")}


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-02..2026-05-01",
        "2026-02-30..",
        "..",
        "..0001-01-01",
        "9999-12-31..",
        "tomorrow",
        "2026-05-01",
        "2026-05-01..\0",
        "5..6",
    ],
)
def test_an_invalid_range_of_dates_is_ignored_with_a_notice(session: Session, value: str) -> None:
    shown = page(session, ended=value)
    assert shown.query.ignored
    assert shown.query.filters == {}


def test_a_range_includes_both_days_in_the_viewers_zone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = ZoneInfo("America/New_York")
    monkeypatch.setattr(list_filters, "viewer_zone", lambda: zone)
    shown = page(session, **{"ended.from": "2026-03-01", "ended.to": "2026-03-01", "size": "100"})
    days = [row.ended_at.astimezone(zone).date().isoformat() for row in shown.rows]
    every = session.scalars(sa.select(Sale.ended_at).where(Sale.ended_at.is_not(None)))
    wanted = [at for at in every if at.astimezone(zone).date().isoformat() == "2026-03-01"]
    assert set(days) <= {"2026-03-01"}
    assert len(days) == min(len(wanted), 100)
    assert shown.query.filters == {"ended": ("2026-03-01..2026-03-01",)}
    assert shown.chips[0].word == "1 Mar 2026"
    assert shown.chips[0].days == ("2026-03-01", "2026-03-01")


def test_presets_follow_the_day_of_the_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 1, 2, tzinfo=UTC))
    monkeypatch.setattr(list_filters, "viewer_zone", lambda: ZoneInfo("America/New_York"))
    shown = {name: [str(day) for day in day_range(name) or ()] for name in list_filters.PRESETS}
    assert shown == {
        "today": ["2026-02-28", "2026-02-28"],
        "last-7-days": ["2026-02-22", "2026-02-28"],
        "last-30-days": ["2026-01-30", "2026-02-28"],
        "this-month": ["2026-02-01", "2026-02-28"],
        "last-month": ["2026-01-01", "2026-01-31"],
        "this-year": ["2026-01-01", "2026-02-28"],
    }


def test_totals_are_summed_by_currency_on_request(session: Session) -> None:
    assert page(session).total is None
    total = page(session, sum="yes", state="active").total
    amounts = session.execute(
        sa.select(Sale.currency, sa.func.sum(Sale.minor))
        .where(Sale.state == "active")
        .group_by(Sale.currency)
        .order_by(Sale.currency)
    )
    assert total is not None
    assert [amount for amount, _ in total.sums] == [Money(int(row[1]), row[0]) for row in amounts]


def test_totals_of_too_many_rows_are_refused(session: Session) -> None:
    base = rows(1)[0]
    session.execute(sa.insert(Sale), [base | {"id": 1000 + number} for number in range(SUM_CAP)])
    total = page(session, sum="yes").total
    assert total is not None and total.too_many and not total.sums


def test_exports_have_the_chosen_columns_in_their_order(session: Session) -> None:
    args = MultiDict([("cols", "ended,nothing"), ("cols", "code"), ("sort", "code")])
    lines = list(csv.reader(io.StringIO("".join(as_csv(LIST, session, args)))))
    objects = json.loads("".join(as_json(LIST, session, args)))
    assert lines[0] == ["ID", "Code", "Ended"]
    assert len(lines) == 261
    assert [set(each) for each in objects] == [{"id", "code", "ended"}] * 260
    assert [str(each["id"]) for each in objects] == [line[0] for line in lines[1:]]
    assert json.loads("".join(as_json(LIST, session, {"ended": "..1950-01-01"}))) == []
    shown = LIST.page(session, "/sales", args)
    assert [key for key in LIST.columns if key in shown.shown] == ["code", "ended"]
    assert args_of(shown.url())["cols"] == "code,ended"


def test_unknown_columns_show_all(session: Session) -> None:
    shown = page(session, cols="nothing,\0")
    assert shown.shown == set(LIST.columns)


@pytest.mark.parametrize("export", [as_csv, as_json])
def test_exports_of_many_rows_use_little_memory(
    new_database: Callable[[], str], export: Callable[..., Iterator[str]]
) -> None:
    engine = engine_for(new_database())
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        base = rows(1)[0] | {"code": "c" * 20, "ended_at": START}
        for start in range(0, 40_000, 10_000):
            many = [base | {"id": start + number + 1} for number in range(10_000)]
            session.execute(sa.insert(Sale), many)
        tracemalloc.start()
        size = sum(len(text) for text in export(LIST, session, {"sort": "code"}))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    engine.dispose()
    assert size > 1_000_000
    assert peak < 8_000_000
