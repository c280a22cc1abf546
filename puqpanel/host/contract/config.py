"""A module's config.py as the module sees it.

Read-only, callable, and forgiving of missing keys.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any


class Config(Mapping[str, Any]):
    """`config["name"]`, `config.get("name")` and `config("api.url", default)` alike.

    A missing key gives None.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> Any:
        value = self._values.get(key)
        if isinstance(value, Mapping):
            return Config(value)
        # Lists are handed out as copies: what a module does to them stays with that call.
        return deepcopy(value) if isinstance(value, (list, set)) else value

    def __call__(self, key: str, default: Any = None) -> Any:
        """Return the value of a key.

        Dots go into nested dictionaries; `default` where it is missing.
        """
        value: Any = self
        for part in str(key).split("."):
            if not isinstance(value, Mapping) or part not in value:
                return default
            value = value[part]
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Like a dictionary's get; also takes a dotted key."""
        return self(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Keys only: a config that holds a secret against the rules must not print it.
        return f"Config({', '.join(map(str, self._values))})"
