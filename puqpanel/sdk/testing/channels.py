"""Probes of Payment and Notification modules: settings, the client's page, webhooks, refunds,
and messages that go out or do not.
"""

from decimal import Decimal
from typing import Any

from puqpanel.host import calls
from puqpanel.host.calls import Called
from puqpanel.sdk.invoice import Invoice
from puqpanel.sdk.notification import Notification
from puqpanel.sdk.payment import Payment
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.pages import pages

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
    "module": "",
}
TOO_LARGE = 3 * 1024 * 1024


def _call(bench: Bench, method: str, *args: Any, settings: dict[str, Any] | None = None) -> Called:
    stored = {"module_data": dict(bench.supply.settings) if settings is None else settings}
    return calls.invoke(calls.Call(bench.lab.loaded, method, args, stored=stored))


@probe("settings", "Payment", "Notification")
def settings(bench: Bench) -> str:
    """The settings are drawn, empty and filled; what the tests supply is taken, and nonsense is
    refused with a sentence.
    """
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
                f"save_module_data() refuses what the tests supply: {called.result.message}"
                f" {called.result.errors or ''}".strip()
            )
    return "They were drawn, taken and refused as they should be."


@probe("client page on a sample invoice", "Payment")
def client_page(bench: Bench) -> str:
    """What a client sees to pay, for an invoice that nobody has."""
    data = {"invoice": Invoice.sample(), "sample": True, **(bench.supply.invoice or {})}
    with pages(bench.lab) as panel, panel.app.test_request_context():
        called = _call(bench, "get_client_area_html", data)
    assert not called.error, called.error
    assert isinstance(called.value, str), (
        f"get_client_area_html() answered a {type(called.value).__name__}, not text."
    )
    if not called.value.strip():
        raise NotTested("It shows a client nothing.")
    return f"{len(called.value)} characters were drawn."


@probe("addresses to come back to", "Payment")
def addresses(bench: Bench) -> str:
    """The provider is told where to send a client."""
    for method in ("get_return_url", "get_cancel_url"):
        called = _call(bench, method)
        assert not called.error, called.error
        assert str(called.value).startswith(("http://", "https://", "/")), (
            f"{method}() answered {called.value!r}, which is no address."
        )
    return "Both are addresses."


@probe("webhook with garbage", "Payment", "Notification", "Plugin")
def webhook_garbage(bench: Bench) -> str:
    """Anybody can call a webhook: nonsense is refused or ignored, never an error page."""
    if not bench.lab.loaded.webhooks:
        raise NotTested("It has no webhook.")
    address = f"/webhooks/{bench.lab.loaded.type}/{bench.lab.loaded.name}"
    with pages(bench.lab) as panel:
        browser = panel.anybody.http
        status = browser.get(address).status_code
        assert status < 500, f"GET answers {status}."
        for body in GARBAGE:
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                status = browser.post(address, data=body, content_type=kind).status_code
                assert status < 500, f"POST of {body!r} as {kind} answers {status}."
        status = browser.post(
            address, data=b"x" * TOO_LARGE, content_type="application/json"
        ).status_code
        assert status in (
            400,
            404,
            413,
        ), f"A body of {TOO_LARGE // 1024**2} MB is answered {status}."
    return f"{2 * len(GARBAGE)} bodies and one that is too large were answered without an error."


@probe("webhook twice", "Payment")
def webhook_twice(bench: Bench) -> str:
    """Providers send a message again when they are unsure; the second time must be answered
    like the first.
    """
    if bench.supply.webhook is None or "post" not in bench.lab.loaded.webhooks:
        raise NotTested(
            "It has no webhook."
            if "post" not in bench.lab.loaded.webhooks
            else "tests/provider.py gives no webhook."
        )
    from puqpanel.sdk.web import Request

    body, headers = bench.supply.webhook
    said = []
    for _ in range(2):
        request = Request.from_values(method="POST", path="/", data=body, headers=dict(headers))
        called = _call(bench, "api_webhook_post", request)
        assert not called.error, called.error
        said.append(getattr(called.value, "status_code", 200))
    assert said[0] < 300, f"The provider's own message is answered {said[0]}."
    assert said[0] == said[1], (
        f"The first time it is answered {said[0]}, the second time {said[1]}."
    )
    return f"Both times it was answered {said[0]}."


