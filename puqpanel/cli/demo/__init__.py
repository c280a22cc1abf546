"""`puqpanel demo`: sample data, and a provider to try the panel with."""

from __future__ import annotations

from puqpanel.cli.demo.commands import command

__all__ = ["command"]
