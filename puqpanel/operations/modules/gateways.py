"""What is specific to payment gateways."""

from __future__ import annotations

from puqpanel.domain.actors import Actor
from puqpanel.host import calls
from puqpanel.host.calls import Called
from puqpanel.models import ConfiguredModule
from puqpanel.operations.modules import configured_modules


def preview(*, actor: Actor, gateway: ConfiguredModule) -> Called | None:
    """Return what a client would see of a gateway, with a sample invoice.

    None where its module cannot be called.
    """
    module = configured_modules.module_of(gateway)
    return (
        None
        if module is None or module.restricted
        else calls.invoke(
            calls.Call(module, "preview_client_area", instance_uuid=gateway.uuid, actor=actor)
        )
    )
