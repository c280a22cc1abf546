"""The texts of the panel: each is translated, with the same placeholders."""

from __future__ import annotations

import ast
import functools

import pytest
from babel.messages import Catalog
from jinja2 import TemplateSyntaxError

from puqpanel.app import Panel
from puqpanel.cli.translations import extract, faults, shipped
from puqpanel.domain import texts
from puqpanel.infra import catalogs
from puqpanel.infra.catalogs import FOLDER
from tests.i18n.scanning import unwrapped_in_template


@functools.cache
def template() -> Catalog:
    """Return the panel's texts. Not read at import, which every test process does."""
    return extract(FOLDER.parent)


def test_there_are_texts_to_translate() -> None:
    assert len(template()) > 1000 and template().get("Dashboard")


@pytest.mark.parametrize("path", [path for path, _ in shipped()], ids=lambda path: path.parts[-3])
def test_every_text_has_a_translation_with_the_same_placeholders(path) -> None:
    catalog = next(catalog for other, catalog in shipped() if other == path)
    assert list(faults(catalog, template())) == []


def test_a_faulty_translation_is_found() -> None:
    (_, catalog), *_ = shipped()
    message = next(each for each in catalog if "%(name)s" in str(each.id) and not each.pluralizable)
    message.string = "bez nazwy %(other)s"
    catalog.delete("Dashboard")
    catalog.add("Not a text of the panel.", "x")
    found = "\n".join(faults(catalog, template()))
    assert str(message.id) in found
    assert "not translated: 'Dashboard'" in found
    assert "no longer used: 'Not a text of the panel.'" in found


def test_a_template_that_cannot_be_parsed_has_no_unused_texts(tmp_path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text('{{ _("A") }}{% endfor %}')
    with pytest.raises(TemplateSyntaxError):
        extract(tmp_path)


SOURCES = FOLDER.parent
EXEMPT_TEXTS = {"Ctrl K", "client", "CSRFTokenField", "HiddenField", "SubmitField"}


def test_the_templates_hold_no_text_outside_the_translation_functions() -> None:
    found = [
        (str(path.relative_to(SOURCES)), line, text)
        for path in sorted((SOURCES / "web" / "templates").rglob("*.html"))
        for line, text in unwrapped_in_template(
            path.read_text("utf-8"), ("_", "ngettext", "pgettext"), EXEMPT_TEXTS
        )
    ]
    assert found == []


def test_messages_are_translatable() -> None:
    found = [
        (str(path.relative_to(SOURCES)), call.lineno)
        for path in sorted((SOURCES / "web").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "flash"
        and _is_literal(call.args[0])
    ]
    assert found == []


def _is_literal(node: ast.AST) -> bool:
    """Return whether a string or f-string holds words of its own."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and any(sign.isalpha() for sign in part.value)
        for part in parts
    )


def test_a_constant_is_shown_to_each_viewer_in_their_language(app: Panel) -> None:
    template = app.jinja_env.from_string("{{ 1234.5|number }} {{ 2500|filesizeformat }}")
    with app.test_request_context():
        texts.set_viewer(catalogs.find("pl"))
        assert template.render() == "1\xa0234,5 2,5 kB"
        texts.set_viewer(texts.SOURCE)
        assert template.render() == "1,234.5 2.5 kB"
