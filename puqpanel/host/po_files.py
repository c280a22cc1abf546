"""Reads `lang/{language}.po` of a module: a gettext catalog, as data."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO

from puqpanel.infra import po

TESTED_NUMBERS = range(200)
"""The numbers for which a plural rule must select a form."""


@dataclass
class Catalog:
    """The translations of a language.

    Attributes:
        texts: the translation of each text without a number.
        plurals: the plural forms of each text with a number, by its singular.
        form: returns the index of the plural form for a number.
    """

    texts: dict[str, str] = field(default_factory=dict)
    plurals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = lambda number: int(number != 1)


class InvalidCatalog(Exception):
    """A language file cannot be used.

    Args:
        reason: the rest of the sentence after the file's name.
        line: where; counted from 1.
    """

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


def parse(source: bytes) -> Catalog:
    """Return the complete translations of a catalog.

    Raises:
        InvalidCatalog: the file or its plural rule is invalid.
    """
    if not po.has_plausible_forms(source):
        raise InvalidCatalog("its number of plural forms is invalid")
    from babel.messages.pofile import PoFileError, read_po

    try:
        messages = read_po(BytesIO(source), abort_invalid=True)
    except PoFileError as error:
        raise InvalidCatalog("it is not a gettext catalog", error.lineno + 1) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InvalidCatalog("it is not a gettext catalog") from error
    catalog = Catalog(form=_plural_rule(messages.plural_expr, messages.num_plurals))
    for message in messages:
        if not message.id or message.fuzzy or message.context:
            continue
        if not isinstance(message.id, str):
            forms = tuple(message.string or ())
            if len(forms) >= messages.num_plurals and all(forms):
                catalog.plurals[message.id[0]] = forms
        elif isinstance(message.string, str) and message.string:
            catalog.texts[message.id] = message.string
    return catalog


def _plural_rule(expression: str, forms: int) -> Callable[[int], int]:
    try:
        rule: Callable[[int], int] = gettext.c2py(expression)
        valid = all(0 <= rule(number) < forms for number in TESTED_NUMBERS)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidCatalog("its plural rule is invalid") from error
    if not valid:
        raise InvalidCatalog(f"its plural rule selects a form beyond nplurals={forms}")
    return rule
