"""Mail over SMTP: one message to one server, bounded in time.

What goes wrong is a sentence without the password.
"""

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
from puqpanel.infra.redact import mask_secrets, redact_text

ENCRYPTIONS = ("tls", "ssl", "none")
TIMEOUT, TOTAL = 30.0, 120.0
_SAID = 200


class MailError(ExternalServiceError):
    """The server was not reached, or took no message.

    Args:
        message: one sentence.
        code: what the server answered, 0 where it said nothing.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code

    @property
    def permanent(self) -> bool:
        """Whether the same message would be refused again: SMTP's codes from 500."""
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in.

    Args:
        host, port: where it listens.
        encryption: tls (STARTTLS, which the server must offer), ssl (from the first byte) or none.
        username, password: left out where the server asks for none.
        verify: whether its certificate is checked.
        timeout: seconds that it may be silent.
        total: seconds for all of it.
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
    """Hands one message in.

    Args:
        server: where.
        message: with its headers.
        sender, recipients: the addresses of the envelope.

    Raises:
        MailError: it was not taken, or nobody can tell.
    """
    with _session(server) as smtp:
        refused = smtp.send_message(message, sender, recipients)
        if refused:
            code, said = next(iter(refused.values()))
            raise smtplib.SMTPResponseException(code, said)


def try_out(server: MailServer) -> None:
    """Connects and signs in, and sends nothing. Raises MailError."""
    with _session(server) as smtp:
        smtp.noop()


@contextlib.contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    smtp: smtplib.SMTP | None = None
    late = threading.Event()

    def cut() -> None:
        late.set()
        # a server that drips keeps every single wait short; the end of the line ends them all
        with contextlib.suppress(OSError, AttributeError):
            if smtp is not None and smtp.sock is not None:
                smtp.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(server.total, cut)
    watch.daemon = True
    watch.start()
    try:
        context = _context(server.verify)
        # made without a host and connected by hand: the greeting is waited for under the same watch
        name = socket.gethostname()
        # else a slow name server is asked for it
        options: dict[str, Any] = {
            "timeout": server.timeout,
            "local_hostname": name if "." in name else "[127.0.0.1]",
        }
        smtp = (
            smtplib.SMTP_SSL(context=context, **options)
            if server.encryption == "ssl"
            else smtplib.SMTP(**options)
        )
        smtp._host = server.host  # type: ignore[attr-defined]  # what the certificate is checked against; only the constructor sets it
        code, said = smtp.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if server.encryption == "tls":
            smtp.starttls(context=context)
        if server.username:
            smtp.login(server.username, server.password)
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(*_told(server, error, late.is_set())) from None
    finally:
        watch.cancel()
        if smtp is not None:
            smtp.close()


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _told(server: MailServer, error: Exception, late: bool) -> tuple[str, int]:
    """What went wrong, as a sentence and the server's code."""
    place = f"{server.host}:{server.port}"
    if (
        late
        or isinstance(error, TimeoutError)
        or (isinstance(error, smtplib.SMTPServerDisconnected) and "timed out" in str(error))
    ):
        return f"The mail server {place} did not answer in time.", 0
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"The mail server refused the recipient: {_said(server, code, said)}", code
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return (
            (
                "The mail server refused the user name or password:"
                f" {_said(server, error.smtp_code, error.smtp_error)}"
            ),
            error.smtp_code,
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return (
            (
                "The mail server refused the sender:"
                f" {_said(server, error.smtp_code, error.smtp_error)}"
            ),
            error.smtp_code,
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return (
            f"The mail server refused: {_said(server, error.smtp_code, error.smtp_error)}",
            error.smtp_code,
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"The mail server {place} does not offer what is asked of it: {error}", 0
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return f"The mail server {place} cut the connection.", 0
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {place} is not trusted: {error.verify_message}.", 0
    if isinstance(error, ssl.SSLError):
        return (
            f"No encrypted connection to {place}: is the encryption the right one for this port?",
            0,
        )
    if isinstance(error, socket.gaierror):
        return f"There is no mail server {server.host}.", 0
    if isinstance(error, OSError):
        return f"The mail server {place} could not be reached.", 0
    return (
        (
            "The message cannot be sent:"
            f" {redact_text(mask_secrets(str(error), [server.password]))[:_SAID]}"
        ),
        0,
    )


def _said(server: MailServer, code: int, text: bytes | str) -> str:
    said = " ".join(
        (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)).split()
    )[:_SAID]
    # some servers answer with the very line that they refuse
    known = [
        server.password,
        b64encode(server.password.encode()).decode(),
        b64encode(f"\0{server.username}\0{server.password}".encode()).decode(),
    ]
    for secret in known if server.password else ():
        said = said.replace(secret, "•••")
    return f"{code} {redact_text(said)}"
