"""The base of every module: lifecycle, templates, configuration, log, and the hooks of the admin
area.

The acting base classes (`sdk.product.Product` and the others) build on it; the host needs nothing
more of a module than this.
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
    # The version recorded at the last activation or update; the host sets it on the instance.
    recorded_version: str = ""

    module_data: dict[str, Any]
    # The gateway or sender that a call is about; empty where there is none.
    instance_uuid: str = ""
    # Further keys that Task.add was given; empty outside a task.
    task_data: Mapping[str, Any] = MappingProxyType({})

    # Sentences by field after a refused save, for the page that shows the form again.
    errors: Mapping[str, list[str]] = MappingProxyType({})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bind(cls)

    def __init__(self) -> None:
        self.module_data = {}

    # Lifecycle: called from the admin panel or the command line, with no transaction of the panel's
    # open.

    def activate(self) -> Any:
        """Called when the module is switched on.

        Runs the module's migrations. Returns "success" or a message.
        """
        return ModuleBase.update(self)  # a module's own update() is for a change of version

    def deactivate(self) -> Any:
        """Called when the module is switched off.

        Keeps all data. Returns "success" or a message.
        """
        return "success"

    def update(self) -> Any:
        """Called when the version on disk differs from the recorded one.

        Runs the migrations that are new.
        """
        from puqpanel.host import migrations

        migrations.upgrade(type(self))
        return "success"

    def get_current_version(self) -> str:
        """The version that was recorded at the last activation or update; empty before the
        first.
        """
        return self.recorded_version

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        """Loads the data that a call needs; called by the host before each.

        Args: stored has `module_data`, `product_data` or `service_data` to use in place of what the
        rows hold, and `errors`.
        """
        self.errors = dict(stored.get("errors", {}))
        self.module_data = dict(stored.get("module_data", {}))
        answer = self.get_module_data(dict(self.module_data))
        if isinstance(answer, Mapping):
            self.module_data = dict(answer)

    # What a module calls.

    @property
    def config(self) -> Config:
        """config.py: `self.config["name"]` and `self.config("name")` alike; a missing key gives
        None.
        """
        return type(self).module_config

    def view(self, template: str, data: Mapping[str, Any] | None = None) -> str:
        """The rendered template `views/{template, dots as slashes}.html` of this module.

        Raises: TemplateNotFound when there is no such file under views/.
        """
        from puqpanel.host import views

        return views.render(
            type(self), template, {"module": self, "errors": self.errors, **(data or {})}
        )

    def log_info(self, action: str, request: Any = None, response: Any = None) -> None:
        """A row of the module log.

        Args: action in a few words; request and response are text or structures.
        """
        self._log("info", action, request, response)

    def log_error(self, action: str, request: Any = None, response: Any = None) -> None:
        """Like `log_info`, for what went wrong."""
        self._log("error", action, request, response)

    def log_debug(self, action: str, request: Any = None, response: Any = None) -> None:
        """Like `log_info`, for what helps to find a fault."""
        self._log("debug", action, request, response)

    def _log(self, level: str, action: str, request: Any, response: Any) -> None:
        from puqpanel.host import logs

        logs.write(
            type=self.module_type or self.contract_type,
            name=self.module_name or type(self).__name__,
            level=level,
            action=action,
            request=request,
            response=response,
            service_uuid=getattr(self, "service_uuid", None),
        )

    # What a module may declare.

    def admin_permissions(self) -> Entries:
        """`[{name, key, description}]`: what a role can be allowed in this module."""
        return []

    def admin_sidebar(self) -> Entries:
        """`[{title, link, active_links, permission}]`; link is the name of a route."""
        return []

    def admin_web_routes(self) -> Entries:
        """`[{method, uri, permission, name, controller}]`: pages at
        /admin/modules/{Type}/{Name}/{uri}.
        """
        return []

    def admin_api_routes(self) -> Entries:
        """Like `admin_web_routes`, at /admin/api/modules/{Type}/{Name}/{uri}, answering JSON."""
        return []

    def scheduler(self) -> Entries:
        """`[{name, method, cron or every, timeout}]`: periodic work as data."""
        return []

    def get_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The module's own settings, normalised. Called with what is stored."""
        self.module_data = dict(data or {})
        return self.module_data


bind(ModuleBase)
