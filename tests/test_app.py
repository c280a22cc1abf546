"""The assembly: what settings change about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import request

from puqpanel.app import create_app
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.live import dismantle


@pytest.mark.parametrize(
    ("hops", "address"), [(0, "10.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")]
)
def test_the_clients_address_is_believed_as_far_as_told(
    settings: Settings, hops: int, address: str
) -> None:
    app = create_app(replace(settings, trusted_proxies=hops))

    def where() -> dict[str, Any]:
        return {"address": request.remote_addr}

    where._public = True  # type: ignore[attr-defined]
    app.add_url_rule("/where", "where", where)
    answer = app.test_client().get(
        "/where",
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
        headers={"X-Forwarded-For": "198.51.100.7, 203.0.113.9"},
    )
    assert answer.get_json() == {"address": address}
    dismantle(app)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("PORT", "many", "PORT"),
        ("WORKERS", "0", "WORKERS"),
        ("DEV", "perhaps", "DEV"),
        ("DATABASE_URL", "oracle://x", "DATABASE_URL"),
        ("REDIS_URL", "http://x", "REDIS_URL"),
        ("BASE_URL", "panel.example", "BASE_URL"),
    ],
)
def test_a_bad_setting_is_one_sentence(name: str, value: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word) as caught:
        Settings.load({f"PUQPANEL_{name}": value})
    assert "\n" not in str(caught.value)


def test_settings_have_defaults_and_know_postgresql() -> None:
    assert Settings.load({}).database_url.startswith("sqlite:///")
    assert (
        Settings.load({"PUQPANEL_DATABASE_URL": "postgresql://u:p@h/d"}).database_url
        == "postgresql+psycopg://u:p@h/d"
    )
    assert Settings.load({"PUQPANEL_BASE_URL": "https://panel.example/"}).secure_cookies


def test_no_redirect_names_the_host_that_a_request_claimed(settings: Settings) -> None:
    app = create_app(settings)
    answer = app.test_client().get("/admin", headers={"Host": "evil.example"})
    assert answer.status_code == 308 and answer.headers["Location"] == "/admin/"
    dismantle(app)
