"""Mail over SMTP, limited in time. Error messages never contain the password."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from puqpanel.domain.errors import ExternalServiceError
from puqpanel.domain.hosts import ascii_host
from puqpanel.infra.addresses import AddressRefused, NameUnknown, resolve_reachable
from puqpanel.infra.known_secrets import MASK
from puqpanel.infra.redact import mask_secrets, redact_text

ENCRYPTIONS = ("tls", "ssl", "none")
TIMEOUT, TOTAL = 30.0, 120.0
_MAX_REPLY_LENGTH = 200
_REFUSALS: dict[type[Exception], str] = {
    smtplib.SMTPAuthenticationError: "refused the user name or password",
    smtplib.SMTPSenderRefused: "refused the sender",
}


class MailError(ExternalServiceError):
    """The message was not accepted, or the server could not be reached.

    Args:
        message: A sentence.
        code: The server's reply code; 0 without a reply.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code

    @property
    def permanent(self) -> bool:
        """Whether a retry would fail too: reply codes from 500."""
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server.

    Args:
        host: Host name or address.
        port: Port.
        encryption: `tls` for STARTTLS, which the server must support, `ssl` or `none`.
        username: User name; empty without authentication.
        password: Password.
        verify: Whether to verify its certificate.
        timeout: Seconds to wait for each reply.
        total: Seconds for the whole session.
    """

    host: str
    port: int = 587
    encryption: str = "tls"
    username: str = ""
    password: str = ""
    verify: bool = True
    timeout: float = TIMEOUT
    total: float = TOTAL


def send(server: MailServer, message: EmailMessage, sender: str, recipients: list[str]) -> None:
    """Send a message.

    Args:
        server: The server.
        message: The message with its headers.
        sender: Envelope sender.
        recipients: Envelope recipients.

    Raises:
        MailError: It was not accepted, or the result is unknown.
    """
    with _session(server) as smtp:
        refused = smtp.send_message(message, sender, recipients)
        if refused:
            code, reply = next(iter(refused.values()))
            raise smtplib.SMTPResponseException(code, reply)


def try_out(server: MailServer) -> None:
    """Connect and authenticate without sending a message.

    Raises:
        MailError: It failed.
    """
    with _session(server) as smtp:
        smtp.noop()


@contextlib.contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    smtp: smtplib.SMTP | None = None
    expired = threading.Event()

    def disconnect() -> None:
        expired.set()
        # A server that sends one byte at a time never exceeds the timeout of a single read.
        with contextlib.suppress(OSError, AttributeError):
            if smtp is not None and smtp.sock is not None:
                smtp.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(server.total, disconnect)
    timer.daemon = True
    timer.start()
    try:
        context = _context(server.verify)
        # Without an explicit local host name, smtplib would look it up in DNS.
        name = socket.gethostname()
        options: dict[str, Any] = {
            "timeout": server.timeout,
            "local_hostname": name if "." in name else "[127.0.0.1]",
        }
        # Constructed without a host, so that the timer can close the connection while connect()
        # waits for the greeting.
        if server.encryption == "ssl":
            smtp = smtplib.SMTP_SSL(context=context, **options)
        else:
            smtp = smtplib.SMTP(**options)
        # The name to verify the certificate against, which only the constructor sets.
        smtp._host = ascii_host(server.host)  # type: ignore[attr-defined]
        code, reply = _connect(smtp, server)
        if code != 220:
            raise smtplib.SMTPConnectError(code, reply)
        if server.encryption == "tls":
            smtp.starttls(context=context)
        if server.username:
            smtp.login(server.username, server.password)
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    except NameUnknown:
        raise MailError(f"The mail server {server.host} could not be found.") from None
    except AddressRefused as error:
        raise MailError(str(error)) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(*_describe(server, error, expired.is_set())) from None
    finally:
        timer.cancel()
        if smtp is not None:
            smtp.close()


def _connect(smtp: smtplib.SMTP, server: MailServer) -> tuple[int, bytes]:
    """Connect to one of the addresses that the panel may reach and return the greeting."""
    addresses = resolve_reachable(server.host, server.port)
    for address, port in addresses[:-1]:
        try:
            return smtp.connect(address, port)
        except ConnectionRefusedError:
            continue
    return smtp.connect(*addresses[-1])


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _describe(server: MailServer, error: Exception, expired: bool) -> tuple[str, int]:
    """Return a message for an error, and the server's reply code."""
    address = f"{server.host}:{server.port}"
    disconnected = isinstance(error, smtplib.SMTPServerDisconnected)
    if expired or isinstance(error, TimeoutError) or (disconnected and "timed out" in str(error)):
        return f"The mail server {address} did not respond in time.", 0
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
        return f"The mail server refused the recipient: {_reply(server, code, reply)}", code
    if isinstance(error, smtplib.SMTPResponseException):
        problem = _REFUSALS.get(type(error), "responded with an error")
        text = _reply(server, error.smtp_code, error.smtp_error)
        return f"The mail server {problem}: {text}", error.smtp_code
    return _describe_connection(server, address, error), 0


def _describe_connection(server: MailServer, address: str, error: Exception) -> str:
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"The mail server {address} lacks a required feature: {error}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return f"The mail server {address} closed the connection."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {address} is not trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"No encrypted connection to {address}. Check the encryption for this port."
    if isinstance(error, socket.gaierror):
        return f"The mail server {server.host} could not be found."
    if isinstance(error, OSError):
        return f"Could not connect to the mail server {address}."
    detail = redact_text(mask_secrets(str(error), [server.password]))[:_MAX_REPLY_LENGTH]
    return f"The message could not be sent: {detail}"


def _reply(server: MailServer, code: int, text: bytes | str) -> str:
    """Return the server's reply without credentials, which some servers quote."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    reply = " ".join(decoded.split())[:_MAX_REPLY_LENGTH]
    if server.password:
        for secret in (
            server.password,
            b64encode(server.password.encode()).decode(),
            b64encode(f"\0{server.username}\0{server.password}".encode()).decode(),
        ):
            reply = reply.replace(secret, MASK)
    return f"{code} {redact_text(reply)}"
