"""Chromium against a panel started with `puqpanel up`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from puqpanel.cli.demo.cloud import DemoCloud
from tests.cli.running import Up, processes

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "demo-cloud-token"


@dataclass
class Panel:
    """A running panel with its sign-in details."""

    address: str
    password: str
    cloud_port: int
    instance: Path
    complaints: list[str] = field(default_factory=list)
    email: str = "admin@example.test"

    def watch(self, page: Page) -> Page:
        """Record the page's errors: failing scripts, and what the policy blocks."""
        page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{page.url}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    @contextlib.contextmanager
    def paused_workers(self) -> Iterator[None]:
        """Stop the workers, so that tasks wait."""
        pids = [pid for pid, command in processes(self.instance).items() if " worker" in command]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def sign_in(self, page: Page, area: str, email: str, password: str) -> None:
        """Sign in through the form."""
        page.goto(f"{self.address}{area}/signin")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(re.compile(rf"{area}(?!/signin)"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        assert "chromium" not in os.environ.get("PUQPANEL_TEST_REQUIRE", "")
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """An empty panel with its first staff account, and a demo cloud; stopped after the file."""
    folder: Path = tmp_path_factory.mktemp("browser")
    cloud = DemoCloud(folder / "cloud", TOKEN)
    serving = threading.Thread(target=cloud.serve_forever, daemon=True)
    serving.start()
    up = Up(folder / "instance", PUQPANEL_WEB_PROCESSES="1", PUQPANEL_WORKERS="1")
    try:
        up.ready()
        match = re.search(r"admin@example\.test +(\S+)", up.output)
        assert match, up.output
        yield Panel(up.address, match[1], cloud.port, up.instance)
    finally:
        up.destroy()
        cloud.shutdown()
        cloud.close()
        serving.join(5)


@dataclass
class Demo(Panel):
    """The demo, with services in every status, and all passwords."""

    passwords: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A panel with the demo."""
    instance: Path = tmp_path_factory.mktemp("demo") / "instance"
    up = Up(instance, "--demo", PUQPANEL_WEB_PROCESSES="1", PUQPANEL_WORKERS="1")
    try:
        up.ready()
        passwords = json.loads((instance / "demo" / "passwords.json").read_text())
        yield Demo(up.address, passwords["admin@example.test"], 0, instance, passwords=passwords)
    finally:
        up.destroy()


@pytest.fixture
def staff(browser: Browser, panel: Panel) -> Iterator[Page]:
    """A browser with signed-in staff."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = panel.watch(context.new_page())
    panel.sign_in(page, "/admin", panel.email, panel.password)
    yield page
    context.close()


@pytest.fixture
def another(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that is not signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()
