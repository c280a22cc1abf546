"""What the module hears of the panel."""

from puqpanel.sdk import Hook

HOOKS = [Hook("service.termination_succeeded", "stop_for_service")]
