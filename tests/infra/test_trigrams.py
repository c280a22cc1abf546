"""Trigram indexes find what LIKE finds, whichever code writes, and are created again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.app import Panel
from puqpanel.infra import migrate, trigrams
from puqpanel.infra.db import engine_for, save, session, transaction
from puqpanel.infra.migrate import PANEL
from puqpanel.models import Client, User
from tests.conftest import BACKEND

on_sqlite = pytest.mark.skipif(BACKEND != "sqlite", reason="SQLite only")
on_postgresql = pytest.mark.skipif(BACKEND != "postgresql", reason="PostgreSQL only")
TEXTS = (
    'anna muller ag anna@berg.example 192.0.2.7 fe80::1 "quoted" a_b 50% x',
    "bei jing kopf-kissen o'neill ***",
    "www12345.berg.example",
    "ab",
    "",
)
WORDS = ("mul", "berg.ex", "12345", "ab", "a_b", "50%", '"quoted"', "o'n", "***", "::1", "a b")


@pytest.fixture
def engine(new_database: Callable[[], str]) -> Iterator[sa.Engine]:
    found = engine_for(new_database())
    yield found
    found.dispose()


def write(engine: Any, *statements: Any) -> None:
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        for statement in statements:
            connection.execute(statement)


def row(number: int, text: str) -> sa.Insert:
    values = {
        "id": number,
        "uuid": str(number),
        "name": "N",
        "email": f"{number}@x",
        "active": True,
    }
    values |= {"company": "", "country": "", "currency": "", "notes": "", "search_text": text}
    return sa.insert(Client).values(**values, created_at=datetime.fromisoformat("2026-01-01 00Z"))


def found(engine: sa.Engine, *words: str) -> list[int]:
    with Session(engine) as current:
        query = trigrams.containing(current, Client.search_text, words)
        keys = list(current.scalars(query))
        assert len(keys) == len(set(keys))
        return sorted(keys)


def expected(engine: sa.Engine, *words: str) -> list[int]:
    like = (Client.search_text.contains(word, autoescape=True) for word in words)
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(Client.id).where(*like).order_by(Client.id)))


def check(engine: sa.Engine) -> None:
    for words in (*((word,) for word in WORDS), *product(WORDS, WORDS)):
        assert found(engine, *words) == expected(engine, *words), words


def test_what_is_found_follows_every_write(engine: sa.Engine) -> None:
    write(engine, *(row(number, text) for number, text in enumerate(TEXTS, 1)))
    check(engine)
    assert found(engine, "mul") == [1]
    assert found(engine, "12345", "berg") == [3]
    write(
        engine,
        sa.update(Client).where(Client.id == 1).values(search_text="now 12345 too"),
        sa.update(Client).where(Client.id == 2).values(id=7),
        sa.update(Client).where(Client.id == 4).values(name="unchanged text"),
        sa.delete(Client).where(Client.id == 3),
    )
    check(engine)
    assert (found(engine, "mul"), found(engine, "12345"), found(engine, "jing")) == ([], [1], [7])
    with engine.connect().execution_options(panel_write=True) as connection:
        connection.execute(row(9, "rolled back"))
        connection.rollback()
    assert found(engine, "rolled") == []


def test_triggers_do_not_change_the_id_of_an_inserted_row(panel: Panel) -> None:
    write(session().get_bind(), *(row(number, "words of a text") for number in range(40, 60)))
    users = []
    for number in range(3):
        with transaction():
            users.append(save(User(email=f"u{number}@x", name="U", password_hash="!")))
    query = trigrams.containing(session(), User.email, ("u1@",))
    assert list(session().scalars(query)) == [users[1].id]
    named = sa.select(User.email).where(User.id == users[2].id)
    assert session().scalar(named) == "u2@x"


def indexes(engine: sa.Engine) -> list[str]:
    """Return the names of the valid indexes."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        " AND name LIKE 'trigrams_%_insert'",
        "postgresql": "SELECT indexrelid::regclass::text FROM pg_index"
        " WHERE indisvalid AND indexrelid::regclass::text LIKE 'trigrams_%'",
    }
    with engine.connect() as connection:
        names = connection.scalars(sa.text(queries[BACKEND]))
        return sorted(name.removesuffix("_insert") for name in names)


ALL = ["trigrams_clients", "trigrams_services", "trigrams_users"]


@on_sqlite
def test_a_rebuilt_table_gets_its_triggers_again(engine: sa.Engine) -> None:
    write(
        engine,
        row(1, "before"),
        *(sa.text(f"DROP TRIGGER trigrams_clients_{event}") for event in trigrams.TRIGGERS),
        row(2, "between"),
    )
    assert found(engine, "between") == [2]
    migrate.upgrade(engine)
    assert indexes(engine) == ALL
    assert (found(engine, "before"), found(engine, "between")) == ([1], [2])


@on_sqlite
def test_without_fts5_rows_are_written_and_found(engine: sa.Engine) -> None:
    def forbid(action: int, name: str | None, *_: object) -> int:
        is_virtual = action == 29 or (name or "").startswith("trigrams_")  # SQLITE_CREATE_VTABLE
        return sqlite3.SQLITE_DENY if is_virtual and action != 16 else sqlite3.SQLITE_OK

    engine.dispose()
    sa.event.listen(engine, "connect", lambda raw, _: raw.set_authorizer(forbid))
    migrate.upgrade(engine)
    assert indexes(engine) == []
    write(engine, row(1, "written"))
    assert found(engine, "written") == [1]


@on_postgresql
def test_an_index_that_was_left_invalid_is_made_again(engine: sa.Engine) -> None:
    write(
        engine,
        sa.text(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'trigrams_services'::regclass"
        ),
        sa.text("DROP INDEX trigrams_users"),
    )
    assert indexes(engine) == ["trigrams_clients"]
    migrate.upgrade(engine)
    assert indexes(engine) == ALL


@on_postgresql
def test_search_works_if_the_role_may_not_create_the_indexes(engine: sa.Engine) -> None:
    write(
        engine,
        sa.text("DROP EXTENSION pg_trgm CASCADE"),
        sa.text("DROP ROLE IF EXISTS plain"),
        sa.text("CREATE ROLE plain LOGIN"),
        row(1, "found all the same"),
        sa.text("GRANT SELECT ON clients TO plain"),
    )
    plain = sa.create_engine(engine.url.set(username="plain"))
    trigrams.create_missing(plain)
    assert indexes(engine) == []
    assert found(plain, "same") == [1]
    plain.dispose()
    write(engine, sa.text("REVOKE ALL ON clients FROM plain"), sa.text("DROP ROLE plain"))
    migrate.upgrade(engine)
    assert indexes(engine) == ALL


@pytest.mark.skipif(BACKEND == "mariadb", reason="MariaDB has none")
def test_a_downgrade_leaves_nothing(engine: sa.Engine) -> None:
    write(engine, row(1, "words"))
    migrate.downgrade(engine, PANEL, "0014")
    assert BACKEND == "postgresql" or indexes(engine) == []
    migrate.upgrade(engine)
    assert indexes(engine) == ALL
    check(engine)
