"""Requests for unknown hosts are refused; those for the panel's own hosts never are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import addresses
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.live import dismantle
from puqpanel.operations.system import settings as panel_settings
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

BASE, HOSTS = "site.base_url", "site.trusted_hosts"
MALFORMED = ("a b", "user@panel.example", "panel.example,evil.example", "p\xe4nel", "[::1", "a:x")


@pytest.fixture
def panel_with(settings: Settings) -> Iterator[Callable[..., Panel]]:
    """Build a panel without a public address, or with other settings."""
    panels = []

    def build(**changes: Any) -> Panel:
        panels.append(create_app(replace(settings, **{"overrides": {}, **changes})))
        return panels[-1]

    yield build
    for panel in panels:
        dismantle(panel)


def get(panel: Panel, host: str, path: str = "/admin/signin", **headers: str) -> TestResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return panel.test_client().get(path, headers={"Host": host, **names})


def save(panel: Panel, **values: str) -> None:
    with panel.app_context():
        names = {"base_url": BASE, "trusted_hosts": HOSTS}
        panel_settings.save(
            actor=AUTOMATION, values={names[name]: value for name, value in values.items()}
        )


def test_only_configured_hosts_are_answered(panel_with: Callable[..., Panel]) -> None:
    panel = panel_with(host="192.0.2.7")
    save(panel, base_url="https://pänel.example:8443", trusted_hosts="old.example, [2001:db8::1]")
    for host in (
        "xn--pnel-loa.example",
        "XN--PNEL-LOA.example.:80",
        "old.example:8000",
        "[2001:db8::1]:8000",
        "192.0.2.7:8000",
        "localhost:1234",
        "127.0.0.1",
        "[::1]:8000",
    ):
        assert get(panel, host).status_code == 200, host
    for host in ("evil.example", "sub.old.example", "192.0.2.8", "", *MALFORMED):
        for path in ("/admin/signin", "/client/signin", "/", "/admin", "/nowhere", "/brand.css"):
            answer = get(panel, host, path)
            assert answer.status_code == 400, (host, path)
            assert not answer.location and "evil" not in answer.text
            assert "Set-Cookie" not in answer.headers
    assert "/admin" not in get(panel, "evil.example").text
    assert get(panel, "evil.example", "/webhooks/Payment/X").json == {
        "status": "error",
        "message": "The panel can't be opened at this address. Check the address.",
        "code": 400,
    }
    posted = panel.test_client().post("/admin/signin", headers={"Host": "evil.example"})
    assert posted.status_code == 400 and "Unknown address" in posted.text


def test_health_is_answered_for_any_host(panel_with: Callable[..., Panel]) -> None:
    panel = panel_with(overrides={BASE: "https://panel.example"})
    for host in ("evil.example", "10.0.0.3:8000", "", *MALFORMED):
        answer = get(panel, host, "/health?only=database")
        assert answer.status_code == 200 and answer.json["checks"]["database"] == "ok", host


def test_without_a_public_address_any_host_is_answered(panel_with: Callable[..., Panel]) -> None:
    panel = panel_with(host="0.0.0.0")
    for host in ("anything.example", "my_panel:8000", "192.0.2.1", "[2001:db8::1]:80", ""):
        answer = get(panel, host)
        assert answer.status_code == 200, host
        assert host not in answer.text or not host
        assert get(panel, host, "/admin").location == "/admin/", host
    for host in MALFORMED:
        assert get(panel, host).status_code == 400, host


def test_behind_trusted_proxies_the_forwarded_host_counts(
    panel_with: Callable[..., Panel],
) -> None:
    overrides = {BASE: "https://panel.example"}
    behind, direct = (
        panel_with(overrides=overrides, trusted_proxies=1),
        panel_with(overrides=overrides),
    )
    assert get(behind, "web:8000", X_Forwarded_Host="panel.example").status_code == 200
    assert get(direct, "evil.example", X_Forwarded_Host="panel.example").status_code == 400
    assert get(direct, "panel.example", X_Forwarded_Host="evil.example").status_code == 200
    for host in ("evil.example", "panel.example, evil.example", "a:b", "a:999999", "::1", "[", "@"):
        answer = get(behind, "panel.example", X_Forwarded_Host=host)
        assert answer.status_code == 400, host
        health = get(behind, "panel.example", "/health?only=database", X_Forwarded_Host=host)
        assert health.status_code == 200, host


def test_on_all_interfaces_the_addresses_of_the_machine_are_answered(
    panel_with: Callable[..., Panel], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = panel_with(host="0.0.0.0", overrides={BASE: "https://panel.example"})
    monkeypatch.setattr(addresses, "is_own", lambda text: text == "192.0.2.7")
    assert get(panel, "192.0.2.7:8000").status_code == 200
    assert get(panel, "192.0.2.8:8000").status_code == 400


def test_own_addresses_are_found() -> None:
    assert addresses.is_own("127.0.0.1")
    for text in ("", "localhost", "0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "192.0.2.7"):
        assert not addresses.is_own(text), text


def test_nobody_locks_themselves_out(panel_with: Callable[..., Panel], owner: Browser) -> None:
    form = {BASE: "https://panel.example", HOSTS: ""}
    app = panel_with()
    app.config["SERVER_NAME"] = "192.0.2.9:8000"  # the host that the test client requests
    browser = Browser(app)
    browser.sign_in("owner@panel.test", "/admin")
    with app.app_context():
        seen = panel_settings.digest("site")
    refused = browser.post("/admin/settings/site", {**form, "seen": seen})
    assert refused.status_code == 422
    assert (
        "These settings would lock you out: you are using the panel at 192.0.2.9." in refused.text
    )
    saved = browser.post("/admin/settings/site", {**form, HOSTS: "192.0.2.9", "seen": seen})
    assert saved.status_code == 302
    assert browser.get("/admin/settings/site").status_code == 200
    assert get(app, "192.0.2.10").status_code == 400


def test_the_check_takes_no_query_of_its_own(
    panel_with: Callable[..., Panel], owner: Browser, counted: Callable[[], list[str]]
) -> None:
    taken = []
    app = panel_with()
    save(app, base_url="http://panel.example")
    for host in ("localhost", "panel.example"):
        app.config["SERVER_NAME"] = host
        browser = Browser(app).sign_in("owner@panel.test", "/admin")
        browser.get("/admin/clients/")
        app.extensions.pop("puqpanel-attention", None)
        counted()
        assert browser.get("/admin/clients/").status_code == 200
        taken.append(len(counted()))
    assert taken[0] == taken[1]


def test_the_variable_is_checked() -> None:
    loaded = Settings.load({"PUQPANEL_TRUSTED_HOSTS": "a.example, 192.0.2.1"})
    assert loaded.overrides[HOSTS] == "a.example, 192.0.2.1"
    with pytest.raises(SettingsError, match="PUQPANEL_TRUSTED_HOSTS is invalid"):
        Settings.load({"PUQPANEL_TRUSTED_HOSTS": "https://a.example"})
