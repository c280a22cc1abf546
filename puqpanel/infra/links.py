"""Absolute URLs for use outside a request, built from the configured base URL."""

from __future__ import annotations

from urllib.parse import quote

_base = ""


def use_base(address: str) -> None:
    """Set the base URL, such as `https://panel.example`."""
    global _base
    _base = address.rstrip("/")


def link(*parts: str) -> str:
    """Return an absolute URL, such as `link("client", "services", uuid)`."""
    return "/".join([_base, *(quote(part, safe="") for part in parts)])
