"""Sixteen threads at once: pages, sessions, slow modules and swaps of the app.

Every thread has its own account and its own module page; an answer meant for another thread, or an
error, fails the test.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from werkzeug.test import Client

from puqpanel.domain.principals import AUTOMATION
from puqpanel.host.containment import bulkheads
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.operations.accounts import staff
from puqpanel.operations.modules import lifecycle
from tests.conftest import STAFF
from tests.sample import write_module
from tests.web.conftest import PASSWORD, Browser

THREADS, ROUNDS, SWAPS = 16, 12, 5
MODULE = """
from puqpanel.sdk import Plugin

class {name}(Plugin):
    def admin_web_routes(self):
        return [{{"method": "get", "uri": "page/{{word}}", "name": "page", "permission": "view",
                 "controller": "PageController@page"}}]
"""
CONTROLLER = """
import time
from puqpanel.sdk import cache, view_admin_module

class PageController:
    def page(self, request, word):
        cache.put(word, word)
        time.sleep({seconds})
        return view_admin_module("Plugin", "{name}", "page", {{"word": word, "kept": cache.get(word),
                                 "asked": request.args["asked"]}})
"""
VIEW = "<p>{{ word }} {{ kept }} {{ asked }}</p>"


@pytest.fixture
def panel(settings: Settings, tmp_path: Path) -> Any:
    folder = tmp_path / "modules"
    for name, seconds in (("Slow", 0.1), ("Quick", 0.0), ("Other", 0.0)):
        write_module(
            folder,
            MODULE.format(name=name),
            type="Plugin",
            name=name,
            files={
                "controllers/PageController.py": CONTROLLER.format(name=name, seconds=seconds),
                "views/page.html": VIEW,
            },
        )
    live = Live(replace(settings, modules_dir=folder))
    with live.ensure().app_context():
        for number in range(THREADS):
            staff.create_staff(
                actor=AUTOMATION,
                email=f"s{number}@panel.test",
                name=f"Staff Number{number}",
                password=PASSWORD,
            )
    for name in ("Slow", "Quick"):
        change(live, "activate", name)
    yield live
    assert live.app is not None
    dismantle(live.app)


def change(live: Live, verb: str, name: str) -> None:
    with live.held() as app, app.app_context():
        getattr(lifecycle, verb)(
            actor=STAFF, modules_dir=live.settings.modules_dir, module_type="Plugin", name=name
        )


def signed_in(panel: Live, email: str) -> Browser:
    browser = Browser(panel.ensure()).sign_in(email)
    through_swaps = Client(panel)
    through_swaps._cookies = browser.http._cookies
    browser.http = cast(Any, through_swaps)
    return browser


def test_threads_get_their_own_answers_during_swaps(
    panel: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkheads, "_most", THREADS // 2)
    browsers = [signed_in(panel, f"s{number}@panel.test") for number in range(THREADS)]
    swapping = threading.Event()

    def work(number: int) -> list[str]:
        browser, faults, turn = browsers[number], [], 0
        while turn < ROUNDS or not swapping.is_set():
            turn += 1
            word = f"word{number}-{turn}"
            module = ("Slow", "Quick")[(number + turn) % 2]
            answer = browser.get(f"/admin/modules/Plugin/{module}/page/{word}?asked={word}")
            if answer.status_code == 503 and "is responding slowly" in answer.text:
                continue  # more than its bulkhead admits
            if answer.status_code != 200 or f"<p>{word} {word} {word}</p>" not in answer.text:
                faults.append(f"{module} {answer.status_code}: {answer.text[:300]}")
            answer = browser.get("/admin/modules/")
            names = [f"Staff Number{other}<" in answer.text for other in range(THREADS)]
            if answer.status_code != 200 or names.count(True) != 1 or not names[number]:
                faults.append(f"modules {answer.status_code}: {answer.text[:300]}")
        return faults

    def swap() -> None:
        try:
            for turn in range(SWAPS):
                change(panel, ("activate", "deactivate")[turn % 2], "Other")
                before = panel.swaps
                deadline = time.monotonic() + 60
                while panel.swaps == before and time.monotonic() < deadline:
                    time.sleep(0.05)
        finally:
            swapping.set()

    with ThreadPoolExecutor(THREADS + 1) as pool:
        swaps = pool.submit(swap)
        faults = [fault for result in pool.map(work, range(THREADS)) for fault in result]
        swaps.result()
    assert faults == []
    assert panel.swaps > SWAPS
    assert not any(bulkheads._running.values())
    assert not panel._retired and set(panel._busy.values()) <= {0}
