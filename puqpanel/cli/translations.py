"""`puqpanel translations`: maintain the message catalogs of the panel."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import num_plurals, python_format
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from puqpanel.domain.errors import UserError
from puqpanel.infra.catalogs import FILE, FOLDER
from puqpanel.infra.program import as_typed

METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "_n": (1, 2),
    "ngettext": (1, 2),
    "_c": ((1, "c"), 2),
    "pgettext": ((1, "c"), 2),
}
CHECKERS = (num_plurals, python_format)


@click.group("translations")
def command() -> None:
    """Maintain the message catalogs of the panel."""


@command.command("new")
@click.argument("language")
def new(language: str) -> None:
    """Create an empty catalog for a LANGUAGE, such as de or pt-BR."""
    try:
        locale = Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        raise UserError(f"“{language}” is not a language tag such as de or pt-BR.") from None
    path = FOLDER / language / FILE
    if path.exists():
        raise UserError(f"{path} exists already.")
    catalog = Catalog(locale, header_comment="")
    catalog.update(extract(FOLDER.parent), no_fuzzy_matching=True)
    write(path, catalog)
    click.echo(as_typed(f"Created {path}. Translate it, then run: puqpanel translations check"))


@command.command("update")
def update() -> None:
    """Add new texts to the catalogs and remove the unused ones."""
    template = extract(FOLDER.parent)
    for path, catalog in shipped():
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        write(path, catalog)
        missing = sum(1 for message in catalog if message.id and not complete(message))
        click.echo(f"{path.parent.parent.name}: {len(catalog)} texts, {missing} to translate")


@command.command("check")
def check() -> int:
    """List texts that have no translation or a faulty one; exit with code 1 if there are any."""
    template = extract(FOLDER.parent)
    problems = [
        f"{path.parent.parent.name}: {problem}"
        for path, catalog in shipped()
        for problem in faults(catalog, template)
    ]
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(template)} texts, {len(problems)} problems.")
    return int(bool(problems))


def extract(folder: Path) -> Catalog:
    """Return the translatable texts of Python files and templates, without translations.

    Args:
        folder: the directory to search.
    """
    catalog = Catalog(header_comment="", project="puqpanel")
    for name, line, text, comments, context in extract_from_dir(
        folder, METHODS, OPTIONS, keywords=KEYWORDS
    ):
        del line  # would change the catalogs with every edit
        catalog.add(text, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def shipped() -> Iterator[tuple[Path, Catalog]]:
    """Yield the file and the content of each catalog of the panel."""
    for path in sorted(FOLDER.glob(f"*/{FILE}")):
        tag = path.parent.parent.name.replace("-", "_")
        yield path, read_po(BytesIO(path.read_bytes()), locale=tag, abort_invalid=True)


def faults(catalog: Catalog, template: Catalog) -> Iterator[str]:
    """Yield what is missing in a catalog, or wrong.

    Args:
        catalog: the catalog of a language.
        template: the texts in the code.
    """
    for message in template:
        if not message.id:
            continue
        translation = catalog.get(message.id, message.context)
        if translation is None or not complete(translation):
            yield f"not translated: {_shown(message)}"
            continue
        if translation.fuzzy:
            yield f"marked as fuzzy: {_shown(message)}"
        for checker in CHECKERS:
            try:
                checker(catalog, translation)
            except Exception as error:
                yield f"{error}: {_shown(message)}"
    for message in catalog:
        if message.id and template.get(message.id, message.context) is None:
            yield f"no longer used: {_shown(message)}"


def complete(message: Message) -> bool:
    """Return whether a message is translated in all plural forms."""
    forms = message.string if isinstance(message.string, list | tuple) else [message.string]
    return bool(forms) and all(forms)


def write(path: Path, catalog: Catalog) -> None:
    """Write a catalog without line numbers and dates, so that only texts change it."""
    binary = BytesIO()
    write_po(binary, catalog, width=100, sort_output=True, omit_header=False, include_lineno=False)
    lines = binary.getvalue().decode().splitlines(keepends=True)
    volatile = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line for line in lines if not line.startswith(volatile)), "utf-8")


def _shown(message: Message) -> str:
    return repr(message.id[0] if isinstance(message.id, list | tuple) else message.id)
