"""Automation: what the panel does with services and documents because a day has come.

It issues renewals. What a person asks for belongs to the other subjects, which know nothing of it.
"""
