"""Which tests `puqpanel test` selects, and their environment."""

from __future__ import annotations

import pytest

from puqpanel.cli.test import SQLITE_ONLY, SUITES, _environment, _selection
from puqpanel.infra.settings import ROOT
from tests.conftest import database_independent


def test_every_selected_path_exists() -> None:
    for suite in SUITES.values():
        for argument in (*suite.usual, *suite.all):
            if "/" in argument:
                assert (ROOT / argument.removeprefix("--ignore=")).exists(), argument
    for name in SQLITE_ONLY:
        assert (ROOT / "tests" / name).exists(), name


@pytest.mark.parametrize("name", SUITES)
def test_a_path_replaces_the_selection_and_an_option_narrows_it(name: str) -> None:
    suite = SUITES[name]
    assert _selection(suite.usual, ()) == [*suite.usual]
    assert _selection(suite.usual, ("-k", "lost")) == [*suite.usual, "-k", "lost"]
    assert _selection(suite.all, ("tests/tasks", "-x")) == ("tests/tasks", "-x")
    assert _selection(suite.all, ("tests/test_app.py::test_a",)) == ("tests/test_app.py::test_a",)


def test_a_test_without_a_database_runs_on_sqlite_only(request: pytest.FixtureRequest) -> None:
    assert database_independent([request.node], "postgresql") == [request.node]
    assert database_independent([request.node], "sqlite") == []


@pytest.mark.usefixtures("new_database")
def test_a_test_with_a_database_runs_on_each(request: pytest.FixtureRequest) -> None:
    assert database_independent([request.node], "postgresql") == []


@pytest.mark.sqlite
@pytest.mark.usefixtures("new_database")
def test_a_test_of_pages_runs_on_sqlite_only(request: pytest.FixtureRequest) -> None:
    assert database_independent([request.node], "postgresql") == [request.node]
    assert database_independent([request.node], "sqlite") == []


@pytest.mark.mariadb
def test_a_test_of_one_database_runs_on_it(request: pytest.FixtureRequest) -> None:
    assert database_independent([request.node], "mariadb") == []
    assert database_independent([request.node], "postgresql") == [request.node]


def test_settings_of_a_panel_do_not_reach_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUQPANEL_PORT", "1")
    monkeypatch.setenv("PUQPANEL_TEST_REQUIRE", "redis")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    env = _environment("postgresql")
    assert env["PUQPANEL_TEST_DATABASE"] == "postgresql" and env["PUQPANEL_TEST_REQUIRE"] == "redis"
    assert not {"PUQPANEL_PORT", "PYTHONDONTWRITEBYTECODE"} & set(env)
