"""Probes of a module's pages, in the panel itself: they answer, also to strange input, and also
while the provider is away.
"""

import re
from typing import Any

from puqpanel.sdk.product import Product
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.pages import pages
from puqpanel.sdk.testing.products import need, reach

STRANGE: dict[str, Any] = {
    "name": "<script>alert(1)</script>",
    "id": "-1",
    "text": "x" * 5000,
    "email": "no address",
    "host": "\u202e\ud7ff'\"--",
    "port": "many",
    "amount": "NaN",
}


def _filled(uri: str) -> str:
    """An address with something nobody has in place of each parameter."""
    return re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", uri)


def _fine(status: int, where: str, text: str = "") -> None:
    said = re.search(r"reference[^A-Z0-9]+([0-9A-F-]{8,})", text)
    assert status < 500, f"{where} answers {status}{f' (reference {said[1]})' if said else ''}."


@probe("admin pages answer")
def admin_pages(bench: Bench) -> str:
    """Every admin page and API route answers, with nothing there yet, to parameters that lead
    nowhere, and to a form full of nonsense.
    """
    routes = bench.lab.loaded.routes
    if not routes:
        raise NotTested("It has no admin routes.")
    with pages(bench.lab) as panel:
        staff = panel.staff()
        for route in routes:
            base = "/admin/api/modules" if route.kind == "api" else "/admin/modules"
            address = f"{base}/{bench.lab.loaded.key}/{_filled(route.uri)}".rstrip("/")
            where = f"{route.method.upper()} {address}"
            if route.method == "get":
                answer = staff.get(address)
            elif route.method == "post":
                answer = staff.post(address, STRANGE)
            else:
                answer = staff.http.open(
                    address,
                    method=route.method.upper(),
                    json=STRANGE,
                    headers={"X-CSRFToken": staff.token("/admin")},
                )
            _fine(answer.status_code, where, answer.text)
            plain = route.method == "get" and "{" not in route.uri
            assert not plain or answer.status_code in (
                200,
                302,
            ), f"{where} answers {answer.status_code}."
    return f"{len(routes)} route(s) answered."


@probe("admin pages are closed to others")
def closed(bench: Bench) -> str:
    """Who is not signed in gets none of them."""
    routes = bench.lab.loaded.routes
    if not routes:
        raise NotTested("It has no admin routes.")
    with pages(bench.lab) as panel:
        for route in routes:
            base = "/admin/api/modules" if route.kind == "api" else "/admin/modules"
            address = f"{base}/{bench.lab.loaded.key}/{_filled(route.uri)}".rstrip("/")
            status = panel.anybody.http.open(address, method=route.method.upper()).status_code
            assert status in (302, 400, 401, 403, 404), (
                f"{route.method.upper()} {address} answers {status} to somebody who is not"
                " signed in."
            )
    return "Nobody gets in without signing in."


@probe("product and service forms", "Product")
def product_forms(bench: Bench) -> str:
    """The forms are drawn, take what the tests supply, and refuse nonsense with a sentence and
    not an exception.
    """
    with pages(bench.lab) as panel, panel.app.test_request_context():
        for page in ("get_product_page", "get_service_page"):
            called = bench.lab.call(page)
            assert not called.error, called.error
        for save, good in (
            ("save_product_data", bench.supply.product),
            ("save_service_data", bench.supply.service),
        ):
            for data in ({}, STRANGE, dict.fromkeys(good, "<b>"), dict.fromkeys(good, None)):
                called = bench.lab.call(save, data)
                assert not called.reference, f"{save}() raised at {str(data)[:80]}: {called.error}"
            if bench.given:
                called = bench.lab.call(save, dict(good))
                assert called.result.ok, (
                    f"{save}() refuses what the tests supply: {called.result.message}"
                    f" {called.result.errors or ''}".strip()
                )
    return "They were drawn, took what is right, and refused what is not."


@probe("client tabs", "Product")
def client_tabs(bench: Bench) -> str:
    """Each tab of the client area answers for a service that is there."""
    names = _tabs(bench)
    reach(bench, "create")
    with pages(bench.lab) as panel:
        customer = panel.customer()
        for name in names:
            answer = customer.get(f"/client/services/{bench.lab.service_uuid}/{name}")
            assert answer.status_code == 200, f"The tab {name} answers {answer.status_code}."
            assert (
                'data-state="failed"' not in answer.text and "reference" not in answer.text.lower()
            ), f"The tab {name} failed."
    return f"{len(names)} tab(s) answered: {', '.join(names)}."


@probe("client tabs while the provider is away", "Product")
def client_tabs_away(bench: Bench) -> str:
    """A customer gets a page also when the provider does not answer."""
    names, faults = _tabs(bench), bench.faults
    reach(bench, "create")
    with pages(bench.lab) as panel:
        customer = panel.customer()
        faults.fail("drop", times=100_000)
        for name in names:
            _fine(
                customer.get(f"/client/services/{bench.lab.service_uuid}/{name}").status_code,
                f"The tab {name}",
            )
        faults.heal()
    return f"{len(names)} tab(s) answered all the same."


def _tabs(bench: Bench) -> list[str]:
    names = [tab.key for tab in bench.lab.loaded.tabs]
    if not names or not issubclass(bench.lab.loaded.cls, Product):
        raise NotTested("It has no tabs.")
    need(bench, "create")
    return names