@probe("strange payments", "Payment")
def strange_payments(bench: Bench) -> str:
    """What a provider says of a payment may lack anything."""
    for method in ("on_payment_success", "on_payment_failed"):
        for payload in (
            {},
            {"amount": None},
            {"transaction_id": "", "amount": "NaN", "currency": "???"},
        ):
            called = _call(bench, method, payload)
            assert not called.reference, f"{method}({payload}) raised: {called.error}"
    return "All were answered without an exception."


@probe("refund", "Payment")
def refund(bench: Bench) -> str:
    """Money goes back, or a sentence says why not; and never an exception, also not with a
    provider that fails.
    """
    if bench.lab.loaded.cls.refund is Payment.refund:  # type: ignore[attr-defined]
        raise NotTested("It has no refund().")
    called = _call(bench, "refund", "no-such-transaction", Decimal("1.00"))
    assert not called.reference, f"A transaction that nobody has raised: {called.error}"
    if bench.supply.faults is not None:
        bench.supply.faults.fail("500", times=100_000)
        called = _call(bench, "refund", "no-such-transaction", Decimal("1.00"))
        assert not called.reference, f"With a provider that answers 500 it raised: {called.error}"
        assert not called.result.ok, "It took the answer 500 for success."
        bench.supply.faults.heal()
    if bench.supply.transaction is None:
        return "What nobody paid was refused; tests/provider.py names no transaction to give back."
    called = _call(bench, "refund", *bench.supply.transaction)
    assert called.result.ok, f"{called.result.message}"
    return "It was given back."


@probe("sending", "Notification")
def sending(bench: Bench) -> str:
    """A message goes out."""
    _sends(bench)
    called = _call(bench, "send", dict(bench.supply.message or MESSAGE))
    assert not called.error, called.error
    assert called.result.ok, f"It was not sent: {called.result.message}"
    return "It was sent."


@probe("sending what is invalid", "Notification")
def sending_invalid(bench: Bench) -> str:
    """A message that cannot go out is refused with a sentence."""
    _sends(bench)
    good = dict(bench.supply.message or MESSAGE)
    bad = [dict(bench.supply.bad_message)] if bench.supply.bad_message else []
    for data in [{}, {**good, "to": ""}, {**good, "to": None}, *bad]:
        called = _call(bench, "send", data)
        assert not called.reference, f"It raised: {called.error}"
        assert not called.result.ok or called.result.pending, (
            f"A message to {data.get('to')!r} counts as sent."
        )
        assert called.result.message, "It is refused without a reason."
    return "Each was refused with a reason."


@probe("sending while the channel fails", "Notification")
def sending_refused(bench: Bench) -> str:
    """A channel that is away or refuses is an error with a reason, so that it is tried again;
    never a message that counts as sent.
    """
    faults = bench.faults
    _sends(bench)
    for kind in ("500", "429", "drop", "timeout", "garbage"):
        try:
            faults.fail(kind, times=100_000)
        except ValueError:
            continue  # this channel has no such way to fail
        called = _call(bench, "send", dict(bench.supply.message or MESSAGE))
        assert not called.reference, f"With {kind} it raised: {called.error}"
        assert not called.result.ok, f"With {kind} the message counts as sent."
        assert called.result.message, f"With {kind} staff read no reason."
        faults.heal()
    return "Each time it said why."


def _sends(bench: Bench) -> None:
    if bench.lab.loaded.cls.send is Notification.send:  # type: ignore[attr-defined]
        raise NotTested("It has no send().")
    if not bench.given:
        raise NotTested("There is no tests/provider.py.")
