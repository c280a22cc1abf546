"""The payment cards: a correct gateway and a port pass, and each defect fails its card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from puqpanel.sdk.testing import run_suite
from puqpanel.sdk.testing.contract import probes
from tests.sample import write_module
from tests.sdk.guide_ports import pep8

pytestmark = pytest.mark.sqlite

GOOD = """
    import hashlib, hmac
    from datetime import UTC, datetime
    from decimal import Decimal
    from puqpanel.sdk import (
        Checkout, ExternalServiceError, Payment, PaymentReport, RefundReport, SavedMethod, http,
    )

    class Echo(Payment):
        def start_payment(self, attempt):
            return Checkout("co_" + attempt.uuid, "https://bank.example/" + attempt.uuid)

        def verify_event(self, event):
            sent = event.header("X-Sent") or "0"
            signed = hmac.new(b"secret", sent.encode() + event.body, hashlib.sha256).hexdigest()
            recent = abs(event.received_at.timestamp() - int(sent)) < 300
            return recent and hmac.compare_digest(signed, event.header("X-Signature"))

        def read_event(self, event):
            return self._reports([event.json])

        def observe_payment(self, outside_id):
            attempt = outside_id.removeprefix("co_")
            return self._reports(self._ask("GET", "payments/" + attempt)["payments"])

        def refund(self, transaction_id, amount):
            body = {"payment": transaction_id, "amount": str(amount), "key": self.idempotency_key}
            return self._reports([self._ask("POST", "refunds", json=body)])[0]

        def charge(self, attempt):
            body = {"attempt": attempt.uuid, "amount": str(attempt.amount), "key": attempt.key}
            return self._reports([self._ask("POST", "charges", json=body)])[0]

        def _ask(self, method, path, **options):
            answer = http.session(self.module_data["url"]).request(method, path, **options)
            if not answer.ok:
                raise ExternalServiceError(answer.error)
            return answer.data

        def _reports(self, messages):
            return [self._report(each) for each in messages]

        def _report(self, each):
            key, status, currency = each["id"], each["status"], each["currency"]
            amount = Decimal(each["amount"])
            if each["type"] == "refund":
                return RefundReport(each["payment"], key, status, amount, currency, each["key"])
            saved = SavedMethod("card-" + key, "customer-1")
            return PaymentReport(key, status, amount, currency, each["attempt"], method=saved)
"""
PROVIDER = """
    import hashlib, hmac, json
    from contextlib import contextmanager
    from datetime import timedelta
    from decimal import Decimal
    from puqpanel.sdk.testing import PaymentSimulator, Provider, Reply, Supply

    class Bank(Provider):
        def __init__(self):
            super().__init__()
            self.payments, self.refunds, self.done = [], [], {}

        def work(self, request):
            kind, _, rest = request.path.strip("/").partition("/")
            if kind == "payments":
                return Reply.of({"payments": [one for one in self.payments if one["attempt"] == rest]})
            sent = request.json
            if sent["key"] not in self.done:
                self.done[sent["key"]] = self.take(**sent) if kind == "charges" else self.give(**sent)
            return Reply.of(self.done[sent["key"]])

        def take(self, attempt, amount, currency="EUR", key="", status="succeeded"):
            paid = {"type": "payment", "id": f"pay-{len(self.payments)}", "attempt": attempt, "amount": amount, "currency": currency, "status": status}
            self.payments.append(paid)
            return paid

        def give(self, payment, amount, key=""):
            given = {"type": "refund", "id": f"ref-{len(self.refunds)}", "payment": payment, "amount": amount, "currency": "EUR", "status": "succeeded", "key": key}
            self.refunds.append(given)
            return given

    class Simulator(PaymentSimulator):
        stale_after = timedelta(hours=1)

        def __init__(self, bank):
            self.bank = bank

        def pay(self, attempt, amount, currency):
            return json.dumps(self.bank.take(attempt.uuid, str(amount), currency)).encode()

        def sign(self, body, at):
            sent = str(int(at.timestamp()))
            return {"X-Sent": sent, "X-Signature": hmac.new(b"secret", sent.encode() + body, hashlib.sha256).hexdigest()}

        def cancel(self, attempt):
            return json.dumps({**self._paid(attempt)[-1], "status": "cancelled"}).encode()

        def refund(self, attempt):
            paid = self._paid(attempt)[-1]
            return json.dumps(self.bank.give(paid["id"], paid["amount"])).encode()

        def held(self, attempt):
            paid = self._paid(attempt)
            ids = [one["id"] for one in paid]
            given = [one for one in self.bank.refunds if one["payment"] in ids]
            return sum(Decimal(one["amount"]) for one in paid) - sum(Decimal(one["amount"]) for one in given)

        def _paid(self, attempt):
            return [one for one in self.bank.payments if one["attempt"] == attempt.uuid]

    @contextmanager
    def provider():
        with Bank() as bank:
            yield Supply(faults=bank, settings={"url": bank.url}, money=Simulator(bank))
