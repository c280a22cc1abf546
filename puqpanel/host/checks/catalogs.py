"""Creates, updates and checks the gettext catalogs of a module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from puqpanel.host import languages
from puqpanel.host.checks import extraction
from puqpanel.host.checks.source import Source
from puqpanel.host.language_files import language_folder

WIDTH = 100
_PLACEHOLDER = re.compile(r":([A-Za-z_]\w*)")
_VOLATILE = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator')


def template(source: Source) -> Catalog:
    """Return the texts of a module without translations."""
    catalog = Catalog(header_comment="", project=source.name)
    for found in extraction.extract(source):
        known = catalog.get(found.text)
        plural = found.plural or (known.id[1] if known and known.pluralizable else "")
        catalog.add((found.text, plural) if plural else found.text, None, [(found.path, 0)])
    return catalog


def read(path: Path) -> Catalog:
    """Return a catalog from its file."""
    return read_po(BytesIO(path.read_bytes()), locale=path.stem.replace("-", "_"))


def files(folder: Path) -> list[Path]:
    """Return the catalogs of a module."""
    return sorted(language_folder(folder).glob("*.po"))


def update(source: Source, locale: Locale) -> tuple[Path, Catalog]:
    """Add new texts to a catalog and remove unused ones; create it if there is none.

    A translation in `lang/{language}.py` becomes that of a new text.
    """
    tag = str(locale).replace("_", "-")
    path = language_folder(source.folder) / f"{tag}.po"
    catalog = read(path) if path.is_file() else Catalog(locale, header_comment="")
    catalog.project = source.name
    catalog.update(template(source), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    earlier = languages.read(source.folder).texts.get(tag.lower(), {})
    for message in catalog:
        if isinstance(message.id, str) and message.id and not message.string:
            message.string = earlier.get(message.id, "")
    path.parent.mkdir(exist_ok=True)
    binary = BytesIO()
    write_po(binary, catalog, width=WIDTH, sort_output=True, include_lineno=False)
    lines = binary.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(_VOLATILE)), "utf-8")
    return path, catalog


def faults(source: Source, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the kind of each fault of a catalog, and the text that has it.

    The kinds are `missing`, `untranslated`, `placeholders` and `unused`.
    """
    texts = template(source)
    for message in texts:
        if not message.id:
            continue
        text = _key(message)
        translation = catalog.get(text)
        if translation is None or translation.pluralizable != message.pluralizable:
            yield "missing", text
        elif translation.fuzzy or not is_complete(translation, catalog.num_plurals):
            yield "untranslated", text
        elif has_other_placeholders(translation):
            yield "placeholders", text
    for message in catalog:
        if message.id and texts.get(_key(message)) is None:
            yield "unused", _key(message)


def is_complete(message: Message, plural_forms: int) -> bool:
    """Return whether a message has a translation in each plural form."""
    forms = message.string or ()
    return len(forms) >= (plural_forms if message.pluralizable else 1) and all(forms)


def has_other_placeholders(message: Message) -> bool:
    """Return whether a translation has other placeholders than the text.

    A plural form may leave out the number: “one server”.
    """
    texts = message.id if isinstance(message.id, list | tuple) else (message.id,)
    known = {name for text in texts for name in _PLACEHOLDER.findall(text)}
    required = known - ({"count"} if message.pluralizable else set())
    forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return any(not required <= set(_PLACEHOLDER.findall(form or "")) <= known for form in forms)


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, list | tuple) else message.id)
