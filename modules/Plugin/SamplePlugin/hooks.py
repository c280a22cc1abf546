"""What the module hears of the panel. Each listener runs as a task of its own, after the fact."""

from puqpanel.sdk import Hook

HOOKS = [Hook("service.create_failed", "note_failure", priority=10)]
