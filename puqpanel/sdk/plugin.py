"""The base class of Plugin modules: pages, routes, permissions and background work."""

from typing import ClassVar

from puqpanel.sdk.module import Module


class Plugin(Module):
    """An extension of the panel.

    Lifecycle, permissions, sidebar, routes and schedule are those of every module. A plugin has no
    client area.
    """

    contract_type: ClassVar[str] = "Plugin"
