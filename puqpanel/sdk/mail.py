"""Mail for Notification modules: `Mail.mailer(config).send(NotificationMail(to, subject, message,
attachments))`.

Where a page waits for it, as with “Test connection”, limits are short; in a task they are long.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from html import unescape
from typing import Any

from email_validator import EmailNotValidError, validate_email

from puqpanel.domain.errors import UserError
from puqpanel.host import context
from puqpanel.infra import mail
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.rules import to_integer
from puqpanel.sdk.texts import strip_tags
from puqpanel.sdk.validator import ValidationError

__all__ = ["Mail", "MailError", "NotificationMail"]

_PAGE, _PAGE_TOTAL = 5.0, 10.0
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNREAD = re.compile(r"(?is)<(style|script|title)\b.*?</\1\s*>")
_BREAKS = re.compile(r"(?i)<(?:br|/p|/div|/h[1-6]|/li|/tr)\b[^>]*>")
# the texts name the first; the others are what their configurations are called elsewhere
_NAMES = {
    "host": ("server", "host"),
    "port": ("port",),
    "encryption": ("encryption", "secure"),
    "username": ("username", "user"),
    "password": ("password",),
    "email": ("email", "from_address", "from"),
    "sender_name": ("sender_name", "from_name"),
}
_SAME = {"": "none", "no": "none", "false": "none", "starttls": "tls", "smtps": "ssl"}


class MailError(ExternalServiceError):
    """The mail server was not reached, or took no message.

    `permanent` says that it would refuse the same message again.
    """

    def __init__(self, message: str = "", code: int = 0) -> None:
        super().__init__(message, code)
        self.permanent = code >= 500


@dataclass(frozen=True)
class NotificationMail:
    """One message.

    Args: to, an address or several; subject, one line; message, text or HTML (which also gets a
    plain text); attachments, `[{"name": "invoice.pdf", "content": bytes or base64, "type":
    "application/pdf"}]`.
    """

    to: str | Sequence[str]
    subject: str
    message: str
    attachments: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


class Mail:
    """One mail server with its sender."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Args: config has server, port, encryption (tls, ssl or none), username, password, email
        and sender_name; verify=False takes any certificate. Raises: ValidationError where something
        is missing or is no such thing.
        """
        found = {
            name: next((config[key] for key in keys if config.get(key) not in (None, "")), "")
            for name, keys in _NAMES.items()
        }
        encryption = str(found["encryption"]).lower() or "none"
        encryption = _SAME.get(encryption, encryption)
        port = (
            to_integer(found["port"])
            if found["port"] != ""
            else 465
            if encryption == "ssl"
            else 587
        )
        errors: dict[str, list[str]] = {}
        host = str(found["host"]).strip()
        if not host or re.search(r"[\s/@\\]", host):
            errors["server"] = ["The mail server is a host name or an address."]
        if port is None or not 0 < port < 65536:
            errors["port"] = ["The port is a number from 1 to 65535."]
        if encryption not in mail.ENCRYPTIONS:
            errors["encryption"] = ["The encryption is tls, ssl or none."]
        try:
            self.sender = _address("email", str(found["email"]))
            self.sender_name = _line("sender_name", str(found["sender_name"]))
        except ValidationError as error:
            errors.update(error.errors)
        if errors:
            raise ValidationError(errors)
        call = context.current()
        waited_for = call is not None and call.task_id is None
        self.server = mail.MailServer(
            host,
            port or 0,
            encryption,
            str(found["username"]),
            str(found["password"]),
            config.get("verify") is not False,
            _PAGE if waited_for else mail.TIMEOUT,
            _PAGE_TOTAL if waited_for else mail.TOTAL,
        )

    @classmethod
    def mailer(cls, config: Mapping[str, Any]) -> "Mail":
        """A mailer for a server; see `__init__`."""
        return cls(config)

    def send(self, message: NotificationMail) -> None:
        """Hands one message in.

        Raises: ValidationError for an address or a line that cannot stand in a header; MailError
        where the server did not take it.
        """
        to = [message.to] if isinstance(message.to, str) else list(message.to)
        if not to:
            raise ValidationError({"to": ["The to is required."]})
        recipients = [_address("to", one) for one in to]
        built = self._build(message, recipients)
        try:
            mail.send(self.server, built, self.sender, recipients)
        except mail.MailError as error:
            raise MailError(str(error), error.code) from None

    def test(self) -> None:
        """Connects and signs in, and sends nothing. Raises MailError."""
        try:
            mail.try_out(self.server)
        except mail.MailError as error:
            raise MailError(str(error), error.code) from None

    def _build(self, message: NotificationMail, recipients: list[str]) -> EmailMessage:
        built = EmailMessage()
        built["From"] = formataddr((self.sender_name, self.sender))
        built["To"] = ", ".join(recipients)
        built["Subject"] = _line("subject", message.subject)
        built["Date"] = formatdate(localtime=False)
        built["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        text = str(message.message)
        if _TAG.search(text):
            built.set_content(
                unescape(strip_tags(_BREAKS.sub("\n", _UNREAD.sub("", text)))).strip() + "\n"
            )
            built.add_alternative(text, subtype="html")
        else:
            built.set_content(text)
        for one in message.attachments or ():
            name, content, (kind, _, rest) = _attachment(one)
            built.add_attachment(content, maintype=kind, subtype=rest, filename=name)
        return built


def _line(field_name: str, text: str) -> str:
    """A text that may stand in a header: whoever breaks the line writes headers of their own."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValidationError(
            {field_name: [f"The {field_name.replace('_', ' ')} must be one line."]}
        )
    return text.strip()


def _address(field_name: str, text: str) -> str:
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


def _attachment(one: Mapping[str, Any]) -> tuple[str, bytes, tuple[str, str, str]]:
    try:
        name = _line("attachments", str(one["name"])).rpartition("/")[2]
        content = (
            one["content"]
            if isinstance(one["content"], bytes)
            else b64decode(str(one["content"]), validate=True)
        )
        kind = str(one.get("type") or one.get("mime") or "application/octet-stream")
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) or kind.startswith(
            ("text/", "multipart/", "message/")
        ):
            kind = "application/octet-stream"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise ValidationError(
            {"attachments": ["An attachment has a name, and its content as bytes or in base64."]}
        ) from None
    return name or "attachment", content, kind.partition("/")
