"""Which tests `puqpanel test` selects."""

from __future__ import annotations

import pytest

from puqpanel.cli.test import DATABASE_INDEPENDENT, SUITES, _selection
from puqpanel.infra.settings import ROOT


def test_every_selected_path_exists() -> None:
    for suite in SUITES.values():
        for argument in (*suite.usual, *suite.all):
            if "/" in argument:
                assert (ROOT / argument.removeprefix("--ignore=")).exists(), argument
    for name in DATABASE_INDEPENDENT:
        assert (ROOT / "tests" / name).exists(), name


@pytest.mark.parametrize("name", SUITES)
def test_a_path_replaces_the_selection_and_an_option_narrows_it(name: str) -> None:
    suite = SUITES[name]
    assert _selection(suite.usual, ()) == [*suite.usual]
    assert _selection(suite.usual, ("-k", "lost")) == [*suite.usual, "-k", "lost"]
    assert _selection(suite.all, ("tests/tasks", "-x")) == ("tests/tasks", "-x")
    assert _selection(suite.all, ("tests/test_app.py::test_a",)) == ("tests/test_app.py::test_a",)
