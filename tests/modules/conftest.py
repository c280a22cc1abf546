"""A test panel with active modules of the project."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from puqpanel.app import Panel
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from tests.modules.harness import STAFF
from tests.sample import activate

NAMES = ("PuqNextcloud", "MyCloudService")


@pytest.fixture
def served(settings: Settings, app: Panel) -> Iterator[Panel]:
    """Run the test in a panel with both modules active."""
    with app.app_context():
        for name in NAMES:
            activate(app, STAFF, name)
    panel = Live(settings).ensure()
    assert not panel.registry.refused
    with panel.app_context():
        yield panel
    dismantle(panel)
