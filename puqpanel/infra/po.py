"""Reads gettext catalogs that somebody else wrote, and says what is wrong with one."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from puqpanel.domain.texts import Text, _

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

MAX_BYTES = 5_000_000
MAX_FORMS = 10
"""The largest number of plural forms; Arabic has six."""
TESTED_NUMBERS = range(1000)
"""The numbers for which a plural rule must select a form."""
_PLACEHOLDER = re.compile(r"%(?:%|\((\w+)\)[sd])")


class InvalidCatalog(Exception):
    """A catalog cannot be used.

    Args:
        reason: a whole sentence.
    """

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason


def read_bytes(path: Path) -> bytes:
    """Return the content of a catalog.

    Raises:
        InvalidCatalog: it is too large, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    except OSError as error:
        cause = error.strerror or str(error)
        raise InvalidCatalog(_("The file cannot be read: %(cause)s.", cause=cause)) from error
    if len(source) > MAX_BYTES:
        megabytes = MAX_BYTES // 1_000_000
        raise InvalidCatalog(_("The file is larger than %(size)s MB.", size=megabytes))
    return source


def has_plausible_forms(source: bytes) -> bool:
    """Whether a catalog declares no more plural forms than a language has.

    To be checked first: a reader holds that many places for each text.
    """
    declared = re.findall(rb"nplurals\s*=\s*([0-9]+)", source[:100_000])
    return all(1 <= int(number[:9]) <= MAX_FORMS for number in declared)


def parse(source: bytes, locale: str) -> Catalog:
    """Return a catalog whose plural rule works.

    Args:
        source: the content of the file.
        locale: whose plural rule applies if the file has none.

    Raises:
        InvalidCatalog: it is not a catalog, or its encoding or plural rule is invalid.
    """
    if not has_plausible_forms(source):
        raise InvalidCatalog(_("The number of plural forms is invalid."))
    # compiled catalogs need no parser
    from babel.messages.pofile import PoFileError, read_po

    try:
        catalog = read_po(BytesIO(source), locale=locale, abort_invalid=True)
    except (UnicodeError, LookupError) as error:
        raise InvalidCatalog(
            _("The encoding is not the one in the header, or not UTF-8 without a header.")
        ) from error
    except PoFileError as error:
        raise InvalidCatalog(
            _("Line %(line)s is not valid in a gettext catalog.", line=error.lineno + 1)
        ) from error
    if not any(message.id and message.string for message in catalog):
        raise InvalidCatalog(_("The file has no translations."))
    plural_rule(catalog.plural_expr, catalog.num_plurals)
    return catalog


def plural_rule(expression: str, forms: int) -> Callable[[int], int]:
    """Return the function that selects a plural form.

    Raises:
        InvalidCatalog: the rule is invalid, or selects a form that does not exist.
    """
    try:
        rule: Callable[[int], int] = gettext.c2py(expression)
        valid = all(0 <= rule(number) < forms for number in TESTED_NUMBERS)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidCatalog(_("The plural rule is invalid.")) from error
    if not valid:
        text = _("The plural rule selects a form beyond nplurals=%(forms)s.", forms=forms)
        raise InvalidCatalog(text)
    return rule


def drop_unusable(catalog: Catalog) -> list[str]:
    """Remove translations with other placeholders than their text, and return their texts."""
    faulty = [message for message in catalog if message.id and _differs(message)]
    for message in faulty:
        catalog.delete(message.id, message.context)
    return [f"“{next(_texts(message.id))[:60]}”" for message in faulty]


def _differs(message: Message) -> bool:
    """Whether a translation cannot be filled with the values of its text."""
    known = {name for text in _texts(message.id) for name in _PLACEHOLDER.findall(text)}
    known |= {"num"} if message.pluralizable else set()
    return any(
        "%" in _PLACEHOLDER.sub("", text) or set(_PLACEHOLDER.findall(text)) - known - {""}
        for text in _texts(message.string)
    )


def _texts(value: object) -> Iterator[str]:
    yield from map(str, value if isinstance(value, list | tuple) else [value or ""])
