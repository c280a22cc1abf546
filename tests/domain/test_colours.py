"""Colours derived from a brand colour can be read in both themes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel.domain.colours import WHITE, accents, contrast, under_white


def test_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}"))
def test_every_accepted_colour_gives_readable_pages(colour: str) -> None:
    if under_white(colour):
        return
    tokens = accents(colour)
    for theme, canvas in (("light", "#f5f6f8"), ("dark", "#15181e")):
        accent = tokens[theme]
        assert contrast(accent["accent"], WHITE) >= 4.5
        assert contrast(accent["accent-hover"], WHITE) >= 4.5
        assert contrast(accent["accent-ink"], canvas) >= 4.5
        assert contrast(accent["accent-ink"], accent["accent-weak"]) >= 4.5
        assert contrast(accent["focus"], canvas) >= 3
