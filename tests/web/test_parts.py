"""Icons, badges, times and ticks: what they show is escaped and in the language of the viewer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from markupsafe import Markup, escape

from puqpanel.app import Panel
from puqpanel.domain import texts
from puqpanel.domain.money import Money, pin_exponents
from puqpanel.infra import catalogs
from puqpanel.web import parts

pytestmark = pytest.mark.sqlite

EVIL = '"><script>alert(1)</script>'
LONG = f"{EVIL.replace(' ', '')}.a-long-name.example.test"


@pytest.mark.parametrize(
    "part",
    [
        parts.icon(EVIL),
        parts.icon("gear", EVIL),
        parts.icon(f"fa-regular {EVIL}"),
        parts.badge("service", EVIL),
        parts.badge("service", "active", word=EVIL),
        parts.host_name(EVIL),
        parts.host_name(LONG),
        parts.tick(EVIL, "name"),
        parts.tick("value", EVIL),
    ],
)
def test_values_are_escaped(part: Markup) -> None:
    assert "<script>" not in part and '">"' not in part
    assert escape("<script>").lower() in part.lower()


def test_equal_texts_are_escaped_each_in_its_own_way() -> None:
    for name in (Markup("<b>"), "<b>", Markup("<b>")):
        assert escape(name) in parts.icon(name)
        assert escape(name) in parts.badge("service", "active", word=name)


def test_badges_are_in_the_language_of_the_viewer() -> None:
    polish = catalogs.find("pl")
    assert polish
    for language, word in ((texts.SOURCE, "Active"), (polish, "Aktywna"), (texts.SOURCE, "Active")):
        with texts.using(language):
            assert parts.badge("service", "active").endswith(f"</i>{word}</span>")


def test_a_badge_has_the_mark_of_its_status() -> None:
    assert "st-plain" in parts.badge("task", "running")
    assert "turn" in parts.badge("task", "running")
    assert "big" in parts.badge("task", "running", big=True)
    assert "st-plain" not in parts.badge("task", "running", big=True)
    assert "st-plain" not in parts.badge("service", "active")


def test_times_are_in_the_zone_of_each_viewer(app: Panel) -> None:
    at = datetime(2025, 7, 16, 22, 4, 31, 5, tzinfo=UTC)
    for zone, exact, day in (
        ("Europe/Warsaw", "17 Jul 2025, 00:04:31 CEST", "17 Jul 2025"),
        ("Asia/Tokyo", "17 Jul 2025, 07:04:31 JST", "17 Jul 2025"),
        ("UTC", "16 Jul 2025, 22:04:31 UTC", "16 Jul 2025"),
    ):
        with app.test_request_context(headers={"Cookie": f"zone={zone}"}):
            expected = f'<time datetime="{at.isoformat()}" title="{exact}">{day}</time>'
            assert parts.when(at, "day") == expected
    with app.test_request_context():
        assert parts.when(None) == '<span class="mut">—</span>'


def test_amounts_follow_a_changed_number_of_decimals() -> None:
    try:
        pin_exponents({"HUF": 2})
        assert Money(123456, "HUF").format("en") == "HUF\u00a01,234.56"
        pin_exponents({"HUF": 0})
        assert Money(123456, "HUF").format("en") == "HUF\u00a0123,456"
    finally:
        pin_exponents({})
