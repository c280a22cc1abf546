"""Simulate some months of renewals, charges and dunning on a copy of the database.

The engine is the real one, with the clock moved from day to day. Only what happens outside of the
panel is assumed: whether clients pay, what gateways answer, and that modules do their work at once.
"""
