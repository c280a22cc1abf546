"""Translatable texts: rendered when shown, stored with their values."""

from __future__ import annotations

from datetime import date
from gettext import NullTranslations
from typing import ClassVar

import pytest
from babel import Locale

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.texts import Language, Text, _, _n, packed, unpacked, using, verbatim


class Polish(NullTranslations):
    texts: ClassVar = {
        "%(name)s is in use.": "%(name)s jest w użyciu.",
        "broken %(name)s": "zepsute %(nazwa)s",
        "percent": "100% pewne",
        "active": "aktywna",
    }

    def gettext(self, message: str) -> str:
        return self.texts.get(message, message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        if number == 1:
            return "%(num)s usługa"
        few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
        return "%(num)s usługi" if few else "%(num)s usług"


POLISH = Language("pl", Locale("pl"), Polish())


def test_a_text_is_translated_when_it_is_shown_not_when_it_is_created():
    text = _("%(name)s is in use.", name="Basic")
    assert str(text) == "Basic is in use."
    with using(POLISH):
        assert str(text) == "Basic jest w użyciu."
        assert str(ConflictError(text)) == "Basic jest w użyciu."
    assert str(text) == "Basic is in use."


def test_a_value_may_be_a_text_itself():
    text = _("%(name)s is in use.", name=_("active"))
    assert text.translated(POLISH) == "aktywna jest w użyciu."


@pytest.mark.parametrize(
    "number, english, polish",
    [
        (1, "1 service", "1 usługa"),
        (2, "2 services", "2 usługi"),
        (5, "5 services", "5 usług"),
        (22, "22 services", "22 usługi"),
        (12345, "12,345 services", "12\u202f345 usług"),
    ],
)
def test_plural_forms_and_the_format_of_the_number(number, english, polish):
    text = _n("%(num)s service", "%(num)s services", number)
    assert str(text) == english
    assert text.translated(POLISH).replace("\xa0", "\u202f") == polish.replace("\xa0", "\u202f")


def test_a_translation_with_other_placeholders_falls_back_to_english():
    assert Text("broken %(name)s", {"name": "x"}).translated(POLISH) == "broken x"


def test_a_percent_sign_alone_is_shown():
    assert Text("percent").translated(POLISH) == "100% pewne"
    assert str(Text("100%% of 5% of %d %5s")) == "100% of 5% of %d %5s"


def test_a_text_survives_storage_in_every_detail():
    for text in (
        _("%(name)s is in use.", name="Bäcker “A” %s"),
        _("%(name)s is in use.", name=_("active")),
        _n("%(num)s service", "%(num)s services", 5),
        _("active"),
        _("%(name)s is in use.", name=date(2027, 11, 30)),
    ):
        again = unpacked(packed(text))
        assert again.translated(POLISH) == text.translated(POLISH)
        assert str(again) == str(text)


@pytest.mark.parametrize(
    "stored", ["", "HTTP 500 {", '{"text": ', '{"text": 1, "values": 3}', "100 % full", '{"a": 1}']
)
def test_a_stored_answer_of_a_provider_is_shown_as_it_is(stored):
    assert str(unpacked(stored)) == stored
    assert unpacked(packed(verbatim(stored))) == verbatim(stored)
    assert unpacked(packed(stored)) == verbatim(stored)
    if not stored.startswith('{"text"'):
        assert packed(stored) == stored


HOSTILE = [
    '{"text": "100% full"}',
    '{"text": "%(x)s"}',
    '{"text": "%(text)s"}',
    '{"text": "%(a)1000000d", "values": {"a": 1}}',
    '{"text": "%(a)s", "values": {"a": 1e999}}',
    '{"text": "a", "number": 1e999, "plural": "b"}',
    '{"text": "a", "number": 1e300, "plural": "%(num)s"}',
    '{"text": "a", "values": {"a": {"text": 5}}}',
    '{"text": ' + "[" * 100_000,
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_an_answer_that_looks_like_a_stored_text_is_shown_as_it_is(answer):
    for text in (answer, verbatim(answer)):
        assert str(unpacked(packed(text))) == answer
        assert unpacked(packed(text)) == verbatim(answer)
    inside = _("%(name)s is in use.", name=verbatim(answer))
    assert str(unpacked(packed(inside))) == f"{answer} is in use."


@pytest.mark.parametrize("stored", HOSTILE)
def test_such_an_answer_in_a_row_stored_earlier_can_be_shown(stored):
    for viewer in (POLISH, Language("en", Locale("en"))):
        text = unpacked(stored)
        assert text
        assert 0 < len(text.translated(viewer)) <= len(stored) + 400


def test_errors_carry_a_code_and_the_text_with_its_values():
    error = ConflictError(_("%(name)s is in use.", name="Basic"))
    assert (error.error_code, error.text.source) == ("conflict", "%(name)s is in use.")
    assert error.text.values == {"name": "Basic"}
    invalid = InvalidInput({"name": [_("active")]})
    with using(POLISH):
        assert [str(message) for message in invalid.errors["name"]] == ["aktywna"]


def test_dates_are_shown_in_the_language_of_the_viewer():
    text = _("%(name)s is in use.", name=date(2027, 11, 30))
    assert str(text) == "30 Nov 2027 is in use."
    assert "30 lis 2027" in text.translated(POLISH)
