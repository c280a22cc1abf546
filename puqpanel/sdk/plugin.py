"""The base of Plugin modules: extensions of the panel with pages, routes, permissions and
background work of their own.
"""

from typing import ClassVar

from puqpanel.host.contract.base import ModuleBase


class Plugin(ModuleBase):
    """Lifecycle, permissions, sidebar and routes are those of every module; a plugin has no
    client area.
    """

    contract_type: ClassVar[str] = "Plugin"