"""
PORT = """
import hashlib
import hmac

from puqpanel.sdk import Payment, response


class Echo(Payment):
    def getModuleData(self, data={}):
        return {'webhook_secret': data.get('webhook_secret', '')}

    def getClientAreaHtml(self, data={}):
        invoice = data['invoice']
        return f'<a href="https://bank.example/{invoice.uuid}">{invoice.getDueAmountAttribute()}</a>'

    def apiWebhookPost(self, request):
        secret = self.module_data['webhook_secret'].encode()
        signed = hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signed, request.headers.get('X-Signature', '')):
            return response('Invalid signature', 401)
        payload = request.all()
        match payload.get('type', ''):
            case 'payment_intent.succeeded':
                return self.onPaymentSuccess(payload)
            case 'payment_intent.payment_failed':
                return self.onPaymentFailed(payload)
            case _:
                return response('ok', 200)

    def refund(self, transactionId, amount):
        return {'status': 'error', 'message': 'Refund it at the bank.', 'code': 501}
"""
PORT_PROVIDER = """
    import hashlib, hmac, json
    from contextlib import contextmanager
    from puqpanel.sdk import minor_units
    from puqpanel.sdk.testing import PaymentSimulator, Supply

    class Simulator(PaymentSimulator):
        number = 0

        def pay(self, attempt, amount, currency):
            self.number += 1
            return self._message("payment_intent.succeeded", attempt, amount, currency)

        def sign(self, body, at):
            return {"X-Signature": hmac.new(b"whsec", body, hashlib.sha256).hexdigest()}

        def cancel(self, attempt):
            return self._message("payment_intent.payment_failed", attempt, attempt.amount, attempt.currency)

        def _message(self, kind, attempt, amount, currency):
            intent = {"id": f"pi_{self.number}", "amount": minor_units(amount, currency), "currency": currency.lower(),
                      "metadata": {"reference_id": attempt.invoice.uuid}}
            return json.dumps({"type": kind, "id": f"evt_{kind}_{self.number}", "data": {"object": intent}}).encode()

    @contextmanager
    def provider():
        yield Supply(settings={"webhook_secret": "whsec"}, money=Simulator())
"""
CARDS = [entry.name for entry in probes("Payment") if entry.name.startswith("money: ")]


def cards(
    tmp_path: Path, source: str, *only: str, provider: str = PROVIDER
) -> dict[str, tuple[str, str]]:
    """Return the outcomes and messages of a module's cards by name."""
    files = {"tests/provider.py": provider}
    folder = write_module(tmp_path, source, type="Payment", files=files)
    lines = run_suite(folder, only or CARDS)
    return {line.probe.removeprefix("money: "): (line.outcome, line.message) for line in lines}


def test_a_correct_gateway_passes_every_card(tmp_path: Path) -> None:
    found = cards(tmp_path, GOOD)
    assert len(found) == len(CARDS) == 15
    assert {name: line for name, line in found.items() if line[0] != "passed"} == {
        "answer lost while a webhook is read": (
            "not tested",
            "The module changes nothing at the provider.",
        )
    }


