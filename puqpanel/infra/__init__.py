"""The outside world, one door a file: database, queue, keys, clock, settings, log.

Belongs here: the only code that touches redis, requests or the environment. Does not: anything that
knows a hosting noun. Every floor above may call it; it calls domain alone.
"""
