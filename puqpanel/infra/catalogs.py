"""Message catalogs: `translations/{language}/LC_MESSAGES/messages.po`, of the panel and of a firm.

The firm's own folder is `instance/translations`: a language there is added to the panel's, and
a message there overrides the panel's. Catalogs are compiled when they are first needed, and again
when their file changes.
"""

from __future__ import annotations

import contextlib
import functools
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
from babel.core import parse_locale

from puqpanel.domain.texts import SOURCE, Language, Text, _, _n, verbatim
from puqpanel.infra import po
from puqpanel.infra.po import InvalidCatalog
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
    problems: dict[Path, Text] = field(default_factory=dict)


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
    return [_source(), *(language for tag in tags if (language := _load(tag)) is not None)]


def problems() -> dict[Path, Text]:
    """Return why a catalog, or some of its messages, cannot be used, by file."""
    available()
    return dict(_catalogs.problems)


def _source() -> Language:
    """Return English, with the wording of a firm if it has a catalog for it."""
    own = _load(SOURCE.tag)
    return replace(SOURCE, translations=own.translations) if own is not None else SOURCE


def find(tag: str) -> Language | None:
    """Return the language for a tag, with the formats of its region.

    `pl-PL` and `pl_PL` select the catalog `pl` and the formats of Poland.

    Returns:
        The language; None if the tag is invalid or has no catalog.
    """
    locale = _locale(tag)
    if locale is None:
        return None
    parts = locale.language, locale.script or "", locale.territory or ""
    for names in (parts, (parts[0], "", parts[2]), parts[:2], parts[:1]):
        name = "-".join(part for part in names if part)
        if name != SOURCE.tag and (language := _load(name)) is not None:
            return replace(language, locale=locale)
    if locale.language != SOURCE.tag:
        return None
    return replace(_source(), locale=locale) if locale.territory else _source()


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
        present = {path for states in files.values() for path, *_ignored in states}
        for path in _catalogs.problems.keys() - present:
            del _catalogs.problems[path]
    return _catalogs.files


def _in_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    with contextlib.suppress(OSError):
        for entry in sorted(folder.iterdir()):
            path = entry / FILE
            if path.is_file():
                yield _tag(entry.name) or entry.name, path


def _tag(name: str) -> str:
    """Return a language tag in its usual form, zh-Hant or pt-BR; empty if it is not one."""
    with contextlib.suppress(ValueError, UnknownLocaleError):
        language, territory, script, *_ignored = parse_locale(name.replace("_", "-"), sep="-")
        Locale.parse(name.replace("_", "-"), sep="-")
        return "-".join(part for part in (language, script, territory) if part)
    return ""


def _load(tag: str) -> Language | None:
    state = _files().get(tag)
    if state is None:
        return None
    if tag not in _catalogs.loaded or _catalogs.loaded[tag][0] != state:
        _catalogs.loaded[tag] = (state, _read(tag, [path for path, *_ignored in state]))
    return _catalogs.loaded[tag][1]


def _read(tag: str, paths: list[Path]) -> Language | None:
    """Return the language of catalogs; the messages of an earlier one override those of a later."""
    usable = [compiled for path in paths if (compiled := _compiled(tag, path)) is not None]
    for translations, fallback in pairwise(usable):
        translations.add_fallback(fallback)
    return Language(tag, Locale.parse(tag, sep="-"), usable[0]) if usable else None


def _compiled(tag: str, path: Path) -> GNUTranslations | None:
    """Return a catalog; None if it cannot be used, with the reason in `problems`."""
    _catalogs.problems.pop(path, None)
    try:
        if not _tag(tag):
            raise InvalidCatalog(_("“%(tag)s” is not a language tag such as pt-BR.", tag=tag[:40]))
        source = po.read_bytes(path)
        digest = hashlib.sha256(source).hexdigest()[:32]
        cached = _catalogs.cache / f"{tag}-{digest}.mo" if _catalogs.cache else None
        if cached is not None and cached.is_file():
            return GNUTranslations(io.BytesIO(cached.read_bytes()))
        binary, unusable = _binary(tag, source)
        translations = GNUTranslations(io.BytesIO(binary))
    except Exception as error:  # whatever is in a file that somebody edits
        reason = error.reason if isinstance(error, InvalidCatalog) else verbatim(str(error)[:200])
        _catalogs.problems[path] = reason
        log.error("translation catalog cannot be used", file=str(path), error=str(error)[:200])
        return None
    if unusable:
        _catalogs.problems[path] = _n(
            "%(num)s translation is not used, because its placeholders differ: %(texts)s.",
            "%(num)s translations are not used, because their placeholders differ: %(texts)s.",
            len(unusable),
            texts=", ".join(unusable[:3]),
        )
    elif cached is not None:  # a catalog with problems is read again by each process
        _store(cached, binary)
    return translations


@functools.lru_cache(maxsize=8)
def _binary(tag: str, source: bytes) -> tuple[bytes, list[str]]:
    """Return a compiled catalog, and the messages that cannot be used."""
    from babel.messages.mofile import write_mo

    catalog = po.parse(source, tag.replace("-", "_"))
    unusable = po.drop_unusable(catalog)
    binary = io.BytesIO()
    write_mo(binary, catalog)
    return binary.getvalue(), unusable


def _store(path: Path, binary: bytes) -> None:
    with contextlib.suppress(OSError):  # without the cache, each process compiles it
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{time.monotonic_ns()}")
        partial.write_bytes(binary)
        partial.replace(path)
