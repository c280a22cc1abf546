"""Fake SMTP server on loopback, with and without encryption, and with faults on request.

with MailServer(encryption="tls", login=("panel", "secret")) as server:
    server.fault = "recipient"      # refuse recipients; see FAULTS
    ...
    server.messages                 # accepted messages
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import socketserver
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# recipient, full: permanent and temporary refusal; drop: close the connection after DATA; silent: no
# greeting; drip: a greeting one byte at a time; echo: quote the credentials of a refused sign-in.
FAULTS = {"", "recipient", "full", "drop", "silent", "drip", "echo"}


@dataclass(frozen=True)
class Taken:
    """An accepted message with its envelope."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool
    login: str = ""


def certificate(folder: Path) -> tuple[Path, Path]:
    """Create a self-signed certificate for localhost; return the paths of certificate and key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


class MailServer:
    """The server; use it as a context manager."""

    def __init__(self, encryption: str = "none", login: tuple[str, str] | None = None) -> None:
        self.encryption, self.login, self.fault = encryption, login, ""
        self.messages: list[Taken] = []
        self.tls: ssl.SSLContext | None = None
        if encryption != "none":
            with tempfile.TemporaryDirectory() as folder:
                cert, key = certificate(Path(folder))
                self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.tls.load_cert_chain(cert, key)
        panel = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                talk = _Talk(panel, self.request)
                with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                    talk.run()
                talk.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.gone = threading.Event()
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def config(self, **more: Any) -> dict[str, Any]:
        """Return the settings of a sender that uses this server."""
        user, password = self.login or ("", "")
        return {
            "server": "localhost",
            "port": self.port,
            "encryption": self.encryption,
            "username": user,
            "password": password,
            "email": "panel@firm.example",
            "sender_name": "The firm",
            "verify": False,
            **more,
        }


class _Talk:
    def __init__(self, server: MailServer, line: Any) -> None:
        self.server, self.line, self.encrypted, self.user = server, line, False, ""
        self.file: Any = None
        self.sender, self.recipients = "", list[str]()

    def _encrypt(self) -> None:
        assert self.server.tls
        plain, self.line = self.line, self.server.tls.wrap_socket(self.line, server_side=True)
        plain.close()
        self.encrypted = True

    def say(self, text: str) -> None:
        self.line.sendall(text.encode() + b"\r\n")

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
        self.line.close()

    def run(self) -> None:
        fault = self.server.fault
        if self.server.encryption == "ssl":
            self._encrypt()
        self.file = self.line.makefile("rb")
        if fault == "silent":
            self.server.gone.wait(30)
            return None
        if fault == "drip":
            for byte in b"220 " + b"x" * 2000:
                self.line.sendall(bytes([byte]))
                time.sleep(0.05)
                if self.server.gone.is_set():
                    return None
        self.say("220 mail.test")
        while raw := self.file.readline():
            word, _, rest = raw.decode().strip().partition(" ")
            if word.upper() == "QUIT":
                return self.say("221 bye")
            if not self.answer(word.upper(), rest):
                return None
        return None

    def answer(self, word: str, rest: str) -> bool:
        server = self.server
        if word in ("EHLO", "HELO"):
            offers = ["STARTTLS"] * (server.encryption == "tls" and not self.encrypted) + [
                "AUTH PLAIN"
            ] * bool(server.login)
            for offer in ["mail.test", *offers][:-1] if offers else []:
                self.say(f"250-{offer}")
            self.say(f"250 {(offers or ['mail.test'])[-1]}")
        elif word == "STARTTLS":
            self.say("220 go on")
            self.file.close()
            self._encrypt()
            self.file = self.line.makefile("rb")
        elif word == "AUTH":
            token = rest.rsplit(maxsplit=1)[-1]
            _, user, password = base64.b64decode(token).decode().split("\0")
            if (user, password) == server.login:
                self.user = user
                self.say("235 welcome")
            else:
                self.say(
                    f"535 bad: {token} {password}"
                    if server.fault == "echo"
                    else "535 bad credentials"
                )
        elif word == "MAIL":
            self.sender, self.recipients = rest[rest.index("<") + 1 : rest.index(">")], []
            self.say("530 sign in first" if server.login and not self.user else "250 ok")
        elif word == "RCPT":
            if server.fault in ("recipient", "full"):
                self.say(
                    "550 no such mailbox" if server.fault == "recipient" else "452 mailbox full"
                )
            else:
                self.recipients.append(rest[rest.index("<") + 1 : rest.index(">")])
                self.say("250 ok")
        elif word == "DATA":
            self.say("354 go on")
            lines = []
            while (line := self.file.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            if server.fault == "drop":
                return False
            message = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(message, EmailMessage)
            server.messages.append(
                Taken(self.sender, self.recipients, message, self.encrypted, self.user)
            )
            self.say("250 taken")
        else:
            self.say("250 ok")
        return True
