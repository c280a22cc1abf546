"""What a process imports when it starts, and the garbage collector meanwhile."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from puqpanel.infra import collector
from puqpanel.infra.settings import ROOT, Settings

START = """
import sys
from puqpanel.app import create_app
from puqpanel.cli.context import require_migrated
from puqpanel.infra.settings import Settings

settings = Settings.load()
require_migrated(settings)
create_app(settings)
import puqpanel.sdk
print(*sorted({"flask", "limits", "alembic", "croniter", "valkey"} & set(sys.modules)))
"""


def test_a_start_imports_no_slow_library_that_it_does_not_use(settings: Settings) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PUQPANEL_INSTANCE": str(settings.instance),
        "PUQPANEL_DATABASE_URL": settings.database_url,
        "PUQPANEL_REDIS_URL": settings.redis_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "flask limits\n"), done.stderr


def test_the_collector_is_paused_and_left_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), collector.paused():
        assert not gc.isenabled()
        1 / 0  # noqa: B018
    assert gc.isenabled()
    gc.disable()
    try:
        with collector.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
