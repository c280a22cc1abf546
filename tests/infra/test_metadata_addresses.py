"""Link-local addresses and metadata services are never reached, whoever typed them."""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address
from typing import Any

import pytest

from puqpanel.infra import addresses, mail
from puqpanel.infra.http import Wire

SPELLINGS = (
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "168.63.129.16",
    "100.100.100.200",
    "metadata.test",
)
REFUSAL = "link-local address or a metadata service"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a metadata service; a connection to any address is an error."""
    look_up = addresses._look_up
    monkeypatch.setattr(
        addresses,
        "_look_up",
        lambda name, port: ["169.254.169.254"] if name == "metadata.test" else look_up(name, port),
    )


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_client_reaches_them(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any, **__: Any) -> socket.socket:
        raise AssertionError("connected")

    monkeypatch.setattr("puqpanel.infra.guarded_adapter.create_connection", connect)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert REFUSAL in Wire().send("GET", f"http://{host}/latest/meta-data").error
    with pytest.raises(mail.MailError, match=REFUSAL):
        mail.try_out(mail.MailServer(host))
    with pytest.raises(addresses.AddressRefused):
        addresses.resolve_public(host, 80, ["0.0.0.0/0", "::/0"])


def test_a_redirect_to_them_is_not_followed() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer() -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
        )
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    reply = Wire().send("GET", f"http://127.0.0.1:{port}/", follow=3)
    thread.join()
    listener.close()
    assert REFUSAL in reply.error


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "::1", "fd00::1", "192.0.2.1"])
def test_private_addresses_that_staff_enter_are_reached(address: str) -> None:
    assert addresses.resolve_reachable(address, 80) == [(address, 80)]
    assert not addresses.is_never(ip_address(address))
