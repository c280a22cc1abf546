"""Events of the panel that the module handles; each call runs as a task after the event."""

from puqpanel.sdk import Hook

HOOKS = [Hook("service.create_failed", "note_failure", priority=10)]
