"""A loaded module: its class, its configuration, and everything it declares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from puqpanel.domain.module_states import version_order
from puqpanel.domain.permissions import Permission
from puqpanel.host import languages
from puqpanel.host.context import table_prefix
from puqpanel.host.contract import declared, hooks
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.config import Config
from puqpanel.host.contract.timetable import Work
from puqpanel.host.form_fields import secret_fields

ModuleClass = type[ModuleBase]


@dataclass(frozen=True, repr=False)
class LoadedModule:
    """A module that passed every load rule.

    Args:
        type: Product, Plugin, Payment or Notification.
        name: of folder, file and class.
        version: on disk.
        recorded_version: at the last activation or update; empty before the first.
        cls: its class.
        config: config.py.
        folder: its files.
        package: the Python package that its files were imported under.
        permissions, routes, sidebar, tabs, schedule, hooks: what it declares.
        warnings: what `module check` tells its author.
        webhooks: which of "get" and "post" it answers.
    """

    type: str
    name: str
    version: str
    recorded_version: str
    cls: ModuleClass
    config: Config
    folder: Path
    package: str
    permissions: tuple[Permission, ...]
    routes: tuple[declared.Route, ...]
    sidebar: tuple[declared.SidebarEntry, ...]
    tabs: tuple[declared.Tab, ...]
    warnings: tuple[str, ...]
    schedule: tuple[Work, ...] = ()
    hooks: tuple[hooks.Hook, ...] = ()
    webhooks: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"LoadedModule({self.key} {self.version})"

    @cached_property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"

    @property
    def slug(self) -> str:
        """`product_mycloudservice`."""
        return f"{self.type}_{self.name}".lower()

    @property
    def blueprint(self) -> str:
        """`mod_product_mycloudservice`."""
        return f"mod_{self.slug}"

    @property
    def prefix(self) -> str:
        """What its tables begin with."""
        return table_prefix(self.type, self.name)

    @property
    def title(self) -> str:
        """The name people read, in the viewer's language."""
        return languages.translate(self.folder, str(self.config("name") or self.name))

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The names of the fields that its forms declare secret."""
        return secret_fields(self.cls)

    @cached_property
    def restricted(self) -> bool:
        """Whether the version on disk differs from the recorded one.

        Never before the first activation.
        """
        return bool(self.recorded_version) and version_order(self.version) != version_order(
            self.recorded_version
        )
