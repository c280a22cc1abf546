"""A module's config.py, as the module reads it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any


class Config(Mapping[str, Any]):
    """Read-only configuration: `config["name"]`, `config.get("name")` or `config("api.url")`.

    A missing key gives None.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> Any:
        value = self._values.get(key)
        if isinstance(value, Mapping):
            return Config(value)
        # a copy: what a module changes in a list ends with that call
        return deepcopy(value) if isinstance(value, (list, set)) else value

    def __call__(self, key: str, default: Any = None) -> Any:
        """Return the value of a key.

        Args:
            key: dots lead into nested dictionaries, `api.url`.
            default: what to return if the key is missing.
        """
        value: Any = self
        for part in str(key).split("."):
            if not isinstance(value, Mapping) or part not in value:
                return default
            value = value[part]
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which may be dotted."""
        return self(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # keys only: a configuration may hold a secret, against the rules
        return f"Config({', '.join(map(str, self._values))})"
