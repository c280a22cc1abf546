"""Lists: keyset pagination, capped counts, filters, and safe CSV."""

from __future__ import annotations

import csv
import importlib
import io
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.infra.db import UtcDateTime
from puqpanel.web import admin
from puqpanel.web.list_cursor import pack
from puqpanel.web.list_export import as_csv, as_json
from puqpanel.web.list_filters import Filter
from puqpanel.web.list_page import CAP, Column, Page, Tab
from puqpanel.web.lists import Listing, Sort, _python_type

START = datetime(2026, 1, 1, tzinfo=UTC)


class Base(DeclarativeBase):
    """The tables of this test."""


class Row(Base):
    """A row; many share a name, to test ties."""

    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    state: Mapped[str] = mapped_column(sa.String(10), index=True)


class Owner(Base):
    """The owner of the rows of a state."""

    __tablename__ = "owners"
    state: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50))


LIST = Listing(
    sa.select(Row.id, Row.name, Row.at, Row.state),
    key=Row.id,
    sorts={"new": Sort(Row.id, descending=True), "name": Sort(Row.name)},
    tabs={
        "all": Tab("All"),
        "on": Tab("On", Row.state == "on"),
        "off": Tab("Off", Row.state == "off"),
        "both": Tab(
            "Both",
            Row.name.in_(("n1", "n2")),
            (sa.select(Row.id).where(Row.name == "n1"), sa.select(Row.id).where(Row.name == "n2")),
        ),
    },
    filters={
        "state": Filter(
            "State",
            lambda word: Row.state == word if word in ("on", "off") else None,
            choices=lambda: [("on", "On"), ("off", "Off")],
        )
    },
    search=lambda text: Row.name.icontains(text, autoescape=True),
    columns={"name": Column("Name", lambda row: row.name), "at": Column("At", lambda row: row.at)},
    noun="rows",
)


@pytest.fixture(scope="module")
def filled() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Owner), {"state": "on", "name": "Astrid"})
        connection.execute(
            sa.insert(Row),
            [
                {
                    "name": f"n{i % 7}",
                    "at": START + timedelta(hours=i % 11),
                    "state": "on" if i % 3 else "off",
                }
                for i in range(1, 1231)
            ],
        )
    yield engine
    engine.dispose()


@pytest.fixture
def session(filled: sa.Engine) -> Iterator[Session]:
    with Session(filled) as current:
        yield current


def args_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def ids(page: Page) -> list[int]:
    return [row.id for row in page.rows]


def walk(session: Session, args: dict[str, str]) -> list[Page]:
    pages = [LIST.page(session, "/rows", args)]
    while pages[-1].next:
        pages.append(LIST.page(session, "/rows", args_of(pages[-1].next)))
    return pages


@pytest.mark.parametrize("sort", ["new", "-new", "name", "-name"])
def test_paging_shows_every_row_once_in_both_directions(session: Session, sort: str) -> None:
    forward = walk(session, {"sort": sort, "size": "100"})
    numbers = [number for page in forward for number in ids(page)]
    assert sorted(numbers) == list(range(1, 1231))
    by: Any = {"new": Row.id, "name": Row.name}[sort.lstrip("-")]
    order = [by.desc(), Row.id.desc()] if sort.startswith("-") else [by, Row.id]
    assert numbers == list(session.scalars(sa.select(Row.id).order_by(*order)))
    back = [forward[-1]]
    while back[-1].previous:
        back.append(LIST.page(session, "/rows", args_of(back[-1].previous)))
    assert [ids(page) for page in reversed(back)] == [ids(page) for page in forward]
    assert [(page.first, page.last) for page in back][-1] == (1, 100)
    assert forward[-1].last == 1230


@pytest.mark.parametrize("sort", ["new", "-new", "name"])
def test_a_tab_in_parts_lists_the_rows_of_its_condition(session: Session, sort: str) -> None:
    forward = walk(session, {"tab": "both", "sort": sort})
    numbers = [number for page in forward for number in ids(page)]
    found = list(session.scalars(sa.select(Row.id).where(LIST.tabs["both"].where)))
    assert sorted(numbers) == sorted(found) and len(numbers) == 352
    assert numbers == sorted(found, reverse=sort == "-new") or sort == "name"
    back = LIST.page(session, "/rows", args_of(forward[-1].previous))
    assert ids(back) == ids(forward[-2])
    assert {row.state for row in walk(session, {"tab": "both", "state": "on"})[0].rows} == {"on"}
    assert sum(1 for _ in as_json(LIST, session, {"tab": "both"})) == 353


