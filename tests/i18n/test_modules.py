"""Every text of the bundled modules is translated, into Polish completely."""

from __future__ import annotations

from pathlib import Path

import pytest

from puqpanel.host import checks, languages
from puqpanel.host.checks import catalogs, extraction
from tests.i18n.scanning import unwrapped_in_python, unwrapped_in_template

MODULES = Path(__file__).parents[2] / "modules"
FOLDERS = sorted(path.parent for path in MODULES.glob("*/*/config.py"))
TRANSLATE = ("__", "n__", "noop__")
SAME = {
    "API",
    "BIC",
    "CPU",
    "CSV",
    "GB",
    "IBAN",
    "MB",
    "Nextcloud",
    "DigitalOcean",
    "SSH",
    "TLS",
    "New York",
    "San Francisco",
}
"""Texts that are the same in each language."""
INTERNAL = {"Invalid query", "puqpanel {}", "ssh {}@{}", "figures {} {} {}"}
"""Sentences in code that nobody reads on a page."""


def name(folder: Path) -> str:
    return folder.name


@pytest.fixture(params=FOLDERS, ids=name)
def source(request: pytest.FixtureRequest) -> checks.Source:
    return checks.read(request.param, request.param.parent.name, request.param.name)


def test_every_text_in_templates_is_wrapped(source: checks.Source) -> None:
    found = {
        path: texts
        for path, template in source.templates.items()
        if (texts := unwrapped_in_template(template, TRANSLATE, SAME))
    }
    assert found == {}


def test_every_sentence_in_code_is_wrapped(source: checks.Source) -> None:
    translated = {text for one in extraction.extract(source) for text in (one.text, one.plural)}
    found = {
        code.path: texts
        for code in source.own
        if (texts := unwrapped_in_python(code.text, translated | SAME, INTERNAL))
    }
    assert found == {}


def test_forms_are_those_that_translate_themselves(source: checks.Source) -> None:
    assert [code.path for code in source.own if "flask_wtf" in code.text] == []


def test_polish_is_complete(source: checks.Source) -> None:
    [path] = catalogs.files(source.folder)
    assert path.name == "pl.po"
    assert list(catalogs.faults(source, catalogs.read(path))) == []
    assert languages.read(source.folder).problems == []
