"""Request values that every database can store.

The raw body stays unchanged, for signatures over it.
"""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.utils import cached_property

from puqpanel.infra.redact import storable

Values = MultiDict[str, str]


class StorableRequest(Request):
    """A request without NULs and lone surrogates in arguments, form fields and JSON texts.

    They are replaced, as in all text the panel stores.
    """

    @cached_property
    def args(self) -> Values:
        """Return the query arguments."""
        return _clean_values(super().args)

    def _load_form_data(self) -> None:
        loaded = "form" in self.__dict__
        super()._load_form_data()
        if not loaded:
            self.__dict__["form"] = _clean_values(self.__dict__["form"])

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body parsed as JSON."""
        value = super().get_json(force, silent, cache)
        # JSON can contain such characters only as escapes
        return _clean_json(value) if value is not None and b"\\u" in self.get_data() else value


def _clean_values(values: Values) -> Values:
    pairs = list(values.items(multi=True))
    clean = [(storable(name), storable(value)) for name, value in pairs]
    return values if clean == pairs else ImmutableMultiDict(clean)


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_clean_json(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _clean_json(item) for name, item in value.items()}
    return value
