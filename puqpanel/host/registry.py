"""The modules of one generation. A refused module never stops the others."""

import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from puqpanel.host.containment import load_timeout
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module, unload
from puqpanel.models import searchable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registry:
    """Loaded modules by key (`Product/MyCloudService`), and the reasons of refused ones."""

    generation: int = 0
    modules: dict[str, LoadedModule] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> LoadedModule | None:
        """Return a loaded module by its key, or None."""
        return self.modules.get(key)

    def of_type(self, module_type: str) -> list[LoadedModule]:
        """Return the loaded modules of one type, in the order they were loaded."""
        return [module for module in self.modules.values() if module.type == module_type]


_installed = Registry()


def load(
    modules_dir: Path,
    wanted: Iterable[tuple[str, str, str]],
    generation: int = 0,
    crashing: Mapping[str, str] | None = None,
) -> Registry:
    """Load modules.

    Args:
        modules_dir: holds a folder for each type.
        wanted: type, name and recorded version of each module.
        generation: the number of this set in the database.
        crashing: keys of modules whose import ended a process, and the reason to give; they are
            refused without another try.
    """
    registry = Registry(generation)
    with load_timeout.one_thread():
        _load(registry, modules_dir, wanted, crashing or {})
    return registry


def _load(
    registry: Registry,
    modules_dir: Path,
    wanted: Iterable[tuple[str, str, str]],
    crashing: Mapping[str, str],
) -> None:
    slugs: dict[str, str] = {}
    for module_type, name, recorded_version in wanted:
        key = f"{module_type}/{name}"
        twin = slugs.get(key.lower())
        try:
            if key in crashing:
                raise Refused(crashing[key])
            if twin:
                raise Refused(
                    f"{name} and {twin} differ only in case, so they would share database tables;"
                    " rename one."
                )
            registry.modules[key] = load_module(
                modules_dir / module_type / name, module_type, name, recorded_version
            )
            slugs[key.lower()] = name
        except Refused as refusal:
            log.warning("module %s refused: %s", key, refusal)
            registry.refused[key] = str(refusal)


def install(registry: Registry) -> None:
    """Make a registry the current one of this process."""
    global _installed
    _installed = registry


def current() -> Registry:
    """Return the registry of this process; empty before the first app is built."""
    return _installed


def dispose(registry: Registry) -> None:
    """Forget all modules of a registry that is no longer served; never raises."""
    with contextlib.suppress(Exception):
        unload(*(module.package for module in registry.modules.values()))
    registry.modules.clear()


def _declared_secrets(key: str) -> Collection[str] | None:
    module = current().get(key)
    return secret_fields(module.cls) if module else None


searchable.use_declared_secrets(_declared_secrets)
