"""Reads the language files of a module, as data.

`lang/{language}.po` is a gettext catalog, with plural forms. `lang/{language}.py` defines `LANG =
{text: translation}`: it is parsed and never run, is rejected as a whole if it holds anything else,
and a single entry that is not text is skipped. The catalog overrides the dictionary.
"""

import ast
import os
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from puqpanel.host import po_files
from puqpanel.host.po_files import Catalog, InvalidCatalog

MAX_BYTES = 1024 * 1024
MAX_FILES = 100
TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))?(?:[-_][A-Za-z0-9]{1,8})*")
"""A language tag such as `en`, `pl-PL` or `zh_Hant_TW`."""
_CONTENT = "a language file must define LANG = {text: translation} and nothing else"


@dataclass
class Translations:
    """A module's translations.

    Attributes:
        texts: text to translation, by language in lower case: `{"pl-pl": {"Shop": "Sklep"}}`.
        catalogs: the gettext catalogs, by language in lower case.
        problems: one sentence for each file and entry that cannot be used.
    """

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    catalogs: dict[str, Catalog] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def language_folder(folder: Path) -> Path:
    """Return a module's `lang/`, or `Lang/` if only that exists.

    Args:
        folder: the module's.
    """
    names = ("lang", "Lang")
    return folder / next((name for name in names if os.path.isdir(f"{folder}/{name}")), names[0])


def read(folder: Path, names: list[str]) -> Translations:
    """Read language files.

    Args:
        folder: the module's.
        names: of the files in `lang/`.
    """
    translations = Translations()
    for name in sorted(names[:MAX_FILES], key=lambda name: name.endswith(".po")):
        path = language_folder(folder) / name
        label = f"{path.parent.name}/{name}"
        tag = path.stem.replace("_", "-").lower()
        skipped_lines: list[int] = []
        try:
            source = _read(folder, path)
            if path.suffix == ".po":
                catalog = po_files.parse(source)
                translations.catalogs[tag], texts = catalog, catalog.texts
            else:
                texts, skipped_lines = _parse(source)
        except InvalidCatalog as error:
            translations.problems.append(
                f"{label}, line {error.line}: {error}. None of its translations are used."
            )
            continue
        translations.texts.setdefault(tag, {}).update(texts)
        translations.problems += [
            f"{label}, line {line}: a text and its translation must be text. The entry is skipped."
            for line in skipped_lines
        ]
    if len(names) > MAX_FILES:
        translations.problems.append(
            f"lang/ has more than {MAX_FILES} files; the rest are ignored."
        )
    return translations


def _read(folder: Path, path: Path) -> bytes:
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InvalidCatalog("it is a symbolic link that points outside the module")
        if path.stat().st_size > MAX_BYTES:
            raise InvalidCatalog("it is larger than 1 MB")
        if TAG.fullmatch(path.stem) is None:
            raise InvalidCatalog("its name is not a language tag such as en or pl-PL")
        return path.read_bytes()
    except OSError as error:
        raise InvalidCatalog(f"it cannot be read ({error.strerror})") from error


def _parse(source: bytes) -> tuple[dict[str, str], list[int]]:
    """Return the translations in a file, and the lines of entries that are not text."""
    texts: dict[str, str] = {}
    skipped_lines: list[int] = []
    entries = _dictionary(source)
    for key, value in zip(entries.keys, entries.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(value, ast.Constant):
            raise InvalidCatalog(_CONTENT, value.lineno)
        if isinstance(key.value, str) and isinstance(value.value, str):
            texts[key.value] = value.value
        else:
            skipped_lines.append(value.lineno)
    return texts, skipped_lines


def _dictionary(source: bytes) -> ast.Dict:
    """Return the dictionary that is assigned to LANG, the only statement of a language file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        raise InvalidCatalog(f"it is not Python ({error.msg[:100]})", error.lineno or 1) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidCatalog("it is not Python") from error
    statements = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    for statement in statements:
        if not _assigns_lang(statement):
            raise InvalidCatalog(_CONTENT, statement.lineno)
    if len(statements) != 1:
        raise InvalidCatalog(_CONTENT, statements[1].lineno if statements else 1)
    value = statements[0].value  # type: ignore[attr-defined]
    if not isinstance(value, ast.Dict):
        raise InvalidCatalog(_CONTENT, statements[0].lineno)
    return value


def _assigns_lang(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return False
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == "LANG"
