"""Events of the panel that the module handles."""

from puqpanel.sdk import Hook

HOOKS = [Hook("service.termination_succeeded", "stop_for_service")]