def test_inserted_and_deleted_rows_neither_repeat_nor_hide_others(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            first = LIST.page(session, "/rows", {})
            session.execute(sa.insert(Row).values(name="later", at=START, state="on"))
            session.execute(sa.delete(Row).where(Row.id == ids(first)[3]))
            second = LIST.page(session, "/rows", args_of(first.next))
            assert ids(second) == list(range(ids(first)[-1] - 1, ids(first)[-1] - 26, -1))
        outer.rollback()


def test_counts_are_capped_and_take_one_query(session: Session, filled: sa.Engine) -> None:
    statements: list[str] = []
    sa.event.listen(filled, "before_cursor_execute", lambda *given: statements.append(given[2]))
    page = LIST.page(session, "/rows", {})
    assert len(statements) == 2
    assert page.counts == {"all": CAP + 1, "on": 820, "off": 410, "both": 352}
    assert (page.count("all"), page.count("on"), page.row_count) == ("1k+", "820", "1k+")


def test_counts_join_only_tables_of_their_conditions(session: Session, filled: sa.Engine) -> None:
    joined = Listing(
        sa.select(Row.id, Row.name, Owner.name)
        .outerjoin(Owner, Owner.state == Row.state)
        .where(Row.name != "n1"),
        key=Row.id,
        sorts=LIST.sorts,
        tabs={"off": LIST.tabs["off"], "hers": Tab("Hers", Owner.name == "Astrid")},
    )
    statements: list[str] = []
    sa.event.listen(filled, "before_cursor_execute", lambda *given: statements.append(given[2]))
    page = joined.page(session, "/rows", {})
    for key, tab in joined.tabs.items():
        where = (Row.name != "n1", tab.where)
        count = sa.select(sa.func.count(Row.id)).outerjoin(Owner, Owner.state == Row.state)
        assert page.counts[key] == session.scalar(count.where(*where)), key
    counting = next(text for text in statements if "AS anon_1" in text)
    assert counting.count("JOIN") == 1


def test_a_filtered_list_is_not_counted(session: Session) -> None:
    page = LIST.page(session, "/rows", {"q": "n3"})
    assert page.rows
    assert page.counts == {}
    assert page.row_count == ""


def test_search_escapes_wildcards(session: Session) -> None:
    assert not LIST.page(session, "/rows", {"q": "%"}).rows
    assert not LIST.page(session, "/rows", {"q": "n_"}).rows


def test_links_keep_tab_and_filters(session: Session) -> None:
    page = LIST.page(session, "/rows", {"tab": "on", "state": "off", "size": "50", "sort": "-name"})
    assert not page.rows
    assert [(chip.key, chip.word) for chip in page.chips] == [("state", "Off")]
    assert args_of(page.url(state=None)) == {
        "tab": "on",
        "sort": "-name",
        "size": "50",
    }
    assert args_of(page.clear_url) == {"tab": "on", "sort": "-name", "size": "50"}


def test_a_cursor_past_the_last_row_shows_the_first_page(session: Session) -> None:
    last = walk(session, {"size": "100"})[-1]
    beyond = pack(last.query, last.rows[-1], True, 1231)
    assert ids(LIST.page(session, "/rows", {"at": beyond}))[0] == 1230


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "W10", "eyJhIjoxfQ", "bnVsbA", "WyJuZXciLDEsMSwxXQ", "W" * 5000, "WzEsMiwzLDQsNV0"],
)
def test_an_invalid_cursor_shows_the_first_page(session: Session, cursor: str) -> None:
    assert ids(LIST.page(session, "/rows", {"at": cursor})) == list(range(1230, 1205, -1))


def test_a_page_size_of_many_digits_shows_the_default(session: Session) -> None:
    assert LIST.page(session, "/rows", {"size": "9" * 5000}).query.size == 25


@given(
    st.dictionaries(
        st.sampled_from(["q", "tab", "sort", "size", "at", "pick", "state", "format"]),
        st.text(max_size=200),
    )
)
def test_arbitrary_arguments_never_fail(filled: sa.Engine, args: dict[str, str]) -> None:
    with Session(filled) as session:
        page = LIST.page(session, "/rows", args)
        assert page.url()
        assert page.query.size in (25, 50, 100)


def test_csv_contains_all_rows_of_the_list(session: Session) -> None:
    rows = list(
        csv.reader(io.StringIO("".join(as_csv(LIST, session, {"tab": "off", "sort": "name"}))))
    )
    assert rows[0] == ["Name", "At"]
    assert len(rows) == 411
    assert [row[0] for row in rows[1:]] == sorted(row[0] for row in rows[1:])


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@sum(a1)", "\tx", "\rx", "=cmd|'/c calc'!a0"]
)
def test_csv_escapes_formulas(text: str) -> None:
    assert next(csv.reader(io.StringIO(csv_line([text]), newline="")))[0] == "'" + text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Lumen;=1+1", "Lumen;'=1+1"),
        ("Lumen; \n-1+1", "Lumen; \n'-1+1"),
        ("Lumen\n@sum(a1)", "Lumen\n'@sum(a1)"),
        ("a\t+1", "a\t'+1"),
        ("＝1+1", "'＝1+1"),
        (" =1+1", " '=1+1"),
        ("\t=1", "'\t'=1"),
        ("a=1; b - 2", "a=1; b - 2"),
    ],
)
def test_csv_escapes_formulas_behind_another_separator(text: str, written: str) -> None:
    assert next(csv.reader(io.StringIO(csv_line([text]), newline="")))[0] == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "-5"),
        ("-5.20", "-5.20"),
        (None, ""),
        ("plain", "plain"),
        (START, "2026-01-01 00:00:00+00:00"),
    ],
)
def test_csv_keeps_plain_values(value: object, text: str) -> None:
    assert next(csv.reader([csv_line([value])]))[0] == text


def test_every_list_of_staff_can_be_paged_in_every_order() -> None:
    """A position holds the sorted value, so its type and whether it may be NULL must be known."""
    found = {}
    for module in pkgutil.walk_packages(admin.__path__, f"{admin.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Listing):
                found[f"{module.name}.{name}"] = value
    assert len(found) > 10
    for name, listing in found.items():
        for key, sort in listing.sorts.items():
            column = sort.by.property.columns[0]
            assert _python_type(column) in (int, str, datetime, date), (name, key)
            assert sort.nullable == bool(column.nullable), (name, key)
