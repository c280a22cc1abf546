"""The states of a module, and the order of versions."""

from __future__ import annotations

import re
from enum import StrEnum


class ModuleStatus(StrEnum):
    """The status of a module."""

    INACTIVE = "inactive"
    ACTIVE = "active"
    RESTRICTED = "restricted"
    ERROR = "error"
    FAILING = "failing"
    """Active with an open circuit breaker. Shown but never stored: the row is active and has a
    `circuit_open_reason`.
    """


class ModuleProblem(StrEnum):
    """Why a module is not available."""

    NONE = ""
    NOT_LOADED = "not_loaded"
    """It could not be loaded when that was tried last."""
    CRASHED = "crashed"
    """It crashed its processes, and is not loaded until its files change."""
    OTHER_VERSION = "other_version"
    """Another version is installed than the recorded one."""
    UPDATE_FAILED = "update_failed"
    """The update to the installed version failed; shown until one succeeds."""


MODULE_TYPES = ("Product", "Plugin", "Payment", "Notification")


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key for versions: 1.10 after 1.9, 1.0-rc1 before 1.0.

    Args:
        version: dotted text; letters mark a pre-release, as in `1.0.0-beta2`.
    """
    parts: list[tuple[int, int, str]] = []
    for piece in re.findall(r"\d+|[A-Za-z]+", version.removeprefix("v")):
        if piece.isdigit():
            parts.append((1, int(piece), ""))
            continue
        _drop_zeros(parts)  # 1.0.0-rc1 comes before 1.0.0, which is 1
        parts.append((-1, 0, piece.lower()))
    _drop_zeros(parts)
    # the end of a version sorts after its pre-releases and before its further numbers
    return (*parts, (0, 0, ""))


def _drop_zeros(parts: list[tuple[int, int, str]]) -> None:
    while parts and parts[-1] == (1, 0, ""):
        parts.pop()
