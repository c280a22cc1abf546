"""Message catalogs: `translations/{language}/LC_MESSAGES/messages.po`, of the panel and of a firm.

The firm's own folder is `instance/translations`: a language there is added to the panel's, and
a message there overrides the panel's. Catalogs are compiled when they are first needed, and again
when their file changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from gettext import GNUTranslations
from itertools import pairwise
from pathlib import Path

import structlog
from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from puqpanel.domain.texts import SOURCE, Language
from puqpanel.infra.settings import ROOT

FOLDER = ROOT / "puqpanel" / "translations"
FILE = "LC_MESSAGES/messages.po"
CHECK_SECONDS = 1.0
"""How long catalogs are used before their files are checked for changes."""
MAX_TAG_LENGTH = 35
"""Maximum length of a language tag (RFC 5646)."""
log = structlog.get_logger(__name__)
_State = tuple[tuple[Path, int, int], ...]


@dataclass
class _Catalogs:
    folders: tuple[Path, ...] = (FOLDER,)
    cache: Path | None = None
    checked: float = -CHECK_SECONDS
    files: dict[str, _State] = field(default_factory=dict)
    loaded: dict[str, tuple[_State, Language | None]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


_catalogs = _Catalogs()


def use(instance: Path) -> None:
    """Set the instance directory, which holds the firm's catalogs and the compiled ones."""
    global _catalogs
    folders = (FOLDER, instance / "translations")
    if _catalogs.folders != folders:
        _catalogs = _Catalogs(folders, instance / "cache" / "translations")


def available() -> list[Language]:
    """Return the languages that can be chosen: English, and each usable catalog."""
    tags = sorted(set(_files()) - {SOURCE.tag})
    return [SOURCE, *(language for tag in tags if (language := _load(tag)) is not None)]


def problems() -> dict[str, str]:
    """Return why a catalog cannot be used, by language tag."""
    available()
    return dict(_catalogs.problems)


def find(tag: str) -> Language | None:
    """Return the language for a tag, with the formats of its region.

    `pl-PL` and `pl_PL` select the catalog `pl` and the formats of Poland.

    Returns:
        The language; None if the tag is invalid or has no catalog.
    """
    locale = _locale(tag)
    if locale is None:
        return None
    parts = [part for part in (locale.language, locale.script, locale.territory) if part]
    for name in ("-".join(parts), "-".join(parts[:2]), locale.language):
        if (language := _load(name)) is not None and name != SOURCE.tag:
            return replace(language, locale=locale)
    if locale.language != SOURCE.tag:
        return None
    return replace(SOURCE, locale=locale) if locale.territory else SOURCE


def _locale(tag: str) -> Locale | None:
    """Return the locale of a tag, of its language alone if the region is unknown."""
    if len(tag) > MAX_TAG_LENGTH:
        return None
    tag = tag.replace("_", "-")
    for name in (tag, tag.partition("-")[0]):
        with contextlib.suppress(ValueError, UnknownLocaleError):
            return Locale.parse(name, sep="-")
    return None


def choose(tags: Iterable[str]) -> Language | None:
    """Return the language for the first tag that has one; None without any."""
    return next((language for tag in tags if (language := find(tag)) is not None), None)


def _files() -> dict[str, _State]:
    """Return the files of each language with their time and size, the firm's file first."""
    now = time.monotonic()
    if now - _catalogs.checked >= CHECK_SECONDS:
        files: dict[str, _State] = {}
        for folder in reversed(_catalogs.folders):
            for tag, path in _in_folder(folder):
                with contextlib.suppress(OSError):
                    status = path.stat()
                    state = (path, status.st_mtime_ns, status.st_size)
                    files[tag] = (*files.get(tag, ()), state)
        _catalogs.files, _catalogs.checked = files, now
    return _catalogs.files


def _in_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            path = entry / FILE
            if path.is_file():
                yield entry.name.replace("_", "-"), path


def _load(tag: str) -> Language | None:
    state = _files().get(tag)
    if state is None:
        return None
    if tag not in _catalogs.loaded or _catalogs.loaded[tag][0] != state:
        _catalogs.problems.pop(tag, None)
        _catalogs.loaded[tag] = (state, _read(tag, [path for path, *_ in state]))
    return _catalogs.loaded[tag][1]


def _read(tag: str, paths: list[Path]) -> Language | None:
    """Return the language of catalogs; the messages of an earlier one override those of a later."""
    usable = [compiled for path in paths if (compiled := _compiled(tag, path)) is not None]
    for translations, fallback in pairwise(usable):
        translations.add_fallback(fallback)
    return Language(tag, Locale.parse(tag, sep="-"), usable[0]) if usable else None


def _compiled(tag: str, path: Path) -> GNUTranslations | None:
    """Return a catalog; None if it cannot be used, with the reason in `problems`."""
    try:
        Locale.parse(tag, sep="-")
        source = path.read_bytes()
        digest = hashlib.sha256(source).hexdigest()[:32]
        cached = _catalogs.cache / f"{tag}-{digest}.mo" if _catalogs.cache else None
        if cached is not None and cached.is_file():
            return GNUTranslations(io.BytesIO(cached.read_bytes()))
        binary = io.BytesIO()
        write_mo(
            binary, read_po(io.BytesIO(source), locale=tag.replace("-", "_"), abort_invalid=True)
        )
        translations = GNUTranslations(io.BytesIO(binary.getvalue()))
        for number in range(1000):  # a rule may fail for some numbers only
            translations.plural(number)  # type: ignore[attr-defined]
    except Exception as error:  # whatever is in a file that somebody edits
        _catalogs.problems[tag] = f"{path}: {error}"[:500]
        log.error("translation catalog cannot be used", language=tag, error=str(error)[:200])
        return None
    if cached is not None:
        _store(cached, binary.getvalue())
    return translations


def _store(path: Path, binary: bytes) -> None:
    with contextlib.suppress(OSError):  # without the cache, each process compiles it
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{time.monotonic_ns()}")
        partial.write_bytes(binary)
        partial.replace(path)