@pytest.mark.parametrize("spelt", [str, pep8])
def test_a_port_passes_the_cards_that_its_provider_has(
    spelt: Callable[[str], str], tmp_path: Path
) -> None:
    found = cards(tmp_path, spelt(PORT), provider=PORT_PROVIDER)
    assert [line for line in found.values() if line[0] == "failed"] == []
    assert {name for name, line in found.items() if line[0] == "passed"} == {
        "paid",
        "paid by two payments",
        "late",
        "too much",
        "too little",
        "another currency",
        "cancelled after it was paid",
        "wrong signature",
        "body of 1 MB",
    }
    assert found["refunded before it was paid"][1] == "The simulator has no refund()."


BROKEN = {
    "paid": (
        "return PaymentReport(key,",
        "return PaymentReport(key + str(__import__('time').time()),",
        "100.00 succeeded, 100.00 succeeded, not 100.00 succeeded",
    ),
    "paid by two payments": (
        "return PaymentReport(key,",
        'return PaymentReport("the payment",',
        "The payments are 100.00 succeeded, not 100.00 succeeded, 100.00 succeeded.",
    ),
    "late": (
        "return self._reports([event.json])",
        'raise ExternalServiceError("The page expired.")',
        "The page expired.",
    ),
    "too much": ('Decimal(each["amount"])', "Decimal(100)", "100.00 succeeded, not 105.00"),
    "too little": ('Decimal(each["amount"])', "Decimal(100)", "100.00 succeeded, not 95.00"),
    "another currency": ('each["currency"]', '"EUR"', "not one that is parked"),
    "refunded before it was paid": (
        "return self._reports([event.json])",
        'return self._reports([event.json] if event.json["type"] == "payment" else [])',
        "The invoice is paid, not issued.",
    ),
    "cancelled after it was paid": (
        'key, status, currency = each["id"], each["status"]',
        'key, status, currency = each["id"] + each["status"], "succeeded"',
        "100.00 succeeded, 100.00 succeeded",
    ),
    "webhook lost": (
        'self._ask("GET", "payments/" + attempt)["payments"]',
        "[]",
        "The payments are none",
    ),
    "answer lost while a webhook is read": (
        "return self._reports([event.json])",
        (
            "taken = {**event.json, 'key': str(__import__('time').time())}\n            "
            "names = ('attempt', 'amount', 'key')\n            "
            "body = {name: taken[name] for name in names}\n            "
            "return self._reports([self._ask('POST', 'charges', json=body)])"
        ),
        "The provider took 300.00, not 100.00.",
    ),
    "answer to a refund lost": (
        '"key": self.idempotency_key',
        '"key": str(__import__("time").time())',
        "The provider holds -100.00",
    ),
    "answer to a charge lost": (
        '"key": attempt.key',
        '"key": str(__import__("time").time())',
        "The provider charged 200.00, not 100.00.",
    ),
    "wrong signature": (
        'hmac.compare_digest(signed, event.header("X-Signature"))',
        'bool(event.header("X-Signature"))',
        "A webhook with a wrong signature returned 200",
    ),
    "old signature": ("return recent and", "return", "A webhook with an old signature returned"),
    "body of 1 MB": (
        'sent = event.header("X-Sent") or "0"',
        'sent = event.header("X-Sent") or "0"; [][len(event.body) >> 20]',
        "returned 503",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_gateway_fails_its_card(name: str, tmp_path: Path) -> None:
    before, after, says = BROKEN[name]
    assert before in GOOD
    [line] = cards(tmp_path, GOOD.replace(before, after), f"money: {name}").values()
    assert line[0] == "failed", line
    assert says in line[1]


def test_a_port_that_verifies_nothing_fails(tmp_path: Path) -> None:
    deaf = PORT.replace("if not hmac", "if False and not hmac")
    [line] = cards(tmp_path, deaf, "money: wrong signature", provider=PORT_PROVIDER).values()
    assert line == ("failed", "A webhook without a signature returned 200.")


def test_cards_need_a_simulator(tmp_path: Path) -> None:
    without = PROVIDER.replace(", money=Simulator(bank)", "")
    assert cards(tmp_path, GOOD, "money: paid", provider=without) == {
        "paid": ("not tested", "tests/provider.py supplies no money.")
    }
