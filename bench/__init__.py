"""Measurements, each a ratio against a bare stack in the same run; never asserted in tests."""
