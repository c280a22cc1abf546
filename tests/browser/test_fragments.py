"""Fragments of modules inside a part of the page that reloads itself."""

from __future__ import annotations

from pathlib import Path

import js_lib_htmx
import pytest
from playwright.sync_api import Browser, Route, expect

import puqpanel

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HTMX = Path(js_lib_htmx.__file__).parent / "static" / "htmx" / "htmx.min.js"
ROOT = Path(puqpanel.__file__).parent / "web" / "templates" / "root.html"

# the attributes of client/provisioning/services/show.html while a task runs
PAGE = """<!doctype html><meta {meta}><script src="/htmx.js"></script>
<main id="main"><div hx-get="/" hx-select="#main" hx-target="#main" hx-swap="outerHTML"
 hx-trigger="never"><h1>Backup 9</h1>
<div hx-get="/fragment" hx-trigger="load" hx-swap="outerHTML">Loading</div></div></main>"""


def test_a_fragment_does_not_replace_the_page_while_a_task_runs(browser: Browser) -> None:
    meta = ROOT.read_text(encoding="utf-8").split('<meta\n  name="htmx-config"')[1].split(">")[0]
    page_text = PAGE.format(meta=f'name="htmx-config"{meta}')

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("http://panel.test")
        if path == "/htmx.js":
            route.fulfill(path=HTMX, content_type="text/javascript")
        else:
            body = "<p>Used 3 GB</p>" if path == "/fragment" else page_text
            route.fulfill(body=body, content_type="text/html")

    page = browser.new_page()
    page.route("**/*", serve)
    page.goto("http://panel.test/")
    expect(page.get_by_text("Used 3 GB")).to_be_visible()
    expect(page.get_by_role("heading", name="Backup 9")).to_be_visible()
    page.close()
