"""Use cases, one file for each entity, called by web, jobs, sdk and cli.

An operation runs one transaction with its audit entry and events. Callers have checked permissions.
Arguments are keyword-only, with the actor first. Requests, forms and RQ do not belong here.
"""
