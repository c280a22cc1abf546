"""Job handlers that RQ calls, and the schedule of the panel.

A handler turns a task into calls of operations or of a module. What a job means belongs to
operations, how tasks are stored and claimed to tasks. Called by RQ's workers and cli/scheduler.
"""
