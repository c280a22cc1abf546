"""Dates and numbers of modules in the viewer's locale."""

from __future__ import annotations

from datetime import date

from babel import Locale

from puqpanel.domain.texts import SOURCE, Language, using
from puqpanel.sdk import format_date, format_number


def test_dates_and_numbers_follow_the_viewer() -> None:
    day = date(2025, 11, 9)
    with using(SOURCE):
        assert (format_date(day), format_date(day, "MMMd")) == ("9 Nov 2025", "9 Nov")
        assert format_number(1234.5) == "1,234.5"
    with using(Language("de", Locale("de"))):
        assert (format_date(day), format_number(1234.5)) == ("9. Nov. 2025", "1.234,5")
