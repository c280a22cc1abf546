"""Message catalogs: found, compiled, added by a firm, and refused without harm."""

from __future__ import annotations

import os

import pytest

from puqpanel.domain.texts import SOURCE, _, _n
from puqpanel.infra import catalogs

HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: {tag}\\n"
"Plural-Forms: nplurals={plurals};\\n"

msgid "Save"
msgstr "{save}"
"""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogs, "FOLDER", tmp_path / "panel")
    monkeypatch.setattr(catalogs, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(catalogs, "_catalogs", catalogs._Catalogs())
    catalogs.use(tmp_path)
    return tmp_path


def write(folder, tag, save="Zapisz", plurals="2; plural=n != 1", extra=""):
    path = folder / tag / catalogs.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER.format(tag=tag, save=save, plurals=plurals) + extra, "utf-8")
    return path


def save_in(tag):
    language = catalogs.find(tag)
    return language and _("Save").translated(language)


def test_english_needs_no_catalog(instance):
    assert catalogs.available() == [SOURCE]
    assert catalogs.find("en-US").locale.territory == "US"
    assert str(catalogs.find("en").locale) == "en_150"
    assert catalogs.find("pl") is None


def test_a_catalog_of_the_firm_adds_a_language_and_overrides_the_panel(instance):
    write(instance / "panel", "pl", extra='\nmsgid "Cancel"\nmsgstr "Anuluj"\n')
    write(instance / "translations", "pl", save="Zachowaj")
    write(instance / "translations", "de", save="Speichern")
    assert [language.tag for language in catalogs.available()] == ["en", "de", "pl"]
    assert (save_in("pl"), save_in("de-AT")) == ("Zachowaj", "Speichern")
    assert _("Cancel").translated(catalogs.find("pl")) == "Anuluj"
    assert catalogs.find("pl-PL").locale.territory == "PL"


def test_an_edited_catalog_is_used_without_a_restart(instance):
    path = write(instance / "translations", "pl")
    assert save_in("pl") == "Zapisz"
    write(instance / "translations", "pl", save="Zachowaj")
    os.utime(path, (1, 1))
    assert save_in("pl") == "Zachowaj"
    assert len(list((instance / "cache" / "translations").iterdir())) == 2, "one for each content"


def test_a_region_has_its_own_catalog_or_that_of_its_language(instance):
    write(instance / "translations", "pt", save="Guardar")
    write(instance / "translations", "pt_BR", save="Salvar")
    assert (save_in("pt-BR"), save_in("pt"), save_in("pt-PT")) == ("Salvar", "Guardar", "Guardar")
    assert {language.tag for language in catalogs.available()} == {"en", "pt", "pt-BR"}


@pytest.mark.parametrize(
    "plurals",
    [
        "2; plural=n / 0",
        "2; plural=__import__('os')",
        "x",
        "2; plural=" + "(" * 200,
        "2; plural=n[",
    ],
)
def test_a_broken_plural_rule_never_breaks_a_page(instance, plurals):
    write(
        instance / "translations",
        "pl",
        plurals=plurals,
        extra=FORMS,
    )
    language = catalogs.find("pl") or SOURCE
    assert _n("%(num)s row", "%(num)s rows", 3).translated(language)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b'msgid "a\n', b'msgid "a"\nmsgstr 3', b"\0" * 99]
)
def test_a_file_that_is_no_catalog_is_reported_and_the_rest_works(instance, content):
    write(instance / "translations", "pl").write_bytes(content)
    write(instance / "translations", "xx")
    write(instance / "translations", "de", save="Speichern")
    assert save_in("de") == "Speichern"
    assert (
        "pl" not in [language.tag for language in catalogs.available()] or save_in("pl") == "Save"
    )
    assert [path.parts[-3] for path in catalogs.problems()] == ["pl", "xx"]


@pytest.mark.parametrize("tag", ["", "*", "xx", "../../etc", "a" * 9000, "en;q", "pl\0", "١٢"])
def test_a_language_that_does_not_exist_is_not_found(instance, tag):
    assert catalogs.find(tag) is None
    assert catalogs.choose([tag, "en"]) == SOURCE


FORMS = '\nmsgid "%(num)s row"\nmsgid_plural "%(num)s rows"\nmsgstr[0] "a"\nmsgstr[1] "b"\n'


def reason(path):
    return str(catalogs.problems().get(path, ""))


@pytest.mark.parametrize(
    "content, expected",
    [
        (HEADER.format(tag="pl", save="x", plurals="2; plural=n[").encode(), "plural rule is inv"),
        (
            HEADER.format(tag="pl", save="x", plurals="2; plural=n % 3").encode(),
            "beyond nplurals=2",
        ),
        (
            HEADER.format(tag="pl", save="x", plurals="99999999; plural=0").encode(),
            "number of plur",
        ),
        (HEADER.format(tag="pl", save="ż", plurals="2").encode("iso8859-2"), "encoding"),
        (
            HEADER.format(tag="pl", save="x", plurals="2").replace("utf-8", "tlh").encode(),
            "encoding",
        ),
        (b"MZ\x90\x00" * 99, "encoding"),
        (b"\0" * 99, "Line 1"),
        (b'msgid "a"\nmsgstr 3', "no translations"),
        (b"", "no translations"),
        (b"#" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_an_unusable_catalog_is_refused_with_a_reason(instance, content, expected):
    path = write(instance / "translations", "pl")
    path.write_bytes(content)
    assert catalogs.find("pl") is None
    assert expected in reason(path)
    write(instance / "translations", "pl")
    assert (save_in("pl"), reason(path)) == ("Zapisz", ""), "until it is repaired"
    path.write_bytes(b"")
    assert reason(path)
    path.unlink()
    assert catalogs.problems() == {}


def test_translations_with_other_placeholders_are_reported_and_shown_in_english(instance):
    extra = """
