"""Fake servers of external services, with faults on request."""
