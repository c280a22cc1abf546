"""The queue's door: what RQ calls, one handler file a noun, and the schedule.

Belongs here: turning a task into a call of operations or of a module. Does not: what the work means
(operations) or how it is kept (tasks). Called by RQ's workers and by cli/scheduler.
"""
