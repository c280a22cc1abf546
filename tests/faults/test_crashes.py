"""Modules that end the process they run in: the next process tells it from the mark that was
left, and is not ended the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import create_app
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.host.loader import LOADING
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.live import dismantle
from puqpanel.models import Module, ModuleLog
from puqpanel.operations.modules import crashes, loading, module_list
from tests.sample import activate, write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
SOUND = (
    "import os\nfrom puqpanel.sdk import Plugin\n\nclass {name}(Plugin):\n    def die(self):\n     "
    "   os._exit(3)\n"
)
PROCESS = """
import json, sys
from pathlib import Path
from puqpanel.infra.settings import Settings
values = json.loads(sys.argv[1])
settings = Settings(**{**values, "instance": Path(values["instance"]), "modules_dir": Path(values["modules_dir"])})
from puqpanel.app import create_app
from puqpanel.host import calls
app = create_app(settings)
with app.app_context():
    if sys.argv[2] and sys.argv[2] in app.registry.modules:
        calls.invoke(calls.Call(app.registry.modules[sys.argv[2]], "die"))
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    for name in ("Deadly", "Sound"):
        write_module(tmp_path / "modules", SOUND.format(name=name), type="Plugin", name=name)
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture(autouse=True)
def on(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        for name in ("Deadly", "Sound"):
            activate(app, STAFF, name, "Plugin")
    dismantle(app)


def process(settings: Settings, call: str = "") -> int:
    """A process that builds the app, calls `die()` of a module, and ends."""
    values = {one.name: getattr(settings, one.name) for one in fields(settings) if one.init}
    plain = json.dumps(
        {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "-c", PROCESS, plain, call],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


def look(settings: Settings) -> tuple[Module, set[str]]:
    """What the next process makes of it: the module's row, and what it serves."""
    app = create_app(settings)
    with app.app_context():
        row = (
            session()
            .scalars(
                sa.select(Module)
                .where(Module.name == "Deadly")
                .execution_options(populate_existing=True)
            )
            .one()
        )
        served = set(app.registry.modules)
        release()
    dismantle(app)
    return row, served


def test_a_module_that_ends_processes_as_it_is_called_is_served_no_more(settings: Settings) -> None:
    assert process(settings, "Plugin/Deadly") == 3
    row, served = look(settings)
    assert (row.failure_count, row.status, served) == (
        2,
        "active",
        {"Plugin/Deadly", "Plugin/Sound"},
    )
    assert process(settings, "Plugin/Deadly") == 3
    assert process(settings, "Plugin/Deadly") == 3
    row, served = look(settings)
    assert row.status == "error" and "in die()" in str(row.reason) and served == {"Plugin/Sound"}
    assert process(settings, "Plugin/Deadly") == 0, "there is nothing left to call"
    app = create_app(settings)
    with app.app_context():
        assert {
            one
            for (one,) in session().execute(
                sa.select(ModuleLog.action).where(ModuleLog.name == "Deadly")
            )
        } == {"die() crashed its process"}
        loading.reload(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Plugin", name="Deadly"
        )
    dismantle(app)
    assert look(settings)[1] == {"Plugin/Deadly", "Plugin/Sound"}


def test_a_module_that_ends_processes_at_import_does_so_once(settings: Settings) -> None:
    main = settings.modules_dir / "Plugin" / "Deadly" / "Deadly.py"
    main.write_text("import os\nos._exit(4)\n")
    assert process(settings) == 4
    assert process(settings) == 0
    row, served = look(settings)
    assert (
        row.status == "error"
        and "Importing it crashed the process" in str(row.reason)
        and served == {"Plugin/Sound"}
    )
    app = create_app(settings)
    with app.app_context():
        assert loading.rescan(actor=AUTOMATION, modules_dir=settings.modules_dir) == 0
        main.write_text(SOUND.format(name="Deadly") + "# mended\n")
        assert loading.rescan(actor=AUTOMATION, modules_dir=settings.modules_dir) == 1, (
            "every process reloads the fixed module"
        )
    dismantle(app)
    row, served = look(settings)
    assert row.status == "active" and served == {"Plugin/Deadly", "Plugin/Sound"}


def test_a_module_is_not_blamed_for_a_process_that_somebody_else_killed(settings: Settings) -> None:
    """kill -9 just as a module is imported leaves the same mark as a module that ends the
    process: it is tried once more before it is blamed.
    """
    folder = crashes.folder(settings.instance)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        (folder / f"99999{number}").write_bytes(
            f"Plugin/Deadly {LOADING}".encode().ljust(256, b"\0")
        )
        row, served = look(settings)
        assert (row.status, served) == ("active", {"Plugin/Deadly", "Plugin/Sound"})
    assert row.failure_count == 2 * crashes.WEIGHT


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import os\nos._exit(4)\n", "crashed the process (exit code 4)"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "(signal 11)"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_module_is_proven_in_a_process_of_its_own_before_it_is_switched_on(
    settings: Settings, source: str, says: str
) -> None:
    write_module(settings.modules_dir, source, type="Plugin", name="Fresh")
    app = create_app(settings)
    with app.app_context():
        with pytest.raises(UserError) as refusal:
            loading.prove(settings.modules_dir, "Plugin", "Fresh")
        assert says in str(refusal.value)
        shown = {one.name: one for one in module_list.list_modules(settings.modules_dir)}
        assert shown["Fresh"].status == "error" and says in str(shown["Fresh"].reason)
        loading.prove(settings.modules_dir, "Plugin", "Sound")
    dismantle(app)


def test_a_process_that_cannot_be_seen_from_here_is_not_taken_for_dead(settings: Settings) -> None:
    """Another container that shares the folder, or the host before it was started anew: their
    numbers mean nothing here.
    """
    gone = 2**22 + 1
    elsewhere = settings.instance / "run" / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / str(gone)).write_bytes(b"Plugin/Deadly loading".ljust(256, b"\0"))
    (settings.instance / "run" / str(gone)).write_bytes(b"Plugin/Deadly loading".ljust(256, b"\0"))
    row, served = look(settings)
    assert (row.status, row.failure_count, served) == (
        "active",
        0,
        {"Plugin/Deadly", "Plugin/Sound"},
    )
    os.utime(elsewhere, (0, 0))
    crashes.tidy(settings.instance)
    assert not elsewhere.exists()
    own = crashes.folder(settings.instance) / str(gone)
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"Plugin/Deadly die()".ljust(256, b"\0"))
    assert look(settings)[0].failure_count == 2
