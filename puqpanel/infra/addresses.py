"""Protection against SSRF: addresses that user input may make the panel connect to.

Public addresses are allowed, and networks that an administrator has allowed. A name is resolved
once and the caller connects to the checked address, so that DNS rebinding has no effect.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from puqpanel.domain.errors import UserError
from puqpanel.domain.hosts import ascii_host
from puqpanel.domain.texts import _

LOOKUP_SECONDS = 5.0
"""Time limit for resolving a name."""
Network = IPv4Network | IPv6Network

# Explicit, because the networks that `is_global` covers differ between Python versions.
_BLOCKED = tuple(
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
        "168.63.129.16/32",  # Azure's internal services, at a public address
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_NEVER = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local, with the metadata services of most clouds
        "fe80::/10",
        "fd00:ec2::254/128",  # Amazon's metadata service
        "fd20:ce::254/128",  # Google's
        "100.100.100.200/32",  # Alibaba's
        "192.0.0.192/32",  # Oracle's
        "168.63.129.16/32",  # Azure's internal services
    )
)
"""Link-local addresses and metadata services, which are never reached, even if allowed."""
_BROADCAST = IPv4Address("255.255.255.255")
_OPEN_V6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_EMBEDDING = (
    (_NAT64, 0),
    (ip_network("64:ff9b:1::/48"), 0),
    (ip_network("::/96"), 0),
    (ip_network("2002::/16"), 80),
)
"""Networks of IPv6 addresses that lead to an IPv4 address, and the bits after it."""
_allowed: tuple[Network, ...] = ()


class AddressRefused(UserError):
    """The host has no address that the panel may connect to."""


class NameUnknown(AddressRefused):
    """The host name cannot be resolved."""


def networks(texts: Collection[str]) -> tuple[Network, ...]:
    """Parse networks (`10.0.0.0/8`) and single addresses.

    Raises:
        UserError: A text is neither.
    """
    parsed = []
    for text in texts:
        try:
            parsed.append(ip_network(str(text).strip(), strict=False))
        except ValueError:
            raise UserError(
                _(
                    "“%(text)s” is not a network. Enter one such as 10.0.0.0/8, or an address.",
                    text=text,
                )
            ) from None
    return tuple(parsed)


def allow(texts: Collection[str]) -> None:
    """Set the networks that this process may connect to in addition to public addresses.

    Raises:
        UserError: A text is not a network.
    """
    global _allowed
    _allowed = networks(texts)


def resolve_public(host: str, port: int, allow: Collection[str] = ()) -> list[tuple[str, int]]:
    """Resolve a host to the addresses that the panel may connect to.

    Connect to one of these, not to the name.

    Args:
        host: A host name or an address.
        port: 1 to 65535.
        allow: Networks to allow in addition to public addresses and PUQPANEL_MONITORING_ALLOW, such
            as `["10.0.0.0/8"]`.

    Returns:
        Pairs of a numeric address and the port.

    Raises:
        AddressRefused: The name cannot be resolved, or all of its addresses are loopback, private,
            link-local (including cloud metadata services), multicast or reserved, also as IPv4
            embedded in IPv6. It is a UserError.
    """
    name = _checked_name(host, port)
    allowed = (*_allowed, *networks(allow))
    texts = _look_up(name, int(port))
    addresses = [_plain(ip_address(text.split("%", 1)[0])) for text in texts]
    pairs = [(str(address), int(port)) for address in addresses if is_open(address, allowed)]
    if not pairs:
        if texts[0] == name:
            raise AddressRefused(
                _("%(name)s is not a public address and not in an allowed network.", name=name)
            )
        raise AddressRefused(
            _(
                "%(name)s resolves to %(address)s, which is not a public address and not in an"
                " allowed network.",
                name=name,
                address=texts[0],
            )
        )
    return list(dict.fromkeys(pairs))


def resolve_reachable(host: str, port: int) -> list[tuple[str, int]]:
    """Resolve a host that staff entered; private networks are allowed.

    Connect to one of the returned addresses, not to the name.

    Raises:
        AddressRefused: The name cannot be resolved, or all of its addresses are link-local or those
            of metadata services, in whatever spelling.
    """
    name = _checked_name(host, port)
    addresses = [ip_address(text.split("%", 1)[0]) for text in _look_up(name, int(port))]
    pairs = [(str(address), int(port)) for address in addresses if not is_never(address)]
    if not pairs:
        message = _(
            "%(name)s is a link-local address or a metadata service, which the panel never"
            " connects to.",
            name=name,
        )
        raise AddressRefused(message)
    return list(dict.fromkeys(pairs))


def is_never(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is link-local or a metadata service, also embedded in IPv6."""
    address = _plain(address)
    if any(address in network for network in _NEVER):
        return True
    return isinstance(address, IPv6Address) and any(
        address in network and is_never(IPv4Address((int(address) >> shift) & 0xFFFFFFFF))
        for network, shift in _EMBEDDING
    )


