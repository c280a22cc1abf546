"""The base of Plugin modules: extensions of the panel with pages, routes, permissions and
background work of their own.
"""

from typing import ClassVar

from puqpanel.sdk.module import Module


class Plugin(Module):
    """Lifecycle, permissions, sidebar and routes are those of every module; a plugin has no
    client area.
    """

    contract_type: ClassVar[str] = "Plugin"
