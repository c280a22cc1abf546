"""ICMP echo over a datagram socket.

It needs no privileges if the system's net.ipv4.ping_group_range includes a group of the process.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from ipaddress import ip_address

from puqpanel.sdk import __

ECHO, REPLY, ECHO_V6, REPLY_V6 = 8, 0, 128, 129
ATTEMPTS = 3


class CannotPingError(Exception):
    """Pings can't be sent from this machine; the text says why."""


def open_socket(address: str) -> socket.socket:
    """Return a socket for pings to an address.

    Raises:
        CannotPingError: The system does not allow it.
    """
    is_v6 = ip_address(address).version == 6
    try:
        return socket.socket(
            socket.AF_INET6 if is_v6 else socket.AF_INET,
            socket.SOCK_DGRAM,
            socket.IPPROTO_ICMPV6 if is_v6 else socket.IPPROTO_ICMP,
        )
    except PermissionError:
        raise CannotPingError(
            __("The panel can't send pings: net.ipv4.ping_group_range excludes its group.")
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CannotPingError(
            __("The panel can't send pings: :reason.", {"reason": reason})
        ) from None


def unavailable_reason() -> str:
    """Return why this machine can't send pings, or an empty string."""
    try:
        open_socket("127.0.0.1").close()
    except CannotPingError as error:
        return str(error)
    return ""


def ping(address: str, timeout_seconds: float) -> bool:
    """Return whether an address replies in time to one of three requests.

    Raises:
        CannotPingError: The system does not allow it.
        OSError: The network failed.
    """
    is_v6 = ip_address(address).version == 6
    token = os.urandom(16)
    with open_socket(address) as sock:
        sock.connect((address, 0))
        for sequence in range(ATTEMPTS):
            deadline = time.monotonic() + timeout_seconds / ATTEMPTS
            sock.send(make_request(sequence, token, v6=is_v6))
            while (remaining := deadline - time.monotonic()) > 0:
                sock.settimeout(remaining)
                try:
                    packet = sock.recv(2048)
                except TimeoutError:
                    break
                if is_reply(packet, token, v6=is_v6):
                    return True
    return False


def make_request(sequence: int, token: bytes, *, v6: bool = False) -> bytes:
    """Return an echo request; the system sets the identifier, and over IPv6 the checksum."""
    kind = ECHO_V6 if v6 else ECHO
    packet = struct.pack("!BBHHH", kind, 0, 0, 0, sequence) + token
    if v6:
        return packet
    return struct.pack("!BBHHH", kind, 0, checksum(packet), 0, sequence) + token


def is_reply(packet: bytes, token: bytes, *, v6: bool = False) -> bool:
    """Return whether a packet is the reply to the request with this token."""
    return len(packet) >= 8 and packet[0] == (REPLY_V6 if v6 else REPLY) and packet[8:] == token


def checksum(data: bytes) -> int:
    """Return the internet checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