msgid "%(name)s is in use."
msgstr "%(nazwa)s jest w użyciu."

msgid "Full"
msgstr "100 %"
"""
    path = write(instance / "translations", "pl", extra=extra + FORMS)
    language = catalogs.find("pl")
    assert _("%(name)s is in use.", name="X").translated(language) == "X is in use."
    assert (_("Full").translated(language), save_in("pl")) == ("Full", "Zapisz")
    assert "2 translations are not used" in reason(path) and "“Full”" in reason(path)
    assert _n("%(num)s row", "%(num)s rows", 3).translated(language) == "b"


def test_a_catalog_without_a_header_has_the_plural_rule_of_its_language(instance):
    path = write(instance / "translations", "ar")
    forms = "".join(f'msgstr[{number}] "{number}"\n' for number in range(6))
    start = 'msgid "%(num)s row"\nmsgid_plural "%(num)s rows"\n'
    path.write_text('msgid "Save"\nmsgstr "حفظ"\n\n' + start + forms, "utf-8")
    shown = [
        _n("%(num)s row", "%(num)s rows", number).translated(catalogs.find("ar-EG"))
        for number in (0, 1, 2, 5, 11, 100)
    ]
    assert shown == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "folder, tags, others",
    [
        ("zh_Hant", ["zh-Hant", "zh-TW", "zh-Hant-HK"], ["zh", "zh-CN"]),
        ("zh-TW", ["zh-TW", "zh-Hant-TW"], ["zh", "zh-CN"]),
        ("pt-br", ["pt-BR", "pt_br"], ["pt", "pt-PT"]),
        ("sr_latn", ["sr-Latn", "sr-Latn-RS"], ["sr", "sr-RS"]),
    ],
)
def test_a_language_with_a_script_or_a_region(instance, folder, tags, others):
    write(instance / "translations", folder, save="x")
    assert [save_in(tag) for tag in tags] == ["x"] * len(tags)
    assert [save_in(tag) for tag in others] == [None] * len(others)
    assert catalogs.available()[1].tag in tags


def test_a_firm_can_have_its_own_english_wording(instance):
    write(instance / "translations", "en", save="Keep")
    assert (save_in("en"), save_in("en-GB")) == ("Keep", "Keep")
    assert [language.tag for language in catalogs.available()] == ["en"]
