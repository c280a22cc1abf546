"""The table of settings and the validation of their values."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.domain import settings_table
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.settings import Definition, Kind, SettingError


@pytest.mark.parametrize("name", settings_table.names())
def test_every_setting_is_documented_and_has_a_valid_default(name: str) -> None:
    definition = settings_table.find(name)
    assert definition.label
    assert len(name) <= 100
    if definition.default:
        assert definition.check(definition.default) == definition.default
    assert bool(definition.unit) == (definition.kind is Kind.DURATION)
    assert definition.unit in ("", "minutes", "hours", "days")


def test_the_names_of_a_group_begin_with_its_key() -> None:
    for key, group in settings_table.GROUPS.items():
        assert group.key == key
        assert group.label
        assert all(definition.name.startswith(f"{key}.") for definition in group.settings)


def test_no_two_settings_share_a_variable() -> None:
    variables = [settings_table.find(name).variable for name in settings_table.names()]
    assert len([v for v in variables if v]) == len({v for v in variables if v})


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (Kind.TEXT, "  Lumen  ", "Lumen"),
        (Kind.LONG_TEXT, "a\r\nb", "a\nb"),
        (Kind.INTEGER, "7", 7),
        (Kind.DECIMAL, "2.50", Decimal("2.50")),
        (Kind.BOOLEAN, "Yes", True),
        (Kind.BOOLEAN, "off", False),
        (Kind.CHOICE, "a", "a"),
        (Kind.DURATION, "30", 30),
        (Kind.LOCALE, "pl_PL", "pl-PL"),
        (Kind.LOCALE, "de", "de"),
        (Kind.ZONE, "Europe/Warsaw", "Europe/Warsaw"),
        (Kind.CURRENCY, "pln", "PLN"),
        (Kind.COUNTRY, "pl", "PL"),
        (Kind.COLOUR, "#ABC", "#aabbcc"),
        (Kind.COLOUR, "", ""),
        (Kind.URL, "https://help.example.com/a", "https://help.example.com/a"),
        (Kind.EMAIL, "help@example.test", "help@example.test"),
    ],
)
def test_a_valid_text(kind: Kind, typed: str, value: object) -> None:
    definition = Definition("a.b", kind, "A", choices=(("a", "A"),))
    checked = definition.check(typed)
    assert (checked, type(checked)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (Kind.TEXT, "x" * 201),
        (Kind.TEXT, "a\nb"),
        (Kind.TEXT, "a\x00b"),
        (Kind.TEXT, "a\ud800b"),
        (Kind.TEXT, 7),
        (Kind.LONG_TEXT, "x" * 5001),
        (Kind.INTEGER, "0"),
        (Kind.INTEGER, "11"),
        (Kind.INTEGER, "7.0"),
        (Kind.INTEGER, "٧"),
        (Kind.INTEGER, ""),
        (Kind.INTEGER, True),
        (Kind.INTEGER, "9" * 5000),
        (Kind.INTEGER, [7]),
        (Kind.DECIMAL, "NaN"),
        (Kind.DECIMAL, "Infinity"),
        (Kind.DECIMAL, "1e9999999999999999999999"),
        (Kind.DECIMAL, "11"),
        (Kind.BOOLEAN, "maybe"),
        (Kind.BOOLEAN, 1),
        (Kind.CHOICE, "b"),
        (Kind.DURATION, "-1"),
        (Kind.LOCALE, "xx"),
        (Kind.LOCALE, "polish please"),
        (Kind.LOCALE, "en-ZZZZZ"),
        (Kind.LOCALE, ""),
        (Kind.LOCALE, "e" * 9000),
        (Kind.ZONE, "Europe/Warszawa"),
        (Kind.ZONE, "../etc/passwd"),
        (Kind.CURRENCY, "EURO"),
        (Kind.COUNTRY, "001"),
        (Kind.COUNTRY, "QX"),
        (Kind.COLOUR, "red"),
        (Kind.COLOUR, "#12345"),
        (Kind.COLOUR, "#fff;}*{display:none"),
        (Kind.URL, "javascript:alert(1)"),
        (Kind.URL, "https://"),
        (Kind.URL, "https://a:b@example.com"),
        (Kind.URL, "https://example.com:99999"),
        (Kind.URL, "https://exa mple.com"),
        (Kind.URL, "https://[::1"),
        (Kind.EMAIL, "support"),
        (Kind.IMAGE, "/etc/passwd"),
    ],
)
def test_an_invalid_text(kind: Kind, typed: object) -> None:
    definition = Definition("a.b", kind, "A", choices=(("a", "A"),), minimum=1, maximum=10)
    if kind in (Kind.TEXT, Kind.LONG_TEXT, Kind.URL, Kind.EMAIL, Kind.LOCALE):
        definition = Definition("a.b", kind, "A")
    with pytest.raises(SettingError):
        definition.check(typed)


def test_a_colour_too_bright_for_white_text_is_refused() -> None:
    with pytest.raises(SettingError, match=r"contrast of 1\.8:1"):
        settings_table.find("firm.colour").check("#ffb000")
    assert settings_table.find("firm.colour").check("#0a7d4f") == "#0a7d4f"


def test_an_unknown_name_suggests_a_similar_one() -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean firm\.name\?"):
        settings_table.find("firm.nmae")
    with pytest.raises(NotFoundError, match=r"Did you mean retention\.task_days\?"):
        settings_table.find("task_days")
