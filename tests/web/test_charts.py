"""The geometry of charts."""

from __future__ import annotations

import pytest

from puqpanel.web import charts

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([], ""),
        ([50], "M0.0,100.0 L1000.0,100.0"),
        ([50, 50], "M0.0,100.0 L1000.0,100.0"),
        ([0, 100], "M0.0,200.0 L1000.0,0.0"),
    ],
)
def test_one_value_is_drawn_like_a_constant(values: list[float], path: str) -> None:
    assert charts.path(charts.line(values, 100)) == path
