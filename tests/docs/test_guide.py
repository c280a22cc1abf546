"""The guide: its blocks are put together as the reader does it; the module loads after each
step, passes its own tests and works in a real panel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.host.loader import load_module
from puqpanel.host.registry import unload
from puqpanel.infra.db import session
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Service
from puqpanel.operations.accounts import staff
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import requests, services
from tests.conftest import STAFF
from tests.docs.blocks import steps
from tests.sample import PASSWORD as CUSTOMERS
from tests.sample import activate, make_client
from tests.web.conftest import PASSWORD, Browser

GUIDE = ROOT / "docs" / "guide" / "first-module.md"
STEPS = list(steps(GUIDE))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole guide was followed; the module loaded without a warning after
    each step.
    """
    root = tmp_path_factory.mktemp("guide")
    for heading, blocks in STEPS:
        for block in blocks:
            block.put(root)
        module = load_module(root / "modules/Product/SiteBox", "Product", "SiteBox")
        unload(module.package)
        assert not module.warnings, heading
    return root


def test_every_block_has_its_path() -> None:
    assert len(STEPS) == 8
    text = GUIDE.read_text("utf-8")
    assert sum(len(blocks) for _, blocks in STEPS) == text.count("\n```\n"), (
        "a block of code stands under no path"
    )


def test_its_own_tests_pass(built: Path) -> None:
    tests = built / "modules/Product/SiteBox/tests"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "-c",
            str(ROOT / "setup.cfg"),
            "--rootdir",
            str(built),
            str(tests),
        ],
        cwd=built,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "7 passed" in done.stdout


def test_its_score_card_has_no_failure(built: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "puqpanel", "module", "test", "SiteBox"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PUQPANEL_MODULES_DIR": str(built / "modules")},
    )
    assert (done.returncode, " 0 failed" in done.stdout) == (0, True), done.stdout + done.stderr
    shown = [
        line.strip() for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("      ✓")
    ]
    assert shown
    assert [line for line in shown if line not in done.stdout] == []


def test_it_is_clean(built: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("no ruff on this machine")
    done = subprocess.run(
        [
            ruff,
            "check",
            "--no-cache",
            "--config",
            str(ROOT / "pyproject.toml"),
            "--exclude",
            "tests",
            ".",
        ],
        cwd=built,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def provider(built: Path) -> Iterator[Any]:
    """The guide's provider, running."""
    module = ModuleType("sitebox_provider")
    exec((built / "modules/Product/SiteBox/tests/provider.py").read_text(), vars(module))
    with module.Sites() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, built: Path) -> Settings:
    return replace(settings, modules_dir=built / "modules")


@pytest.fixture
def panel(settings: Settings, app: Panel) -> Iterator[Panel]:
    """The panel with the module switched on."""
    with app.app_context():
        activate(app, STAFF, "SiteBox")
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
    served = Live(settings).ensure()
    yield served
    dismantle(served)


def sold(panel: Panel) -> str:
    """A service of a product of the module; its customer is astrid@lumen.test."""
    with panel.app_context():
        product = products.save_product(
            actor=STAFF, uuid=None, name="Site 5", module="Product/SiteBox", price="5"
        )
        products.save_config(actor=STAFF, uuid=product.uuid, data={"quota": "5"})
        return services.create_service(
            actor=STAFF,
            client_uuid=make_client(STAFF)[0].uuid,
            product_uuid=product.uuid,
            name="lumen",
        ).uuid


def create(panel: Panel, uuid: str, drain: Callable[..., None]) -> Service:
    """Asks for it, lets a worker do it, and reads what became of it."""
    with panel.app_context():
        assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    drain()
    with panel.app_context():
        found = session().scalar(sa.select(Service).where(Service.uuid == uuid))
        assert found is not None
        return found


def test_it_works_in_a_panel(panel: Panel, provider: Any, drain: Callable[..., None]) -> None:
    olga = Browser(panel).sign_in("owner@panel.test")
    page = "/admin/modules/Product/SiteBox/servers"
    assert "No servers yet" in olga.get(page).text
    refused = olga.post(page, {"name": "", "url": "nowhere", "api_key": "x"})
    assert (refused.status_code, "Enter a URL" in refused.text) == (422, True)
    assert (
        olga.post(page, {"name": "one", "url": provider.url, "api_key": "let-me-in"}).status_code
        == 302
    )
    assert "Reachable" in olga.get(page).text

    uuid = sold(panel)
    assert "Site name" in olga.get(f"/admin/services/{uuid}/settings").text
    assert olga.post(f"/admin/services/{uuid}/settings", {"site": "lumen"}).status_code == 302
    made = create(panel, uuid, drain)
    assert (made.status, str(made.failure)) == ("active", "")
    assert provider.sites["lumen"]["owner"] == uuid

    astrid = Browser(panel).sign_in("astrid@lumen.test", "/client", CUSTOMERS)
    assert "lumen.sites.example" in astrid.get(f"/client/services/{uuid}/general").text
    said = astrid.get(f"/client/services/{uuid}/general/api/usage").json
    assert said is not None
    assert said["data"]["text"] == "0.4 GB of 5 GB"


def test_it_hears_of_a_service_that_was_not_made(panel: Panel, drain: Callable[..., None]) -> None:
    uuid = sold(panel)
    with panel.app_context():
        services.save_service_data(actor=STAFF, uuid=uuid, data={"site": "lumen"})
    assert create(panel, uuid, drain).status == "pending"
    with panel.app_context():
        lines = session().execute(sa.select(ModuleLog.action, ModuleLog.response)).all()
    assert ("site not created", "No servers yet. Add one on the Servers page.") in [
        tuple(line) for line in lines
    ]
