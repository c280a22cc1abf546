"""Which addresses the panel may be sent to by what people type: the open internet, and the networks
that were allowed.

A name is looked up here once, and what is connected to is the address that was looked at, never the
name again: a name that changes its answer between the look and the connection leads nowhere.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from puqpanel.domain.errors import UserError

LOOKUP = 5.0
"""Seconds that a name may take to be looked up."""
Network = IPv4Network | IPv6Network

# What `is_global` leaves to be said, in words of our own: it has changed from one Python to the
# next.
_CLOSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's own service, at a public address
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_OPEN_V6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_allowed: tuple[Network, ...] = ()


class AddressRefused(UserError):
    """The address is none that the panel may be sent to, or there is none; the text is a
    sentence.
    """


class NameUnknown(AddressRefused):
    """Nobody knows an address of this name, or not in time."""


def networks(texts: Collection[str]) -> tuple[Network, ...]:
    """Networks (`10.0.0.0/8`) and single addresses. Raises UserError for what is neither."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(str(text).strip(), strict=False))
        except ValueError:
            raise UserError(
                f"“{text}” is no network; write one such as 10.0.0.0/8 or an address."
            ) from None
    return tuple(found)


def allow(texts: Collection[str]) -> None:
    """Sets the networks that are open to every check of this process besides the internet.

    Raises UserError.
    """
    global _allowed
    _allowed = networks(texts)


def resolve_public(host: str, port: int, allow: Collection[str] = ()) -> list[tuple[str, int]]:
    """The addresses of a host that may be connected to, each as (address, port), numbers only:
    connect to one of these, not to the name.

    Args:
        host: a name or an address.
        port: 1 to 65535.
        allow: networks that are open besides the internet and those of PUQPANEL_MONITORING_ALLOW,
            as `["10.0.0.0/8"]`.

    Raises:
        AddressRefused: the name is not known, or each of its addresses is loopback, private,
            link-local (where clouds keep their metadata), multicast or reserved, also as IPv4
            inside IPv6. A UserError; its text is a sentence.
    """
    name = str(host or "").strip().removeprefix("[").removesuffix("]")
    if (
        not name
        or len(name) > 255
        or not name.isprintable()
        or any(sign in name for sign in " /\\@#?")
    ):
        raise AddressRefused(f"“{name[:80]}” is no name or address of a host.")
    if isinstance(port, bool) or not str(port).isdecimal() or not 1 <= int(port) <= 65535:
        raise AddressRefused(
            f"The port must be a whole number from 1 to 65535, not “{str(port)[:20]}”."
        )
    open_ = (*_allowed, *networks(allow))
    texts = _look_up(name, int(port))
    found = []
    for text in texts:
        address = _plain(ip_address(text.split("%", 1)[0]))
        if is_open(address, open_):
            found.append((str(address), int(port)))
    if not found:
        shown = f"{texts[0]}, the address of {name}," if texts[0] != name else name
        raise AddressRefused(
            f"{shown} is not on the open internet, and its network is not among those that are"
            " allowed."
        )
    return list(dict.fromkeys(found))


def is_open(address: IPv4Address | IPv6Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether the panel may be sent to an address: a public one, or one in a network that was
    allowed.
    """
    address = _plain(address)
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_open(IPv4Address(int(address) & 0xFFFFFFFF), allowed)
        if address not in _OPEN_V6:
            return False
    return address.is_global and not any(address in network for network in _CLOSED)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """IPv4 inside IPv6 as the IPv4 that a connection to it reaches."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _look_up(name: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which they are tried; in a thread, because a
    resolver knows no limit.
    """
    answer: list[str] = []
    problem: list[str] = []

    def ask() -> None:
        try:
            answer.extend(
                str(sockaddr[0])
                for *_, sockaddr in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError, ValueError):
            problem.append(f"The name {name} is not known.")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(LOOKUP)
    if thread.is_alive():
        raise NameUnknown(f"The name {name} could not be looked up in time.")
    if problem or not answer:
        raise NameUnknown(problem[0] if problem else f"The name {name} has no address.")
    return answer
