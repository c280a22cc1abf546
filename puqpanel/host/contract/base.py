"""The contract of every module: its data and what it may declare.

`sdk.module.Module` builds on it and acts: migrations, templates, the module log. The host needs
nothing more of a module than this.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from puqpanel.host.contract.config import Config
from puqpanel.host.contract.names import bind

Entries = list[dict[str, Any]]


class ModuleBase:
    """What every module has.

    The host sets the class attributes when it loads a module, and the data attributes on the
    instance before each call. Each method can be defined and called in either spelling of
    `host.contract.names`.
    """

    contract_type: ClassVar[str] = ""
    module_type: ClassVar[str] = ""
    module_name: ClassVar[str] = ""
    module_folder: ClassVar[Path | None] = None
    module_config: ClassVar[Config] = Config()
    # the version recorded at the last activation or update
    recorded_version: str = ""

    module_data: dict[str, Any]
    # the gateway or sender that the call is about; empty if there is none
    instance_uuid: str = ""
    # further keys that Task.add was given; empty outside a task
    task_data: Mapping[str, Any] = MappingProxyType({})

    # messages by field after a refused save, for the page that shows the form again
    errors: Mapping[str, list[str]] = MappingProxyType({})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bind(cls)

    def __init__(self) -> None:
        self.module_data = {}

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        """Load the data that a call needs; the host calls this first.

        Args:
            service_uuid: the service that the call is about, if any.
            product_uuid: the product that the call is about, if any.
            stored: `module_data`, `product_data` or `service_data` to use instead of what the
                database holds, and `errors`.
        """
        self.errors = dict(stored.get("errors", {}))
        self.module_data = dict(stored.get("module_data", {}))
        data = self.get_module_data(dict(self.module_data))
        if isinstance(data, Mapping):
            self.module_data = dict(data)

    @property
    def config(self) -> Config:
        """config.py: `self.config["name"]` and `self.config("name")`; a missing key gives None."""
        return type(self).module_config

    def admin_permissions(self) -> Entries:
        """Return `[{name, key, description}]`: the permissions that roles can grant."""
        return []

    def admin_sidebar(self) -> Entries:
        """Return `[{title, link, active_links, permission}]`; link is the name of a route."""
        return []

    def admin_web_routes(self) -> Entries:
        """Return `[{method, uri, permission, name, controller}]`, the module's pages.

        They are served at `/admin/modules/{Type}/{Name}/{uri}`.
        """
        return []

    def admin_api_routes(self) -> Entries:
        """Return the same for JSON, served at `/admin/api/modules/{Type}/{Name}/{uri}`."""
        return []

    def scheduler(self) -> Entries:
        """Return `[{name, method, cron or every, timeout}]`: the module's scheduled jobs."""
        return []

    def get_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's own settings, normalised.

        Args:
            data: what is stored.
        """
        self.module_data = dict(data or {})
        return self.module_data


bind(ModuleBase)
