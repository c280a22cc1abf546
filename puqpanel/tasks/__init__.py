"""The engine: work as rows, handed to RQ by id, claimed once, fenced, retried, swept.

Belongs here: how work is kept from being lost or done twice. Does not: what the work is (jobs gives
it the handlers). Called by operations, host and sdk to add; by jobs and cli to run, sweep and work.
"""
