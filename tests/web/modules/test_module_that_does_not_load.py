"""The page of a service explains whether its module is inactive or failed to load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.operations.modules import lifecycle
from tests.conftest import STAFF
from tests.sample import write_module
from tests.web.modules.test_hostile_modules import Stage


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(
        tmp_path / "modules",
        "from puqpanel.sdk import Product\n\n\nclass Echo(Product):\n    pass\n",
    )
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (True, "Product/Echo failed to load: Echo.py has a syntax error"),
        (False, "Product/Echo is not active."),
    ],
)
def test_a_service_page_explains_why_its_module_is_unavailable(
    settings: Settings, broken: bool, reason: str
) -> None:
    stage = Stage(settings)
    path = f"/admin/services/{stage.uuid}"
    assert 't-bad">unavailable<' not in stage.staff.get(path).text
    with stage.app.app_context():
        if broken:
            (settings.modules_dir / "Product/Echo/Echo.py").write_text(
                "class Echo(Product)\n    pass\n"
            )
        else:
            lifecycle.deactivate(
                actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="Echo"
            )
    stage.app = Live(settings).ensure()
    page = stage.sign_in("admin", "owner@panel.test").get(path).text
    assert reason in page
    assert 't-bad">unavailable<' in page
    assert "be provisioned until it is active" in page
    assert ("is not active" in page) is not broken
