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
        extra='\nmsgid "%(num)s row"\nmsgid_plural "%(num)s rows"\nmsgstr[0] "a"\nmsgstr[1] "b"\n',
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
    assert "xx" in catalogs.problems()


@pytest.mark.parametrize("tag", ["", "*", "xx", "../../etc", "a" * 9000, "en;q", "pl\0", "١٢"])
def test_a_language_that_does_not_exist_is_not_found(instance, tag):
    assert catalogs.find(tag) is None
    assert catalogs.choose([tag, "en"]) == SOURCE
