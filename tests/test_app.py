"""The application factory, and settings that affect it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import request

from puqpanel.app import create_app
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.live import dismantle
from puqpanel.web import guard


@pytest.mark.parametrize(
    ("hops", "address"), [(0, "10.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")]
)
def test_forwarded_addresses_are_trusted_for_the_configured_hops(
    settings: Settings, hops: int, address: str
) -> None:
    app = create_app(replace(settings, trusted_proxies=hops))

    @guard.public
    def remote_address() -> dict[str, Any]:
        return {"address": request.remote_addr}

    app.add_url_rule("/where", "where", remote_address)
    response = app.test_client().get(
        "/where",
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
        headers={"X-Forwarded-For": "198.51.100.7, 203.0.113.9"},
    )
    assert response.get_json() == {"address": address}
    dismantle(app)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("PORT", "many", "PORT"),
        ("WORKERS", "0", "WORKERS"),
        ("TASKS_PER_CHILD", "0", "TASKS_PER_CHILD"),
        ("WEB_THREADS", "1", "WEB_THREADS"),
        ("DEV", "perhaps", "DEV"),
        ("DATABASE_URL", "oracle://x", "DATABASE_URL"),
        ("REDIS_URL", "http://x", "REDIS_URL"),
        ("BASE_URL", "panel.example", "BASE_URL"),
    ],
)
def test_an_invalid_setting_is_one_line(name: str, value: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word) as caught:
        Settings.load({f"PUQPANEL_{name}": value})
    assert "\n" not in str(caught.value)


def test_settings_have_defaults_and_normalise_postgresql_urls() -> None:
    assert Settings.load({}).database_url.startswith("sqlite:///")
    assert (
        Settings.load({"PUQPANEL_DATABASE_URL": "postgresql://u:p@h/d"}).database_url
        == "postgresql+psycopg://u:p@h/d"
    )
    assert Settings.load({}).secure_cookies is None
    assert Settings.load({"PUQPANEL_SECURE_COOKIES": "no"}).secure_cookies is False


def test_redirects_ignore_the_host_header(settings: Settings) -> None:
    app = create_app(replace(settings, overrides={}))
    response = app.test_client().get("/admin", headers={"Host": "evil.example"})
    assert response.status_code == 308 and response.headers["Location"] == "/admin/"
    dismantle(app)
