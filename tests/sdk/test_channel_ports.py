"""The vendor's mail sender and card gateway, ported name for name, as configured modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.billing import companies
from puqpanel.operations.messaging import messages
from puqpanel.operations.messaging.messages import Message
from puqpanel.operations.modules import configured_modules, module_settings
from tests.conftest import STAFF
from tests.fakes.smtp import MailServer
from tests.sample import activate, write_module
from tests.sdk.guide_ports import pep8

SMTP = """
from puqpanel.sdk import Mail, Notification, NotificationMail


class MySMTPNotification(Notification):
    def getModuleData(self, data={}):
        self.module_data = {
            'email': data.get('email', ''),
            'server': data.get('server', ''),
            'sender_name': data.get('sender_name', ''),
            'port': data.get('port', 587),
            'encryption': data.get('encryption', 'tls'),
            'username': data.get('username', ''),
            'password': data.get('password', ''),
        }
        return self.module_data

    def getSettingsPage(self, data={}):
        return self.view('settings', data)

    def send(self, data={}):
        try:
            config = self.buildMailConfig()
            Mail.mailer(config).send(NotificationMail(
                data['to'],
                data['subject'],
                data['message']
            ))
            self.logInfo('send', 'Email sent successfully', {
                'to': data['to'],
                'subject': data['subject']
            })
            return {'status': 'success'}
        except Exception as e:
            self.logError('send', 'Email sending failed', str(e))
            return {'status': 'error', 'message': str(e)}

    def buildMailConfig(self):
        return self.module_data
"""
STRIPE = """
from puqpanel.sdk import Payment, response


class MyStripePayment(Payment):
    def getModuleData(self, data={}):
        return {
            'publishable_key': data.get('publishable_key', ''),
            'secret_key': data.get('secret_key', ''),
            'webhook_secret': data.get('webhook_secret', ''),
            'sandbox': data.get('sandbox', False),
        }

    def getClientAreaHtml(self, data={}):
        invoice = data['invoice']
        amount = invoice.getDueAmountAttribute()
        currency = invoice.client.currency.code
        session = {
            'referenceId': invoice.uuid,
            'description': 'Invoice #' + invoice.number,
            'amount': amount,
            'currency': currency,
            'return_url': self.getReturnUrl(),
            'cancel_url': self.getCancelUrl(),
        }
        return self.view('client_area', {'session': session})

    def getSettingsPage(self, data={}):
        return self.view('settings', data)

    def apiWebhookPost(self, request):
        payload = request.all()
        match payload.get('type', ''):
            case 'payment_intent.succeeded':
                return self.onPaymentSuccess(payload)
            case 'payment_intent.payment_failed':
                return self.onPaymentFailed(payload)
            case _:
                return response('ok', 200)
