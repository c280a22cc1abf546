"""Probes of Payment and Notification modules: settings, webhooks, refunds and sending."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Flask

from puqpanel.host import calls
from puqpanel.host.calls import Called
from puqpanel.host.contract.payments import RefundReport, reports_of
from puqpanel.host.form_fields import is_address, kept_for_another_address, secret_fields
from puqpanel.infra.db import session, transaction
from puqpanel.infra.redact import secret_name
from puqpanel.models import ConfiguredModule, PaymentEvent
from puqpanel.operations.billing import payment_events
from puqpanel.sdk.invoice import Invoice
from puqpanel.sdk.notification import Notification
from puqpanel.sdk.payment import Payment
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.pages import pages
from puqpanel.sdk.web import Request

GARBAGE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"\x00\xff\xfe",
    b'{"event": null, "data": []}',
    b"a=1&a=2&%ff",
    b"<xml><![CDATA[",
)
MESSAGE = {
    "to": "somebody@example.test",
    "subject": "A test",
    "message": "It works.",
    "attachments": [],
    "type": "info",
    "title": "Test",
    "module": "System",
}
TOO_LARGE = 3 * 1024 * 1024


def _call(bench: Bench, method: str, *args: Any, settings: dict[str, Any] | None = None) -> Called:
    stored = {"module_data": dict(bench.supply.settings) if settings is None else settings}
    return calls.invoke(calls.Call(bench.lab.loaded, method, args, stored=stored))


@probe("settings", "Payment", "Notification")
def settings(bench: Bench) -> str:
    """Render the settings, save the supplied ones, and refuse nonsense with a message."""
    with pages(bench.lab) as panel, panel.app.test_request_context():
        for stored in ({}, dict(bench.supply.settings)):
            called = _call(bench, "get_settings_page", settings=stored)
            assert not called.error, called.error
        for data in (
            {},
            dict.fromkeys(bench.supply.settings, ""),
            dict.fromkeys(bench.supply.settings, "\u202e<b>"),
            dict.fromkeys(bench.supply.settings),
        ):
            called = _call(bench, "save_module_data", data)
            assert not called.reference, f"save_module_data() raised: {called.error}"
        if bench.given and bench.supply.settings:
            called = _call(bench, "save_module_data", dict(bench.supply.settings))
            assert called.result.ok, (
                f"save_module_data() refuses the supplied settings: {called.result.message}"
                f" {called.result.errors or ''}".strip()
            )
    return "Settings rendered and saved; invalid ones refused."


@probe("saved secrets stay with their address", "Payment", "Notification")
def kept_secrets(bench: Bench) -> str:
    """Change each address in the settings and leave the secrets blank: none may be kept."""
    saved = dict(bench.supply.settings)
    secrets = {
        name
        for name, value in saved.items()
        if value and (name in secret_fields(bench.lab.loaded.cls) or secret_name(name))
    }
    addresses = [name for name in saved if name not in secrets and is_address(name)]
    if not secrets or not addresses:
        raise NotTested("The supplied settings contain no secret with an address.")
    for changed in addresses:
        submitted = {**saved, **dict.fromkeys(secrets, ""), changed: _changed(saved[changed])}
        with pages(bench.lab) as panel, panel.app.test_request_context():
            called = _call(bench, "save_module_data", submitted)
        data = called.result.data if called.result.ok else {}
        values = data if isinstance(data, Mapping) else {}
        kept, _field = kept_for_another_address(bench.lab.loaded.cls, saved, submitted, values)
        assert not kept, f"save_module_data() keeps {kept} when {changed} changes."
    return f"Entered again when {', '.join(addresses)} changes."


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"


@probe("client page on a sample invoice", "Payment")
def client_page(bench: Bench) -> str:
    """Render the payment page for a sample invoice."""
    data = {"invoice": Invoice.sample(), "sample": True, **(bench.supply.invoice or {})}
    with pages(bench.lab) as panel, panel.app.test_request_context():
        called = _call(bench, "get_client_area_html", data)
    assert not called.error, called.error
    assert isinstance(called.value, str), (
        f"get_client_area_html() returned a {type(called.value).__name__}, not text."
    )
    if not called.value.strip():
        raise NotTested("The payment page is empty.")
    return f"Rendered {len(called.value)} characters."


@probe("return addresses", "Payment")
def addresses(bench: Bench) -> str:
    """Check that the return and cancel addresses are addresses."""
    for method in ("get_return_url", "get_cancel_url"):
        called = _call(bench, method)
        assert not called.error, called.error
        assert str(called.value).startswith(("http://", "https://", "/")), (
            f"{method}() returned {called.value!r}, which is not an address."
        )
    return "Both addresses are valid."


@probe("webhook with invalid data", "Payment", "Notification", "Plugin")
def webhook_garbage(bench: Bench) -> str:
    """Send garbage to the webhook; it must be refused or ignored without a server error."""
    if not bench.lab.loaded.webhooks:
        raise NotTested("The module has no webhook.")
    address = f"/webhooks/{bench.lab.loaded.type}/{bench.lab.loaded.name}"
    with pages(bench.lab) as panel:
        if bench.lab.loaded.type != "Plugin":
            address += f"/{_configured(bench, panel.app)}"
        browser = panel.anybody.http
        status = browser.get(address).status_code
        assert status < 500, f"GET returned {status}."
        for body in GARBAGE:
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                status = browser.post(address, data=body, content_type=kind).status_code
                assert status < 500, f"POST of {body!r} as {kind} returned {status}."
        status = browser.post(
            address, data=b"x" * TOO_LARGE, content_type="application/json"
        ).status_code
        assert status in (400, 404, 413), f"A body of {TOO_LARGE // 1024**2} MB returned {status}."
    return f"No server error for {2 * len(GARBAGE)} invalid bodies and an oversized one."


def _configured(bench: Bench, app: Flask) -> str:
    """Return the UUID of an enabled gateway or sender with the supplied settings."""
    loaded = bench.lab.loaded
    with app.app_context(), transaction() as current:
        row = ConfiguredModule(
            type=loaded.type,
            name=loaded.name,
            title="Test",
            active=True,
            data=dict(bench.supply.settings),
        )
        current.add(row)
        current.flush()
        return row.uuid


@probe("webhook twice", "Payment")
def webhook_twice(bench: Bench) -> str:
    """Deliver a webhook twice, and once changed: it counts once, and the change is refused."""
    if "post" not in bench.lab.loaded.webhooks:
        raise NotTested("The module has no webhook.")
    if bench.supply.webhook is None:
        raise NotTested("The provider supplies no webhook.")
    body, headers = bench.supply.webhook
    if not payment_events.is_event_reader(bench.lab.loaded):
        return _read_twice(bench, body, headers)
    with pages(bench.lab) as panel:
        address = f"/webhooks/Payment/{bench.lab.loaded.name}/{_configured(bench, panel.app)}"
        browser = panel.anybody.http
        statuses = [
            browser.post(address, data=each, headers=dict(headers)).status_code
            for each in (body, body, body + b" ")
        ]
        assert statuses[:2] == [200, 200], f"The provider's own message returned {statuses[:2]}."
        assert statuses[2] == 401, f"A changed message returned {statuses[2]}, not 401."
        with panel.app.app_context():
            rows = session().scalars(sa.select(PaymentEvent)).all()
            assert len(rows) == 1, f"{len(rows)} events were stored for one message."
            event = payment_events.content(rows[0])
    for _ in range(2):
        called = _call(bench, "read_event", event)
        assert not called.reference, f"read_event() raised: {called.error}"
        reports_of(called.value)
    return "The message counted once; a changed one was refused."


def _read_twice(bench: Bench, body: bytes, headers: Mapping[str, str]) -> str:
    """Deliver a webhook twice to a module that reads it itself."""
    statuses = []
    for _ in range(2):
        request = Request.from_values(method="POST", path="/", data=body, headers=dict(headers))
        called = _call(bench, "api_webhook_post", request)
        assert not called.error, called.error
        statuses.append(getattr(called.value, "status_code", 200))
    assert statuses[0] < 300, f"The provider's own message returned {statuses[0]}."
    assert statuses[0] == statuses[1], (
        f"The first delivery returned {statuses[0]}, the second {statuses[1]}."
    )
    return f"Both deliveries returned {statuses[0]}."


@probe("malformed payments", "Payment")
def strange_payments(bench: Bench) -> str:
    """Report payments whose payload lacks keys."""
    for method in ("on_payment_success", "on_payment_failed"):
        for payload in (
            {},
            {"amount": None},
            {"transaction_id": "", "amount": "NaN", "currency": "???"},
        ):
            called = _call(bench, method, payload)
            assert not called.reference, f"{method}({payload}) raised: {called.error}"
    return "No payload raised an exception."


@probe("refund", "Payment")
def refund(bench: Bench) -> str:
    """Refund payments; an unknown one or a failing provider must not raise."""
    if bench.lab.loaded.cls.refund is Payment.refund:  # type: ignore[attr-defined]
        raise NotTested("The module has no refund().")
    called = _call(bench, "refund", "no-such-transaction", Decimal("1.00"))
    assert not called.reference, f"Refunding an unknown transaction raised: {called.error}"
    if bench.supply.faults is not None:
        bench.supply.faults.fail("500", times=100_000)
        called = _call(bench, "refund", "no-such-transaction", Decimal("1.00"))
        assert not called.reference, f"Refunding during an HTTP 500 raised: {called.error}"
        assert not called.result.ok, "An HTTP 500 counted as a successful refund."
        bench.supply.faults.heal()
    if bench.supply.transaction is None:
        return (
            "An unknown payment was refused; tests/provider.py supplies no transaction to refund."
        )
    called = _call(bench, "refund", *bench.supply.transaction)
    if isinstance(called.value, RefundReport):
        assert called.value.status != "failed", called.value.reason
    else:
        assert called.result.ok, f"{called.result.message}"
    return "Refunded."


@probe("sending", "Notification")
def sending(bench: Bench) -> str:
    """Send a message."""
    _sends(bench)
    called = _call(bench, "send", dict(bench.supply.message or MESSAGE))
    assert not called.error, called.error
    assert called.result.ok, f"The message was not sent: {called.result.message}"
    return "Sent."


@probe("sending invalid messages", "Notification")
def sending_invalid(bench: Bench) -> str:
    """Send invalid messages; each must be refused with a reason."""
    _sends(bench)
    good = dict(bench.supply.message or MESSAGE)
    bad = [dict(bench.supply.bad_message)] if bench.supply.bad_message else []
    for data in [{}, {**good, "to": ""}, {**good, "to": None}, *bad]:
        called = _call(bench, "send", data)
        assert not called.reference, f"send() raised: {called.error}"
        assert not called.result.ok or called.result.pending, (
            f"A message to {data.get('to')!r} counted as sent."
        )
        assert called.result.message, "The message was refused without a reason."
    return "Each message was refused with a reason."


@probe("sending while the channel fails", "Notification")
def sending_refused(bench: Bench) -> str:
    """Send while the channel fails; each attempt must return an error with a reason."""
    faults = bench.faults
    _sends(bench)
    for kind in ("500", "429", "drop", "timeout", "garbage"):
        try:
            faults.fail(kind, times=100_000)
        except ValueError:
            continue  # not a fault of this channel
        called = _call(bench, "send", dict(bench.supply.message or MESSAGE))
        assert not called.reference, f"During {kind} send() raised: {called.error}"
        assert not called.result.ok, f"During {kind} the message counted as sent."
        assert called.result.message, f"During {kind} no reason was given."
        faults.heal()
    return "Each failure returned a reason."


def _sends(bench: Bench) -> None:
    if bench.lab.loaded.cls.send is Notification.send:  # type: ignore[attr-defined]
        raise NotTested("The module has no send().")
    if not bench.given:
        raise NotTested("There is no tests/provider.py.")
