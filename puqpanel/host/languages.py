"""Translations of modules, from `lang/pl.py` with `LANG = {text: translation}`.

The file is read as data and never run.

A text is looked up in the viewer's language, `pl-PL`, then `pl`, then `en`; where none has it, it
stays as it is. A file that is no such file is left out whole, and `problems()` says why.
"""

import ast
import contextlib
import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST = 1024 * 1024
"""Bytes of one file."""
SOURCE = "en"
"""The language that texts are written in; what a person prefers less than it is not looked at."""
_FRESH = 1.0
_MOST = 100
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))?(?:[-_][A-Za-z0-9]{1,8})*")
_NAME = re.compile(r":([A-Za-z_]\w*)")

locale: ContextVar[tuple[str, ...]] = ContextVar("locale", default=())
"""The languages of whoever is served here, the best first; empty takes the panel's."""
_panels: tuple[str, ...] = (SOURCE,)


def use_panels(language: str) -> None:
    """Set the language of what nobody in particular is shown, such as a worker's messages."""
    global _panels
    _panels = chain([language])


@contextlib.contextmanager
def spoken(*languages: str) -> Iterator[None]:
    """Use these languages for what runs inside."""
    token = locale.set(chain(languages))
    try:
        yield
    finally:
        locale.reset(token)


def chain(languages: Iterable[str]) -> tuple[str, ...]:
    """Return where to look, in order: `["pl-PL"]` → pl-pl, pl, en.

    Words that are no languages are left out.
    """
    found: dict[str, None] = {}
    for language in languages:
        match = _TAG.fullmatch(str(language).strip())
        if match is None:
            continue
        if match[2]:
            found[f"{match[1]}-{match[2]}".lower()] = None
        found[match[1].lower()] = None
        if match[1].lower() == SOURCE:
            break
    found.setdefault(SOURCE, None)
    return tuple(found)


def translate(folder: Path | None, text: Any, replace: Mapping[str, Any] | None = None) -> str:
    """Return a text of a module in the language of whoever is served.

    Args: folder of the module, None where it is not known; text as it stands in the code; replace,
    name → value of each `:name`.
    """
    said = text if isinstance(text, str) else str(text)
    if folder is not None and said:
        shelf = _shelf(folder)
        for language in locale.get() or _panels:
            found = shelf.texts.get(language, {}).get(said)
            if found is not None:
                said = found
                break
    if not replace:
        return said
    values = {str(key): value for key, value in replace.items()}
    # in one pass, so that a value which itself holds a `:name` stays as it is
    return _NAME.sub(lambda match: _filled(match, values), said)


def _filled(match: re.Match[str], values: Mapping[str, Any]) -> str:
    # “:names” where only “name” is given, as “:counts” beside “count”: the longest name that is
    # known
    name = match[1]
    for end in range(len(name), 0, -1):
        if name[:end] in values:
            return f"{values[name[:end]]}{name[end:]}"
    return match[0]


def problems(folder: Path) -> list[str]:
    """Return the problems of a module's translations, one sentence each."""
    return list(_shelf(folder, look=True).problems)


@dataclass
class _Shelf:
    """The translations in one folder, as they were when they were read."""

    seen: tuple[tuple[str, int, int], ...] = ()
    checked: float = 0.0
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


_shelves: dict[Path, _Shelf] = {}


def _shelf(folder: Path, *, look: bool = False) -> _Shelf:
    shelf = _shelves.get(folder)
    now = time.monotonic()
    if shelf is not None and not look and now - shelf.checked < _FRESH:
        return shelf
    place = next(
        (folder / name for name in ("lang", "Lang") if (folder / name).is_dir()), folder / "lang"
    )
    seen = tuple(_files(place))
    if shelf is None or shelf.seen != seen:
        shelf = _read(folder, place, seen)
        _shelves[folder] = shelf
    shelf.checked = now
    return shelf


def _files(place: Path) -> Iterator[tuple[str, int, int]]:
    """Return name, moment of change and size of each file of translations."""
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            if entry.name.endswith(".py") and entry.name != "__init__.py" and entry.is_file():
                stat = entry.stat()
                yield entry.name, stat.st_mtime_ns, stat.st_size


def _read(folder: Path, place: Path, seen: tuple[tuple[str, int, int], ...]) -> _Shelf:
    shelf = _Shelf(seen)
    for name, _, size in seen[:_MOST]:
        shown = f"{place.name}/{name}"
        try:
            if not (place / name).resolve().is_relative_to(folder.resolve()):
                raise _Wrong("it is a link that leads out of the module", 1)
            if size > LARGEST:
                raise _Wrong(f"it is larger than {LARGEST // 1024 // 1024} MB", 1)
            if _TAG.fullmatch(name.removesuffix(".py")) is None:
                raise _Wrong("its name is no language, such as en or pl-PL", 1)
            texts, bad = _texts((place / name).read_bytes())
        except _Wrong as wrong:
            shelf.problems.append(
                f"{shown}, line {wrong.line}: {wrong}. None of its translations are used."
            )
            continue
        except OSError as error:
            shelf.problems.append(
                f"{shown} cannot be read: {error.strerror or 'the system refuses'}. None of its"
                " translations are used."
            )
            continue
        shelf.texts[name.removesuffix(".py").replace("_", "-").lower()] = texts
        shelf.problems += [
            f"{shown}, line {line}: {why}. The text is shown as it is." for line, why in bad
        ]
    if len(seen) > _MOST:
        shelf.problems.append(f"{place.name}/ has more than {_MOST} files; the rest is not read.")
    return shelf


class _Wrong(Exception):
    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


def _texts(source: bytes) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return the translations in a file, and what is wrong with single ones.

    Raises _Wrong where it is no file of translations.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        raise _Wrong(f"it is no Python ({error.msg[:100]})", error.lineno or 1) from error
    except (ValueError, RecursionError, MemoryError, UnicodeError) as error:
        raise _Wrong("it is no Python", 1) from error
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    value = None
    for node in body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        if (
            len(targets) != 1
            or not isinstance(targets[0], ast.Name)
            or targets[0].id != "LANG"
            or value is not None
        ):
            raise _Wrong(_RULE, node.lineno)
        value = node.value  # type: ignore[attr-defined]
    if not isinstance(value, ast.Dict):
        raise _Wrong(_RULE, getattr(value, "lineno", 1))
    texts: dict[str, str] = {}
    bad: list[tuple[int, str]] = []
    for key, said in zip(value.keys, value.values, strict=True):
        for part in (key, said):
            if not isinstance(part, ast.Constant):
                raise _Wrong(_RULE, getattr(part, "lineno", said.lineno))
        text, translation = (part.value for part in (key, said) if isinstance(part, ast.Constant))
        if isinstance(text, str) and isinstance(translation, str):
            texts[text] = translation
        else:
            bad.append((said.lineno, "a text and its translation must be text"))
    return texts, bad


_RULE = "a file of translations holds one LANG = {text: translation} and no code"
