"""gettext catalogs of modules: plural forms, broken files, and the check of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from click.testing import CliRunner

from puqpanel.cli import cli
from puqpanel.domain import texts
from puqpanel.domain.errors import UserError
from puqpanel.host import checks, languages
from puqpanel.host.checks import catalogs
from puqpanel.host.languages import read, translate, translate_plural, using
from puqpanel.sdk import format_number
from tests.sample import write_module

HEADER = """msgid ""
msgstr ""
"Language: pl\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 :"
" 2);\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
SERVERS = """msgid "one :count server of :name"
msgid_plural ":count servers of :name"
msgstr[0] "jeden serwer klienta :name"
msgstr[1] ":count serwery klienta :name"
msgstr[2] ":count serwerów klienta :name"

msgid "Name"
msgstr "Nazwa"

#, fuzzy
msgid "Guess"
msgstr "Zgadywanka"
"""


def write(folder: Path, text: str, name: str = "pl.po") -> Path:
    (folder / "lang").mkdir(parents=True, exist_ok=True)
    (folder / "lang" / name).write_text(text, "utf-8")
    return folder


def servers(folder: Path, number: int) -> str:
    return translate_plural(
        folder, "one :count server of :name", ":count servers of :name", number, {"name": "Ada"}
    )


def test_plural_forms(tmp_path: Path) -> None:
    write(tmp_path, HEADER + SERVERS)
    with using("pl-PL"), texts.using(texts.Language("pl", Locale("pl"))):
        assert [servers(tmp_path, number) for number in (1, 3, 12, 22)] == [
            "jeden serwer klienta Ada",
            "3 serwery klienta Ada",
            "12 serwerów klienta Ada",
            "22 serwery klienta Ada",
        ]
        assert servers(tmp_path, 12345) == "12\xa0345 serwerów klienta Ada"
        assert translate(tmp_path, "Name") == "Nazwa"
        assert translate(tmp_path, "Guess") == "Guess"
        assert format_number(1234.5) == "1\xa0234,5"
    with using("en"), texts.using(texts.SOURCE):
        assert format_number(1234.5) == "1,234.5"
        assert servers(tmp_path, 1) == "one 1 server of Ada"
        assert servers(tmp_path, 12345) == "12,345 servers of Ada"
        assert servers(tmp_path / "nowhere", 2) == "2 servers of Ada"


def test_a_catalog_overrides_the_dictionary(tmp_path: Path) -> None:
    write(tmp_path, 'LANG = {"Name": "Imię", "Old": "Stare"}', "pl.py")
    write(tmp_path, HEADER + SERVERS)
    with using("pl"):
        assert [translate(tmp_path, text) for text in ("Name", "Old")] == ["Nazwa", "Stare"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('msgid "a"\nmsgstr[x "b"', "it is not a gettext catalog"),
        ("\x00\x01", "it is not a gettext catalog"),
        (HEADER.replace("plural=(n==1", "plural=(import os; n==1") + SERVERS, "plural rule"),
        (HEADER.replace("nplurals=3", "nplurals=2") + SERVERS, "it is not a gettext catalog"),
        (HEADER.replace("nplurals=3", "nplurals=2"), "beyond nplurals=2"),
        (HEADER.replace("n%10>=2", "n%0>=2") + SERVERS, "plural rule"),
        (HEADER.replace("utf-8", "utf-99") + SERVERS, "it is not a gettext catalog"),
        (HEADER + SERVERS + " " * 1024 * 1024, "it is larger than 1 MB"),
    ],
)
def test_a_broken_catalog(tmp_path: Path, source: str, reason: str) -> None:
    write(tmp_path, source)
    [problem] = read(tmp_path).problems
    assert reason in problem
    assert problem.startswith("lang/pl.po, line ")
    with using("pl"):
        assert servers(tmp_path, 2) == "2 servers of Ada"


MODULE = """
from puqpanel.sdk import Plugin, n__, noop__, forms

STATES = {"up": noop__("Up")}


class F(forms.Form):
    name = forms.StringField("Name", [forms.validators.Regexp("a", message="Only a.")],
                             description="A name.")
    size = forms.SelectField("Size", choices={"s": "Small"}, render_kw={"placeholder": "Pick"})


class Shop(Plugin):
    def admin_permissions(self):
        return [{"name": "See it", "key": "see", "description": "See the shop"}]

    def admin_sidebar(self):
        return [{"title": "Shelf", "link": "index", "active_links": [], "permission": "see"}]

    def scheduler(self):
        return [{"name": "Tidy up", "method": "tidy", "cron": "1 1 * * *"}]

    def tidy(self):
        return {"status": "success", "message": n__(":count box", ":count boxes", 3)}
"""
FOUND = {
    "A name.", "Hello :name", "Name", "Only a.", "Pick", "See it", "See the shop", "Shelf", "Shop",
    "Size", "Small", "Tidy up", "Up", ":count box", ":count page", "Words",
}  # fmt: skip


