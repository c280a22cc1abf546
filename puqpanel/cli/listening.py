"""Listening sockets that processes inherit."""

from __future__ import annotations

import errno
import socket

from puqpanel.domain.errors import UserError


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    A port in use is reported before anything starts, and connections wait in the socket while
    processes restart.

    Raises:
        UserError: The address cannot be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, backlog=512, dualstack_ipv6=dual)
    except OSError as error:
        raise UserError(_listen_error(host, port, error)) from None


def _listen_error(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is already in use. Choose another with --port N; 0 picks a free"
            " one."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} requires root privileges. Choose one above 1023 with --port N."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine. Choose another with --host ADDRESS."
    return f"Cannot listen on {host}: {error.strerror}. Choose another address with --host."
