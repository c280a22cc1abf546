"""Mail over real SMTP: encryption, refusals, timeouts, header injection and hidden passwords."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from puqpanel.host.context import Context, entered
from puqpanel.sdk import Mail, MailError, NotificationMail, ValidationError
from tests.fakes.smtp import MailServer
from tests.servers import free_port

LOGIN = ("panel", "Very-Secret-77")


@pytest.mark.parametrize("encryption", ["none", "tls", "ssl"])
def test_message_is_delivered(encryption: str) -> None:
    with MailServer(encryption, LOGIN) as server:
        Mail.mailer(server.config()).send(
            NotificationMail(
                "anna@example.test",
                "Zażółć",
                "Hello\n.\nAnna",
                [
                    {
                        "name": "a.pdf",
                        "content": base64.b64encode(b"%PDF").decode(),
                        "type": "application/pdf",
                    },
                    {"name": "../b.bin", "content": b"\x00\x01"},
                ],
            )
        )
    (taken,) = server.messages
    assert (taken.sender, taken.recipients, taken.encrypted, taken.login) == (
        "panel@firm.example",
        ["anna@example.test"],
        encryption != "none",
        "panel",
    )
    message = taken.message
    assert (message["From"], message["To"], message["Subject"]) == (
        "The firm <panel@firm.example>",
        "anna@example.test",
        "Zażółć",
    )
    assert message["Message-ID"].endswith("@firm.example>") and message["Date"]
    body = message.get_body(("plain",))
    assert body is not None and body.get_content().split() == ["Hello", ".", "Anna"]
    files = list(message.iter_attachments())
    assert [(one.get_filename(), one.get_content_type(), one.get_content()) for one in files] == [
        ("a.pdf", "application/pdf", b"%PDF"),
        ("b.bin", "application/octet-stream", b"\x00\x01"),
    ]


def test_html_mail_has_a_plain_text_alternative() -> None:
    with MailServer() as server:
        Mail.mailer(server.config()).send(
            NotificationMail(
                ["a@example.test", "b@example.test"],
                "S",
                "<style>h1 { color: red }</style><h1>Hi</h1><p>1 &lt; 2<br>and on</p>",
            )
        )
    message = server.messages[0].message
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    assert plain.get_content().split() == ["Hi", "1", "<", "2", "and", "on"]
    assert "<h1>Hi</h1>" in html.get_content()
    assert server.messages[0].recipients == ["a@example.test", "b@example.test"]


@pytest.mark.parametrize(
    ("fault", "sentence", "permanent"),
    [
        ("recipient", "refused the recipient: 550 no such mailbox", True),
        ("full", "refused the recipient: 452 mailbox full", False),
        ("drop", "closed the connection", False),
    ],
)
def test_server_errors(fault: str, sentence: str, permanent: bool) -> None:
    with MailServer() as server:
        server.fault = fault
        with pytest.raises(MailError, match=sentence) as caught:
            Mail.mailer(server.config()).send(NotificationMail("anna@example.test", "S", "M"))
    assert caught.value.permanent is permanent
    assert server.messages == []


def test_password_is_not_in_error_messages() -> None:
    with MailServer("tls", LOGIN) as server:
        server.fault = "echo"
        with pytest.raises(MailError) as caught:
            Mail.mailer(server.config(password="Wrong-Secret-88")).test()
    assert "refused the user name or password: 535" in str(caught.value)
    assert "Secret" not in str(caught.value)
    assert base64.b64encode(b"\0panel\0Wrong-Secret-88").decode() not in str(caught.value)


def test_untrusted_or_unreachable_server() -> None:
    with MailServer("tls") as server:
        with pytest.raises(MailError, match=r"The certificate of localhost:[0-9]+ is not trusted"):
            Mail.mailer(server.config(verify=True)).test()
        with pytest.raises(MailError, match="No encrypted connection"):
            Mail.mailer(server.config(encryption="ssl")).test()
        Mail.mailer(server.config()).test()
    with MailServer("none") as plain, pytest.raises(MailError, match="lacks a required feature"):
        Mail.mailer(plain.config(encryption="tls")).test()
    with pytest.raises(MailError, match="Could not connect"):
        Mail.mailer(plain.config(port=free_port())).test()


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_unresponsive_server_times_out(fault: str) -> None:
    with MailServer() as server:
        server.fault = fault
        mail = Mail.mailer(server.config())
        mail.server = replace(mail.server, timeout=0.4, total=0.8)
        with pytest.raises(MailError, match="did not respond in time"):
            mail.test()


def test_page_waits_less_than_a_task() -> None:
    config = {"server": "mail.test", "email": "a@firm.test"}
    with entered(Context("Notification", "X")):
        assert Mail.mailer(config).server.total == 10
    with entered(Context("Notification", "X", task_id=1)):
        assert Mail.mailer(config).server.total > 60


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"server": ""}, {"server"}),
        ({"server": "a b"}, {"server"}),
        ({"server": "user@host"}, {"server"}),
        ({"port": 0}, {"port"}),
        ({"port": "x"}, {"port"}),
        ({"encryption": "rot13"}, {"encryption"}),
        ({"email": "nobody"}, {"email"}),
        ({"sender_name": "a\r\nBcc: x@y.test"}, {"sender_name"}),
        ({"email": "", "port": 99999}, {"email", "port"}),
    ],
)
def test_invalid_configuration(changed: dict[str, Any], wrong: set[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Mail.mailer(
            {
                "server": "mail.test",
                "port": "587",
                "encryption": "tls",
                "email": "a@firm.test",
                **changed,
            }
        )
    assert set(caught.value.errors) == wrong


def test_setting_aliases() -> None:
    server = Mail.mailer(
        {"host": "mail.test", "user": "u", "from_address": "a@firm.test", "secure": "SSL"}
    ).server
    assert (server.host, server.port, server.encryption, server.username) == (
        "mail.test",
        465,
        "ssl",
        "u",
    )


@pytest.mark.parametrize(
    "message",
    [
        NotificationMail("anna@example.test", "Hi\r\nBcc: evil@example.test", "M"),
        NotificationMail("anna@example.test\nBcc: evil@example.test", "S", "M"),
        NotificationMail("anna@example.test, evil@example.test", "S", "M"),
        NotificationMail("nobody", "S", "M"),
        NotificationMail([], "S", "M"),
        NotificationMail("anna@example.test", "S", "M", [{"name": "a\r\nX: y", "content": b""}]),
        NotificationMail("anna@example.test", "S", "M", [{"name": "a", "content": "no base64!"}]),
        NotificationMail("anna@example.test", "S", "M", [{"content": b""}]),
    ],
)
def test_header_injection_is_refused(message: NotificationMail) -> None:
    with MailServer() as server:
        with pytest.raises(ValidationError):
            Mail.mailer(server.config()).send(message)
        assert server.messages == []
