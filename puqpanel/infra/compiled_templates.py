"""Compiled templates, kept in the process for the next app.

A change of modules builds a new app, whose environments would compile every template again.
"""

from __future__ import annotations

from types import CodeType

from jinja2.bccache import Bucket, BytecodeCache

MOST = 2000
"""Number of kept templates at which all are forgotten: more than a panel with its modules has."""


class CompiledTemplates(BytecodeCache):
    """The compiled templates of environments with equal settings, filters and extensions."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Set the code of a template if it was compiled from the same source."""
        checksum, code = self._kept.get(bucket.key, (None, None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        assert bucket.code is not None
        self._kept[bucket.key] = (bucket.checksum, bucket.code)
