"""Rows are found by the beginnings of their words, rare or common, until they are deleted."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Client, User, word_index
from puqpanel.models.word_index import any_of, parts

SEED = 5


def test_a_word_is_indexed_from_each_of_its_parts() -> None:
    assert parts("shop.berg-1.example 192.0.2.7 -x") == [
        "shop.berg-1.example",
        "berg-1.example",
        "1.example",
        "example",
        "192.0.2.7",
        "0.2.7",
        "2.7",
        "7",
        "-x",
        "x",
    ]
    assert parts("a" * 50) == ["a" * 40]
    assert len(parts(" ".join(map(str, range(500))))) == word_index.MAX_PARTS


def names(text: str) -> list[str]:
    release()
    return list(session().scalars(sa.select(Client.name).where(Client.matches(text))))


def test_words_follow_changes_and_deletions(panel: Panel) -> None:
    with transaction() as current:
        client = Client(name="Jörg Müller", email="a@example.test")
        current.add(client)
    assert names("mull JORG") == ["Jörg Müller"] and not names("uller")
    assert names("a@example.test") and names("exam") and not names("")
    with transaction():
        client.name = "Anna Berg"
    assert not names("mull") and names("anna exam")
    with transaction() as current:
        current.delete(client)
    assert session().scalar(sa.select(sa.func.count()).select_from(Client.words)) == 0


@pytest.mark.parametrize("rare", [0, 3, 1000])
def test_it_finds_what_comparing_each_row_finds(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    monkeypatch.setattr(word_index, "RARE", rare)
    chance = random.Random(SEED)
    words = ("anna", "ann", "berg", "bert-berg", "x.berg", "%", "a_b", "\\")
    texts = [" ".join(chance.sample(words, 3)) for _ in range(40)]
    with transaction() as current:
        for number, text in enumerate(texts):
            current.add(Client(name=text, email=f"c{number}@example.test"))
            current.add(User(name="", email=f"u{number}@example.test", password_hash="!"))
    for typed in ("ann", "anna", "be", "berg ann", "x", "%", "a_", "\\", "_", "c1 berg", "zzz"):
        expected = [
            text
            for number, text in enumerate(texts)
            if all(
                any(part.startswith(word) for part in parts(f"{text} c{number}@example.test"))
                for word in typed.split()
            )
        ]
        assert sorted(names(typed)) == sorted(expected), f"{typed}, seed {SEED}"
    both = any_of(Client.id, Client.match("c1@"), Client.match("c2@"))
    assert len(session().scalars(sa.select(Client).where(both)).all()) == 2
    assert len(session().scalars(sa.select(User).where(User.matches("u7"))).all()) == 1
