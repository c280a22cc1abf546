"""ICMP echo over a datagram socket, which needs no privileges where the system lets groups of
users have it.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from ipaddress import ip_address

from puqpanel.sdk import __

ECHO, REPLY, ECHO_6, REPLY_6 = 8, 0, 128, 129
TRIES = 3


class CannotPingError(Exception):
    """Pings cannot be sent from here; the text says why."""


def open_socket(address: str) -> socket.socket:
    """A socket that can ping that address. Raises CannotPingError."""
    six = ip_address(address).version == 6
    try:
        return socket.socket(
            socket.AF_INET6 if six else socket.AF_INET,
            socket.SOCK_DGRAM,
            socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP,
        )
    except PermissionError:
        raise CannotPingError(
            __(
                "cannot ping from here: the system lets the panel send no pings"
                " (net.ipv4.ping_group_range leaves its group out)"
            )
        ) from None
    except OSError as error:
        raise CannotPingError(
            __("cannot ping from here: :reason", {"reason": error.strerror or type(error).__name__})
        ) from None


def unable() -> str:
    """Why this machine cannot ping; empty where it can."""
    try:
        open_socket("127.0.0.1").close()
    except CannotPingError as error:
        return str(error)
    return ""


def ping(address: str, timeout: float) -> bool:
    """Whether an address answers within so many seconds, asked at most three times.

    Raises CannotPingError, OSError.
    """
    six = ip_address(address).version == 6
    token = os.urandom(16)
    with open_socket(address) as opened:
        opened.connect((address, 0))
        for number in range(TRIES):
            ends = time.monotonic() + timeout / TRIES
            opened.send(request(number, token, six=six))
            while (left := ends - time.monotonic()) > 0:
                opened.settimeout(left)
                try:
                    packet = opened.recv(2048)
                except TimeoutError:
                    break
                if is_answer(packet, token, six=six):
                    return True
    return False


def request(number: int, token: bytes, *, six: bool = False) -> bytes:
    """An echo request. The system sets its own identifier; over IPv6 it sets the checksum too."""
    kind = ECHO_6 if six else ECHO
    empty = struct.pack("!BBHHH", kind, 0, 0, 0, number) + token
    return empty if six else struct.pack("!BBHHH", kind, 0, checksum(empty), 0, number) + token


def is_answer(packet: bytes, token: bytes, *, six: bool = False) -> bool:
    """Whether a packet is the echo of what carried the token."""
    return len(packet) >= 8 and packet[0] == (REPLY_6 if six else REPLY) and packet[8:] == token


def checksum(data: bytes) -> int:
    """The internet checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
