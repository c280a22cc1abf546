"""Probes of a module's pages with strange input and with an unreachable provider."""

import re
from typing import Any

from puqpanel.host.contract.declared import Route
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


def _routes(bench: Bench) -> list[tuple[Route, str]]:
    """Return each admin route with an address that has an unknown uuid for each parameter."""
    loaded = bench.lab.loaded
    if not loaded.routes:
        raise NotTested("The module has no admin routes.")
    routes = []
    for route in loaded.routes:
        base = "/admin/api/modules" if route.kind == "api" else "/admin/modules"
        uri = re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", route.uri)
        routes.append((route, f"{base}/{loaded.key}/{uri}".rstrip("/")))
    return routes


def _fine(status: int, where: str, reason: str) -> None:
    assert status < 500, f"{where} returned {status}{f': {reason}' if reason else ''}."


@probe("admin pages respond")
def admin_pages(bench: Bench) -> str:
    """Request every admin route, with unknown parameters and with nonsense in forms."""
    routes = _routes(bench)
    with pages(bench.lab) as panel:
        staff = panel.staff()
        for route, address in routes:
            where = f"{route.method.upper()} {address}"
            if route.method == "get":
                response = staff.get(address)
            elif route.method == "post":
                response = staff.post(address, STRANGE)
            else:
                response = staff.http.open(
                    address,
                    method=route.method.upper(),
                    json=STRANGE,
                    headers={"X-CSRFToken": staff.token("/admin")},
                )
            _fine(response.status_code, where, bench.lab.last_failure())
            plain = route.method == "get" and "{" not in route.uri
            assert not plain or response.status_code in (200, 302), (
                f"{where} returned {response.status_code}."
            )
    return f"Routes that responded: {len(routes)}."


@probe("admin pages require sign-in")
def closed(bench: Bench) -> str:
    """Request every admin route without signing in."""
    routes = _routes(bench)
    with pages(bench.lab) as panel:
        for route, address in routes:
            status = panel.anybody.http.open(address, method=route.method.upper()).status_code
            assert status in (302, 400, 401, 403, 404), (
                f"{route.method.upper()} {address} returned {status} without signing in."
            )
    return "Every route requires signing in."


@probe("product and service forms", "Product")
def product_forms(bench: Bench) -> str:
    """Render and save the forms; nonsense must be refused with a message, not an exception."""
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
                assert not called.reference, f"{save}() raised on {str(data)[:80]}: {called.error}"
            if bench.given:
                called = bench.lab.call(save, dict(good))
                assert called.result.ok, (
                    f"{save}() refuses the supplied data: {called.result.message}"
                    f" {called.result.errors or ''}".strip()
                )
    return "Forms rendered; valid data saved, invalid data refused."


@probe("client tabs", "Product")
def client_tabs(bench: Bench) -> str:
    """Request each tab of the client area for an active service."""
    names = _tabs(bench)
    reach(bench, "create")
    with pages(bench.lab) as panel:
        customer = panel.customer()
        for name in names:
            response = customer.get(f"/client/services/{bench.lab.service_uuid}/{name}")
            assert response.status_code == 200, f"The tab {name} returned {response.status_code}."
            assert 'data-state="failed"' not in response.text and not re.search(
                r"\breference\b", response.text, re.IGNORECASE
            ), f"The tab {name} failed: {bench.lab.last_failure() or 'see the module log'}."
    return f"Tabs rendered: {', '.join(names)}."


@probe("client tabs without the provider", "Product")
def client_tabs_away(bench: Bench) -> str:
    """Request each tab while the provider is unreachable."""
    names, faults = _tabs(bench), bench.faults
    reach(bench, "create")
    with pages(bench.lab) as panel:
        customer = panel.customer()
        faults.fail("drop", times=100_000)
        for name in names:
            response = customer.get(f"/client/services/{bench.lab.service_uuid}/{name}")
            _fine(response.status_code, f"The tab {name}", bench.lab.last_failure())
        faults.heal()
    return f"Tabs rendered without the provider: {', '.join(names)}."


def _tabs(bench: Bench) -> list[str]:
    names = [tab.key for tab in bench.lab.loaded.tabs]
    if not names or not issubclass(bench.lab.loaded.cls, Product):
        raise NotTested("The module has no tabs.")
    need(bench, "create")
    return names
