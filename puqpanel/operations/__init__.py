"""Use cases, one file a noun: who may ask was settled at the door, here is what happens.

Belongs here: verbs, each with one transaction, its audit entry and its events. Does not: requests,
forms, pages, RQ. Called by web, jobs, sdk and cli; the actor comes first, everything by keyword.
"""