def shop(folder: Path, **files: str) -> Path:
    return write_module(
        folder / "modules",
        MODULE,
        type="Plugin",
        name="Shop",
        files={
            "config.py": "CONFIG = {'name': 'Shop', 'description': 'Words', 'version': '1.0.0'}",
            "views/a.html": (
                '{{ __("Hello :name", {"name": x}) }} {{ n__(":count page", ":count pages", n) }}'
            ),
            **files,
        },
    )


def test_texts_are_found_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shop(tmp_path)
    source = checks.read(folder, "Plugin", "Shop")
    template = catalogs.template(source)
    ids = {m.id[0] if isinstance(m.id, tuple) else m.id for m in template if m.id}
    assert ids - {"write_module"} >= FOUND - {"Words"}
    monkeypatch.setenv("PUQPANEL_MODULES_DIR", str(tmp_path / "modules"))
    run = CliRunner()

    def command(*options: str) -> Any:
        return run.invoke(cli, ["module", "texts", "Shop", *options], standalone_mode=False)

    with pytest.raises(UserError, match="Create one with --language"):
        raise command().exception
    with pytest.raises(UserError, match="not a language tag"):
        raise command("--language", "nonsense-x-").exception
    assert command("--language", "pl").return_value == 0
    assert command("--check").return_value == 1
    path = folder / "lang" / "pl.po"
    catalog = catalogs.read(path)
    for message in catalog:
        if message.id:
            message.string = (":count", ":count", ":count") if message.pluralizable else message.id
    write_catalog(path, catalog)
    assert command("--check").return_value == 0, command("--check").output
    catalog["Hello :name"].string = "Cześć :nazwa"
    catalog.add("Gone", "Nie ma")
    write_catalog(path, catalog)
    shown = command("--check").output
    assert "has other placeholders: Hello :name" in shown
    assert "no longer used: Gone" in shown
    found = {rule for rule, _ in checks.static(checks.read(folder, "Plugin", "Shop"))}
    assert {"other-placeholders", "unused-translation"} <= found
    command()
    assert "Gone" not in path.read_text("utf-8")
    assert languages.read(folder).problems == []


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("views/a.html", '{{ __("Hello") }}\n{% endfor %}', "views/a.html:2: .*endfor"),
        ("views/b.html", "\udcff", "views/b.html:1: .*UTF-8"),
        ("Shop.py", "class Shop(Plugin):\n    def f(self:\n", "Shop.py:2: .*never closed"),
        ("controllers/C.py", "\n\n1 +\n", "controllers/C.py:3: invalid syntax"),
        ("big.py", "#" * (checks.source.LARGEST + 1), "big.py:1: .*larger than 512 KB"),
    ],
)
def test_no_text_counts_as_unused_while_a_file_cannot_be_parsed(
    file: str, text: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop(tmp_path)
    monkeypatch.setenv("PUQPANEL_MODULES_DIR", str(tmp_path / "modules"))
    path, _ = catalogs.update(checks.read(folder, "Plugin", "Shop"), Locale("pl"))
    before = path.read_text("utf-8")
    broken = folder / file
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(text.encode("utf-8", "surrogateescape"))
    for options in ([], ["--language", "de"], ["--check"]):
        done = CliRunner().invoke(cli, ["module", "texts", "Shop", *options], standalone_mode=False)
        assert isinstance(done.exception, UserError), done.output
        assert re.match(place, str(done.exception)), done.exception
    assert path.read_text("utf-8") == before
    assert not (folder / "lang" / "de.po").exists()
    found = {rule for rule, _ in checks.static(checks.read(folder, "Plugin", "Shop"))}
    assert not {"missing-translation", "unused-translation"} & found


def test_files_without_texts_need_not_be_parsed(tmp_path: Path) -> None:
    folder = shop(tmp_path, **{"tests/test_a.py": "1 +", "views/assets/a.html": "{% endfor %}"})
    template = catalogs.template(checks.read(folder, "Plugin", "Shop"))
    assert template.get("Hello :name")


def test_files_in_other_encodings_are_read(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    (folder / "bom.py").write_bytes(b"\xef\xbb\xbffrom puqpanel.sdk import __\n__('Bom')\n")
    latin = "# coding: latin-1\nfrom puqpanel.sdk import __\n__('Größe')\n"
    (folder / "latin.py").write_bytes(latin.encode("latin-1"))
    template = catalogs.template(checks.read(folder, "Plugin", "Shop"))
    assert template.get("Bom")
    assert template.get("Größe")


def write_catalog(path: Path, catalog: Any) -> None:
    from babel.messages.pofile import write_po

    with path.open("wb") as file:
        write_po(file, catalog)
