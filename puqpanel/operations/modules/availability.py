"""Availability: whether a module can be called now, and which methods it has of its own."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from puqpanel.domain.module_states import ModuleProblem, version_order
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host import registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import session
from puqpanel.models import Module

NO_REASON = verbatim("")


def unavailable_reason(key: str) -> Text | str:
    """Return why a module cannot be used now, as one sentence.

    Args:
        key: the module's key, such as `Product/MyCloudService`.

    Returns:
        The sentence; empty if the module is available.
    """
    return unavailable_reasons([key])[key]


def unavailable_reasons(keys: Iterable[str]) -> dict[str, Text | str]:
    """Return the reasons for several modules by key, in one query."""
    failures = {
        row.key: row.circuit_open_reason
        for row in session().scalars(sa.select(Module).where(Module.circuit_open_reason != ""))
    }
    return {
        key: uncallable_reason(key)
        or (
            _(
                "The circuit breaker of %(key)s is open. %(failures)s",
                key=key,
                failures=failures[key],
            )
            if key in failures
            else ""
        )
        for key in keys
    }


def uncallable_reason(key: str) -> Text | str:
    """Return why a module's code cannot be called, ignoring its circuit breaker.

    Staff may still call a module whose circuit breaker is open, to fix its settings.
    """
    module = registry.current().get(key)
    if module is None:
        refusal = registry.current().refused.get(key)
        return (
            _("The module %(key)s failed to load: %(refusal)s", key=key, refusal=refusal)
            if refusal
            else _("The module %(key)s is not active.", key=key)
        )
    return _("The module %(key)s needs an update.", key=key) if module.restricted else ""


def defines(module: LoadedModule, method: str) -> bool:
    """Return whether a module overrides a method, in its class or in a mixin of its package.

    Args:
        module: the module.
        method: the Python name; the vendor's spelling is bound to it when the class is created.
    """
    return any(
        method in vars(cls)
        for cls in module.cls.__mro__
        if f"{cls.__module__}.".startswith(f"{module.package}.")
    )


def restriction(row: Module, disk: str) -> tuple[ModuleProblem, Text]:
    """Return the problem and reason for a module whose installed and active versions differ.

    A failed update is the reason only while the installed version is newer.

    Args:
        row: the module's record.
        disk: the installed version.
    """
    newer = version_order(disk) > version_order(row.version)
    if newer and row.problem == ModuleProblem.UPDATE_FAILED:
        return ModuleProblem.UPDATE_FAILED, row.reason
    return ModuleProblem.OTHER_VERSION, version_mismatch(disk, row.version)


def version_mismatch(disk: str, recorded: str) -> Text:
    """Return what to do about an installed version that differs from the recorded one."""
    if version_order(disk) < version_order(recorded):
        return _(
            "The installed version %(disk)s is older than the active version %(recorded)s;"
            " restore the newer files. Its services can't be managed until then.",
            disk=disk,
            recorded=recorded,
        )
    return _(
        "Version %(disk)s is installed, but %(recorded)s is active; update the module. Its"
        " services can't be managed until then.",
        disk=disk,
        recorded=recorded,
    )
