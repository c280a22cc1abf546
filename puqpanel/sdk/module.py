"""The base of all module types: lifecycle, templates and the module log."""

from collections.abc import Mapping
from typing import Any

from puqpanel.host import logs, views
from puqpanel.host.context import table_prefix
from puqpanel.host.contract.base import ModuleBase


class Module(ModuleBase):
    """What every module can do.

    Each method can be defined and called in Python or in the vendor's spelling.
    """

    # Lifecycle: called from the admin area or the command line, with no transaction open.

    def activate(self) -> Any:
        """Run the module's migrations; called when the module is activated.

        Returns:
            "success", or the reason why it was not activated.
        """
        return Module.update(self)  # a module's own update() is for a change of version

    def deactivate(self) -> Any:
        """Keep all data; called when the module is deactivated.

        Returns:
            "success", or the reason why it was not deactivated.
        """
        return "success"

    def update(self) -> Any:
        """Run new migrations; called when the version on disk differs from the recorded one.

        Returns:
            "success", or the reason why it was not updated.
        """
        if self.module_folder is not None:
            from puqpanel.host import migrations  # imports Alembic

            migrations.upgrade(self.module_folder, table_prefix(self.module_type, self.module_name))
        return "success"

    def get_current_version(self) -> str:
        """Return the version at the last activation or update; empty before the first."""
        return self.recorded_version

    def view(self, template: str, data: Mapping[str, Any] | None = None) -> str:
        """Render a template of this module.

        Args:
            template: dots for slashes, without `.html`: `client_area.general` is
                `views/client_area/general.html`.
            data: its variables; `module` and `errors` are always there.

        Raises:
            TemplateNotFound: there is no such file under views/.
        """
        variables = {"module": self, "errors": self.errors, **(data or {})}
        return views.render(self.module_folder, template, variables)

    def log_info(self, action: str, request: Any = None, response: Any = None) -> None:
        """Write a row to the module log, secrets masked.

        Args:
            action: what was done, in a few words.
            request: text or a structure.
            response: text or a structure.
        """
        self._log("info", action, request, response)

    def log_error(self, action: str, request: Any = None, response: Any = None) -> None:
        """Write an error to the module log; see `log_info`."""
        self._log("error", action, request, response)

    def log_debug(self, action: str, request: Any = None, response: Any = None) -> None:
        """Write a debug entry to the module log; see `log_info`."""
        self._log("debug", action, request, response)

    def _log(self, level: str, action: str, request: Any, response: Any) -> None:
        logs.write(
            type=self.module_type or self.contract_type,
            name=self.module_name or type(self).__name__,
            level=level,
            action=action,
            request=request,
            response=response,
            service_uuid=getattr(self, "service_uuid", None),
        )
