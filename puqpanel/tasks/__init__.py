"""The task engine: tasks are rows, sent to RQ by id, claimed once, fenced, retried and recovered.

This layer makes sure that no task is lost or runs twice. The work itself is in the handlers, which
`jobs` passes in. Operations, host and sdk add tasks; jobs and cli run and recover them.
"""
