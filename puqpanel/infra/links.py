"""Addresses for use outside a request, from the configured base address."""

from __future__ import annotations

from urllib.parse import quote

_base = ""


def use_base(address: str) -> None:
    """Sets what links begin with, `https://panel.example`."""
    global _base
    _base = address.rstrip("/")


def link(*parts: str) -> str:
    """An absolute address, `link("client", "services", uuid)`."""
    return "/".join([_base, *(quote(part, safe="") for part in parts)])
