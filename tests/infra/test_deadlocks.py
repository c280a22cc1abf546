"""A transaction that loses a deadlock is repeated, unless it is part of another one."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Setting
from tests.conftest import BACKEND

pytestmark = pytest.mark.skipif(BACKEND == "sqlite", reason="SQLite has one writer at a time")


class Crossing:
    """Two transactions that change two rows in opposite orders, at the same time."""

    def __init__(self) -> None:
        self.met = threading.Barrier(2)
        self.errors: list[BaseException] = []

    def run(self, panel: Panel, *, nested: bool) -> None:
        threads = [
            threading.Thread(target=self._one, args=(panel, names, nested))
            for names in (("a", "b"), ("b", "a"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, panel: Panel, names: tuple[str, str], nested: bool) -> None:
        first = True

        @retry_deadlocks
        @transaction()
        def change() -> None:
            nonlocal first
            for name in names:
                append = sa.update(Setting).where(Setting.name == name)
                session().execute(append.values(value=Setting.value + names[0]))
                if first:
                    first = False
                    self.met.wait()

        try:
            with panel.app_context():
                if nested:
                    with transaction():
                        change()
                else:
                    change()
        except sa.exc.OperationalError as error:
            self.errors.append(error)


@pytest.fixture(autouse=True)
def rows(panel: Panel) -> None:
    with transaction() as current:
        current.add_all(Setting(name=name, value="") for name in "ab")


def values() -> list[str]:
    found = session().scalars(sa.select(Setting.value).where(Setting.name.in_(("a", "b"))))
    return sorted("".join(sorted(value)) for value in found)


def test_the_victim_is_repeated(panel: Panel) -> None:
    crossing = Crossing()
    crossing.run(panel, nested=False)
    assert crossing.errors == [] and values() == ["ab", "ab"]


def test_a_part_of_a_transaction_is_not_repeated(panel: Panel) -> None:
    crossing = Crossing()
    crossing.run(panel, nested=True)
    assert len(crossing.errors) == 1 and values() in (["a", "a"], ["b", "b"])
