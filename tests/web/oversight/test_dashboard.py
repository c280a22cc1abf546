"""The dashboard: empty, with lost services, and with failed provisioning."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.models import Service
from puqpanel.operations.oversight import dashboard, kept
from puqpanel.web import charts
from tests.web.conftest import Browser


@pytest.mark.parametrize(
    ("up", "down", "axis"),
    [
        ([], [], (4, 0, 200)),
        ([0, 0], [0], (4, 0, 200)),
        ([8], [0], (8, 0, 200)),
        ([8], [1], (12, 4, 150)),
        ([0], [1], (3, 1, 150)),
        ([1], [70], (240, 80, 150)),
        ([20_000], [3], (24_000, 8_000, 150)),
    ],
)
def test_both_directions_share_one_scale(
    up: list[float], down: list[float], axis: tuple[int, int, float]
) -> None:
    assert charts.both_ways(up, down) == axis
    top, bottom, zero = axis
    assert all(value * zero / top <= zero for value in up)
    assert all(value * zero / top <= charts.HEIGHT - zero for value in down)
    assert not bottom or zero / top == (charts.HEIGHT - zero) / bottom


def test_an_empty_dashboard(owner: Browser) -> None:
    page = owner.get("/admin/").text
    for text in (
        "No tasks yet",
        "No failed services",
        "none in the last 24 hours",
        "from 0 active services",
    ):
        assert text in page, text
    assert "−" not in page.split("<main")[1]


def test_losses_have_an_axis_and_failures_a_retry_button(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context(), transaction() as current:
        current.execute(
            sa.update(Service).values(
                status="active",
                provision_status="failed",
                verb="change_package",
                failure="The cloud says <no>.",
                terminated_at=now() - timedelta(days=1),
            )
        )
    page = owner.get("/admin/").text
    assert "<span>3</span><span>0</span><span>−1</span>" in page
    assert "Twelve weeks: 1 new, 1 lost" in page
    assert page.count("Show as table") == 1, "the chart of tasks has nothing to show yet"
    assert (
        "The cloud says &lt;no&gt;." in page,
        "Change package" in page,
        f'formaction="/admin/services/{shop["service"]}/retry"' in page,
    ) == (True, True, True)


def test_the_page_says_how_old_its_figures_are(
    app: Panel, owner: Browser, shop: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "MANY", 0)
    monkeypatch.setattr(kept, "AGE", timedelta(minutes=30))
    monkeypatch.setattr(kept, "now", lambda: now() - timedelta(minutes=5))
    assert "Updated 5 min" in owner.get("/admin/").text
    monkeypatch.setattr(kept, "AGE", timedelta(0))
    monkeypatch.setattr(kept, "now", now)
    assert "Updated" not in owner.get("/admin/").text
