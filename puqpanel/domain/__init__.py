"""What is true without a database: money, states, permission keys, errors.

Belongs here: pure values and rules. Does not: anything that reads, writes, waits or looks at a
clock. Every floor may call it.
"""
