"""Payment gateways: the preview of what a client sees."""

from __future__ import annotations

from puqpanel.domain.actors import Actor
from puqpanel.host import calls
from puqpanel.host.calls import Called
from puqpanel.models import ConfiguredModule
from puqpanel.operations.modules import configured_modules


def preview(*, actor: Actor, gateway: ConfiguredModule) -> Called | None:
    """Return the client's view of a gateway with a sample invoice; None if it is unavailable."""
    module = configured_modules.module_of(gateway)
    if module is None or module.restricted:
        return None
    return calls.invoke(
        calls.Call(module, "preview_client_area", instance_uuid=gateway.uuid, actor=actor)
    )
