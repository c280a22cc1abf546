"""Absolute URLs for use outside a request, built from the configured base URL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote


def _no_base() -> str:
    return ""


_base: Callable[[], str] = _no_base


def use_base(address: Callable[[], str]) -> None:
    """Set the base URL.

    Args:
        address: returns it, such as `https://panel.example`; called again for every link, because
            staff can change it.
    """
    global _base
    _base = address


def link(*parts: str) -> str:
    """Return an absolute URL, such as `link("client", "services", uuid)`."""
    return "/".join([_base().rstrip("/"), *(quote(part, safe="") for part in parts)])
