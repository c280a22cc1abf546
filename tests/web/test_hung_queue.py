"""Pages stay quick while the queue server accepts connections and never answers."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from puqpanel.app import create_app
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.web import sign_in_delays
from tests.web.conftest import Browser
from tests.web.test_outages import create_owner, plain_log

pytestmark = pytest.mark.sqlite

__all__ = ["plain_log"]


def test_pages_do_not_wait_for_the_queue_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_delays, "_away_until", 0.0)
    app = create_app(settings)
    create_owner(app)
    dismantle(app)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        app = create_app(replace(settings, redis_url=url))
        started = time.monotonic()
        browser = Browser(app).sign_in("owner@panel.test")
        assert time.monotonic() - started < 3
        for page in ("/admin/", "/admin/services/", "/admin/tasks/"):
            started = time.monotonic()
            assert browser.get(page).status_code == 200
            assert time.monotonic() - started < 3, page
        dismantle(app)


def test_sign_ins_that_succeed_are_not_counted_while_the_queue_server_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_delays, "_away_until", 0.0)
    app = create_app(settings)
    create_owner(app)
    dismantle(app)
    app = create_app(replace(settings, redis_url=f"unix://{settings.instance}/nobody.sock"))
    for _ in range(sign_in_delays.FREE + 2):
        Browser(app).sign_in("owner@panel.test")
    dismantle(app)