"""
SETTINGS = """<input name="secret_key" value="{{ secret_key }}"><input name="password" value="{{ password }}"><input name="server" value="{{ server }}">
<code>{{ webhook_url }}</code>"""


@pytest.fixture(params=["vendor", "pep8"])
def settings(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    spelt = pep8 if request.param == "pep8" else str
    files = {
        "views/settings.html": SETTINGS,
        "views/client_area.html": (
            "{{ session.description }} {{ session.amount }} {{ session.currency }} {{"
            " session.return_url }}"
        ),
    }
    write_module(
        tmp_path / "modules",
        spelt(SMTP),
        type="Notification",
        name="MySMTPNotification",
        files=files,
    )
    write_module(
        tmp_path / "modules", spelt(STRIPE), type="Payment", name="MyStripePayment", files=files
    )
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(settings: Settings) -> Iterator[Panel]:
    live = Live(settings)
    with live.ensure().app_context():
        activate(live.ensure(), STAFF, "MySMTPNotification", "Notification")
        activate(live.ensure(), STAFF, "MyStripePayment", "Payment")
    app = live.ensure()
    assert not app.registry.refused
    with app.app_context():
        yield app
    dismantle(app)


def test_mail_sender(panel: Panel, drain: Callable[..., None]) -> None:
    uuid = configured_modules.create_instance(
        actor=STAFF,
        module_type="Notification",
        module="Notification/MySMTPNotification",
        title="Mail",
    ).uuid
    with MailServer("none", ("panel", "Very-Secret-77")) as server:
        sent = {key: str(value) for key, value in server.config().items() if key != "verify"}
        module_settings.save_settings(actor=STAFF, uuid=uuid, data=sent)
        module_settings.save_settings(actor=STAFF, uuid=uuid, data={**sent, "password": ""})
        for changed in ({"server": "evil.example"}, {"port": "1"}, {"username": "other"}):
            with pytest.raises(InvalidInput) as refusal:
                module_settings.save_settings(
                    actor=STAFF, uuid=uuid, data={**sent, "password": "", **changed}
                )
            assert "was changed" in str(refusal.value.errors["password"])
        page = module_settings.settings_page(
            actor=STAFF, instance=configured_modules.find_instance(uuid)
        )
        assert (
            page is not None
            and 'name="server" value="localhost"' in page.value
            and "Very-Secret-77" not in page.value
        )
        configured_modules.switch_instance(actor=STAFF, uuid=uuid, active=True)
        messages.send(
            actor=STAFF,
            sender_uuid=uuid,
            message=Message("anna@example.test", "Hello", "Text"),
            tries=1,
        )
        drain(1)
        assert [one.recipients for one in server.messages] == [["anna@example.test"]]
        server.fault = "recipient"
        messages.send(
            actor=STAFF,
            sender_uuid=uuid,
            message=Message("anna@example.test", "Again", "Text"),
            tries=1,
        )
        drain(1)
    release()
    notes = [
        (task.status, str(task.note))
        for task in session().scalars(sa.select(Task).order_by(Task.id))
    ]
    assert notes == [
        ("completed", ""),
        ("failed", "The mail server refused the recipient: 550 no such mailbox"),
    ]


def test_card_gateway(panel: Panel) -> None:
    companies.save_company(actor=STAFF, uuid=None, values={"name": "Firm", "country": "PL"})
    uuid = configured_modules.create_instance(
        actor=STAFF, module_type="Payment", module="Payment/MyStripePayment", title="Card"
    ).uuid
    module_settings.save_settings(
        actor=STAFF,
        uuid=uuid,
        data={
            "publishable_key": "pk_1",
            "secret_key": "sk_live_canary",
            "webhook_secret": "w",
            "sandbox": "1",
        },
    )
    configured_modules.switch_instance(actor=STAFF, uuid=uuid, active=True)
    page = module_settings.settings_page(
        actor=STAFF, instance=configured_modules.find_instance(uuid)
    )
    assert (
        page is not None
        and f"http://panel.test/webhooks/Payment/MyStripePayment/{uuid}" in page.value
        and "sk_live_canary" not in page.value
    )
    shown = module_settings.preview(actor=STAFF, gateway=configured_modules.find_instance(uuid))
    assert (
        shown is not None
        and shown.value == "Invoice #SAMPLE-0001 21.90 EUR http://panel.test/client"
    )
    browser = panel.test_client()
    for body, said in (
        (
            {
                "type": "payment_intent.succeeded",
                "id": "evt_1",
                "data": {"object": {"id": "pi_1", "amount": 2190, "currency": "eur"}},
            },
            '"success"',
        ),
        ({"type": "payment_intent.payment_failed"}, '"success"'),
        ({}, "ok"),
    ):
        answer = browser.post(f"/webhooks/Payment/MyStripePayment/{uuid}", json=body)
        assert answer.status_code == 200 and said in answer.text
    assert browser.get(f"/webhooks/Payment/MyStripePayment/{uuid}").text == "ok"
    actions = set(session().scalars(sa.select(ModuleLog.action)))
    assert {"payment succeeded", "payment failed", "webhook POST"} <= actions
