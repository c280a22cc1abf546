"""Vendor facades."""
