"""Mail for Notification modules.

While a page waits, as with **Test connection**, timeouts are short; in a task they are long.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from html import unescape
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.host import context
from puqpanel.infra import mail
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.rules import to_integer
from puqpanel.sdk.texts import strip_tags
from puqpanel.sdk.validator import ValidationError

__all__ = ["Mail", "MailError", "NotificationMail"]

_PAGE_TIMEOUT_SECONDS, _PAGE_TOTAL_SECONDS = 5.0, 10.0
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNREAD = re.compile(
    r"(?i)<(style|script|title)\b(?:[^<]|<(?!(?:style|script|title)\b|/\1\s*+>))*+</\1\s*+>"
)
_BREAKS = re.compile(r"(?i)<(?:br|/p|/div|/h[1-6]|/li|/tr)\b[^>]*>")
# the vendor documentation uses the first key; the others are common elsewhere
_NAMES = {
    "host": ("server", "host"),
    "port": ("port",),
    "encryption": ("encryption", "secure"),
    "username": ("username", "user"),
    "password": ("password",),
    "email": ("email", "from_address", "from"),
    "sender_name": ("sender_name", "from_name"),
}
_ENCRYPTION_ALIASES = {"": "none", "no": "none", "false": "none", "starttls": "tls", "smtps": "ssl"}


class MailError(ExternalServiceError):
    """The mail server was unreachable or refused the message.

    Attributes:
        permanent: True if the server would refuse the same message again.
    """

    def __init__(self, message: str = "", code: int = 0) -> None:
        super().__init__(message, code)
        self.permanent = code >= 500


@dataclass(frozen=True)
class NotificationMail:
    """One message.

    Attributes:
        to: an address, or a list of them.
        subject: one line.
        message: text or HTML; HTML is sent with a plain-text alternative.
        attachments: `[{"name": "invoice.pdf", "content": bytes or base64, "type":
            "application/pdf"}]`.
    """

    to: str | Sequence[str]
    subject: str
    message: str
    attachments: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


class Mail:
    """A mail server and its sender address.

    For example:

        Mail.mailer(self.module_data).send(NotificationMail(to, subject, message))
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Check the server's settings.

        Args:
            config: server, port, encryption (tls, ssl or none), username, password, email and
                sender_name; verify=False accepts any certificate.

        Raises:
            ValidationError: a setting is missing or invalid.
        """
        settings = {
            name: next((config[key] for key in keys if config.get(key) not in (None, "")), "")
            for name, keys in _NAMES.items()
        }
        encryption = str(settings["encryption"]).lower() or "none"
        encryption = _ENCRYPTION_ALIASES.get(encryption, encryption)
        default_port = 465 if encryption == "ssl" else 587
        port = default_port if settings["port"] == "" else to_integer(settings["port"])
        errors: dict[str, list[str]] = {}
        host = str(settings["host"]).strip()
        if not host or re.search(r"[\s/@\\]", host):
            errors["server"] = ["The mail server must be a host name or an IP address."]
        if port is None or not 0 < port < 65536:
            errors["port"] = ["The port must be a number from 1 to 65535."]
        if encryption not in mail.ENCRYPTIONS:
            errors["encryption"] = ["The encryption must be tls, ssl or none."]
        try:
            self.sender = _address("email", str(settings["email"]))
            self.sender_name = _line("sender_name", str(settings["sender_name"]))
        except ValidationError as error:
            errors.update(error.errors)
        if errors:
            raise ValidationError(errors)
        call = context.current()
        in_page = call is not None and call.task_id is None
        self.server = mail.MailServer(
            host,
            port or 0,
            encryption,
            str(settings["username"]),
            str(settings["password"]),
            config.get("verify") is not False,
            _PAGE_TIMEOUT_SECONDS if in_page else mail.TIMEOUT,
            _PAGE_TOTAL_SECONDS if in_page else mail.TOTAL,
        )

    @classmethod
    def mailer(cls, config: Mapping[str, Any]) -> "Mail":
        """Return a mailer for a server; the argument is that of the class."""
        return cls(config)

    def send(self, message: NotificationMail) -> None:
        """Send one message.

        Raises:
            ValidationError: an address, the subject or an attachment is invalid.
            MailError: the server was unreachable or refused the message.
        """
        to = [message.to] if isinstance(message.to, str) else list(message.to)
        if not to:
            raise ValidationError({"to": ["Enter at least one recipient."]})
        recipients = [_address("to", address) for address in to]
        email = self._build(message, recipients)
        try:
            mail.send(self.server, email, self.sender, recipients)
        except mail.MailError as error:
            raise MailError(str(error), error.code) from None

    def test(self) -> None:
        """Connect and authenticate without sending anything.

        Raises:
            MailError: the server was unreachable or refused the credentials.
        """
        try:
            mail.try_out(self.server)
        except mail.MailError as error:
            raise MailError(str(error), error.code) from None

    def _build(self, message: NotificationMail, recipients: list[str]) -> EmailMessage:
        email = EmailMessage()
        email["From"] = formataddr((self.sender_name, self.sender))
        email["To"] = ", ".join(recipients)
        email["Subject"] = _line("subject", message.subject)
        email["Date"] = formatdate(localtime=False)
        email["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        text = str(message.message)
        if _TAG.search(text):
            email.set_content(
                unescape(strip_tags(_BREAKS.sub("\n", _UNREAD.sub("", text)))).strip() + "\n"
            )
            email.add_alternative(text, subtype="html")
        else:
            email.set_content(text)
        for attachment in message.attachments or ():
            name, content, (maintype, _, subtype) = _attachment(attachment)
            email.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
        return email


def _line(field_name: str, text: str) -> str:
    """Return text for a header; a line break would let the caller inject headers."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValidationError(
            {field_name: [f"The {field_name.replace('_', ' ')} must be one line."]}
        )
    return text.strip()


def _address(field_name: str, text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return (
            validate_email(
                _line(field_name, str(text)),
                check_deliverability=False,
                test_environment=True,
                allow_smtputf8=False,
            ).ascii_email
            or ""
        )
    except EmailNotValidError:
        raise ValidationError(
            {field_name: [f"The {field_name} must be an e-mail address."]}
        ) from None


def _attachment(attachment: Mapping[str, Any]) -> tuple[str, bytes, tuple[str, str, str]]:
    try:
        name = _line("attachments", str(attachment["name"])).rpartition("/")[2]
        content = (
            attachment["content"]
            if isinstance(attachment["content"], bytes)
            else b64decode(str(attachment["content"]), validate=True)
        )
        kind = str(attachment.get("type") or attachment.get("mime") or "application/octet-stream")
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) or kind.startswith(
            ("text/", "multipart/", "message/")
        ):
            kind = "application/octet-stream"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise ValidationError(
            {"attachments": ["An attachment needs a name, and content as bytes or base64."]}
        ) from None
    return name or "attachment", content, kind.partition("/")
