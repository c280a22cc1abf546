"""Host names and IP addresses, as in URLs and Host headers, in one spelling."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import idna

MAX_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_PORT = re.compile(r"[0-9]{0,5}")


def host_of(header: str) -> str:
    """Return the host in a Host header: in lower case, without port, brackets and last dot.

    An IPv4-mapped IPv6 address is returned as IPv4.

    Args:
        header: such as `panel.example:8443` or `[2001:db8::1]`.

    Returns:
        The host; empty if the header is malformed, which one with other characters than ASCII is.
    """
    if header.startswith("["):
        text, bracket, rest = header[1:].partition("]")
        is_host = bracket and rest[:1] in ("", ":") and _is_port(rest[1:])
        return _ipv6(text) if is_host else ""
    name, _colon, port = header.partition(":")
    return _name(name) if _is_port(port) else ""


def typed_host(text: str) -> str:
    """Return the host of an address that staff entered; empty if it is not valid.

    Args:
        text: a host name, also in Unicode, or an IP address; with or without a port.
    """
    if text.isascii():
        return host_of(text) or _ipv6(text)
    name, _colon, port = text.partition(":")
    return _name(ascii_host(name[:MAX_LENGTH])) if _is_port(port) else ""


def ascii_host(name: str) -> str:
    """Return a host name as it is looked up, `xn--bcher-kva.example` for `bücher.example`.

    Returns:
        The name itself if it has no other characters than ASCII; empty if it cannot be encoded.
    """
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError, IndexError):
        return ""


def host_of_url(url: str) -> str:
    """Return the host of a URL that staff entered; empty if it has none."""
    try:
        return typed_host(urlsplit(url).netloc.rpartition("@")[2])
    except ValueError:
        return ""


def split_hosts(text: str) -> list[str]:
    """Return the entries of a list that is separated by spaces, lines or commas."""
    return text.replace(",", " ").split()


def is_loopback(host: str) -> bool:
    """Return whether a host, as `host_of` returns it, is this machine's own name or address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_trusted(host: str, *, base_url: str, others: str) -> bool:
    """Return whether a host is one of those that are configured, or none is.

    Args:
        host: as `host_of` returns it.
        base_url: the public address of the panel.
        others: other hosts, for `split_hosts`.
    """
    known = {host_of_url(base_url), *map(typed_host, split_hosts(others))} - {""}
    return host in known or not known


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and int(text or "0") <= 65535


def _name(text: str) -> str:
    name = text.removesuffix(".").lower()
    labels = name.split(".")
    if len(name) > MAX_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        return ""
    return name


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        return ""
    return "" if address.scope_id else str(address.ipv4_mapped or address)