def _checked_name(host: str, port: int) -> str:
    name = str(host or "").strip().removeprefix("[").removesuffix("]")
    if (
        not name
        or len(name) > 255
        or not name.isprintable()
        or any(sign in name for sign in " /\\@#?")
    ):
        raise AddressRefused(_("“%(name)s” is not a valid host name or address.", name=name[:80]))
    if isinstance(port, bool) or not str(port).isdecimal() or not 1 <= int(port) <= 65535:
        raise AddressRefused(
            _("The port must be a whole number from 1 to 65535, not “%(str)s”.", str=str(port)[:20])
        )
    return name


def is_open(address: IPv4Address | IPv6Address, allowed: Sequence[Network] = ()) -> bool:
    """Return whether an address is public or in an allowed network."""
    address = _plain(address)
    if is_never(address):
        return False
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_open(IPv4Address(int(address) & 0xFFFFFFFF), allowed)
        if address not in _OPEN_V6:
            return False
    return address.is_global and not any(address in network for network in _BLOCKED)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv4-mapped IPv6 address stands for."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _look_up(name: str, port: int) -> list[str]:
    """Resolve a name in a thread, because the system resolver has no timeout."""
    addresses: list[str] = []
    encoded = ascii_host(name)  # getaddrinfo() encodes by an older standard: ß as ss

    def resolve() -> None:
        with contextlib.suppress(OSError, UnicodeError, ValueError):
            addresses.extend(
                str(sockaddr[0])
                for *_, sockaddr in socket.getaddrinfo(encoded, port, type=socket.SOCK_STREAM)
                if encoded
            )

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    if thread.is_alive():
        raise NameUnknown(_("The host name %(name)s could not be resolved in time.", name=name))
    if not addresses:
        raise NameUnknown(_("The host name %(name)s could not be resolved.", name=name))
    return addresses


def parse_address(text: str) -> str:
    """Return the address in a text such as `192.0.2.1:443` or `[2001:db8::1]:443`.

    Args:
        text: as a proxy writes it, with or without brackets, quotes, port and zone.

    Returns:
        The address in its usual spelling, IPv4 if it is embedded as IPv4-mapped IPv6; empty if the
        text is not an address.
    """
    text = text.strip().strip('"')[:100]
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and _is_port(port[1:]))):
            return ""
    elif text.count(":") == 1:
        text, _colon, port = text.partition(":")
        if not _is_port(port):
            return ""
    try:
        return str(_plain(ip_address(text.split("%", 1)[0])))
    except ValueError:
        return ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def network_of(address: str) -> str:
    """Return the network by which the requests of an address are counted.

    A single IPv4 address, or the /64 of an IPv6 address, which one customer of a provider has.
    """
    try:
        parsed = _plain(ip_address(address.split("%", 1)[0]))
    except ValueError:
        return address[:45]
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, 64), strict=False))


def is_own(text: str) -> bool:
    """Return whether a text is an IP address of this machine; False for those of all interfaces."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
