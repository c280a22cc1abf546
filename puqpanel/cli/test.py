"""`puqpanel test`: the test suite on every available database."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import die_with_parent, environment
from puqpanel.infra.settings import ROOT

# Requirement → programs, one of which must be installed.
NEEDS: dict[str, Sequence[str]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "postgresql": ("initdb",),
    "mariadb": ("mariadbd",),
    "redis": ("redis-server", "valkey-server"),
    "sqlite": (sys.executable,),  # built into Python
}
PROGRAM_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/local/pgsql/bin",
    "usr/sbin",
    "usr/libexec",
)
SLOWEST = ("--durations=20", "--durations-min=5")
PYTEST_TESTS_FAILED = 1
PYTEST_NO_TESTS = 5


SQLITE_ONLY = ("browser", "cli", "docs", "faults/test_hosts.py")
"""Tests that run with SQLite or start their own server, whatever the database of the suite is.

Those without a database are deselected by tests/conftest.py.
"""


class Suite(NamedTuple):
    """The tests that run on a database.

    Attributes:
        name: Of the database.
        usual: Arguments of pytest that select the tests of a run without `--all`.
        all: Arguments that select all tests.
    """

    name: str
    usual: Sequence[str]
    all: Sequence[str]


MIGRATIONS_AND_TASKS = (
    "tests/migrations",
    "tests/tasks",
    "tests/infra/test_deadlocks.py",
    "tests/infra/test_outages.py",
)
SUITES = {
    "sqlite": Suite("SQLite", ("tests", "modules", "-m", "not faults"), ("tests", "modules")),
    "postgresql": Suite(
        "PostgreSQL",
        (
            *MIGRATIONS_AND_TASKS,
            "tests/models",
            "tests/operations",
            "tests/web/test_list_paging.py",
        ),
        ("tests", *(f"--ignore=tests/{name}" for name in SQLITE_ONLY)),
    ),
    "mariadb": Suite("MariaDB", MIGRATIONS_AND_TASKS, MIGRATIONS_AND_TASKS),
}
"""Database, which is also a key of NEEDS → its tests."""
USUAL = ("sqlite", "postgresql")
"""Databases of a run without `--all`."""


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.option(
    "--database",
    "backends",
    multiple=True,
    type=click.Choice(list(SUITES)),
    help="Database to test on; can be repeated.  [default: SQLite and PostgreSQL; with --all, all]",
)
@click.option(
    "--workers",
    metavar="N",
    default="auto",
    help="Number of parallel pytest processes; 0 runs tests in one process.  [default: 1.5 per"
    " CPU core, at least 2]",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also run the tests that kill processes and hosts, the tests with faulty modules, all"
    " database tests on PostgreSQL, and the migration and task tests on MariaDB.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Retry failed tests once, one at a time. On a busy machine, tests can time out.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENT]...")
def command(
    backends: tuple[str, ...],
    workers: str,
    everything: bool,
    again: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run the test suite on the installed databases.

    Other arguments are passed to pytest: `./panel test tests/tasks -k lost` runs those tests on
    SQLite only. Tests that need a program that is not installed are skipped and listed at the end.
    To fail instead, set PUQPANEL_TEST_REQUIRE to a list such as "chromium postgresql mariadb
    redis".
    """
    if importlib.util.find_spec("pytest") is None:
        raise UserError(
            "pytest is not installed. Run `./panel test`, which installs it, or: pip install -e"
            " '.[test]'"
        )
    if not (ROOT / "tests").is_dir():
        raise UserError(f"No tests in {ROOT}. They are part of the source distribution.")
    missing = [name for name in NEEDS if not available(name)]
    required = _required()
    if missing_required := [name for name in missing if name in required]:
        raise UserError(
            f"PUQPANEL_TEST_REQUIRE lists {', '.join(missing_required)}, but this machine does not"
            f" have {_programs(missing_required)}."
        )
    failed = []
    if workers == "auto":
        workers = str(max(2, (os.cpu_count() or 1) * 3 // 2))
    for backend in backends or (USUAL[:1] if arguments else SUITES if everything else USUAL):
        if backend in missing:
            continue
        suite = SUITES[backend]
        click.echo(click.style(f"== {suite.name}", bold=True), err=True)
        started = time.monotonic()
        selection = _selection(suite.all if everything else suite.usual, arguments)
        code = _run(backend, workers, selection)
        if code == PYTEST_NO_TESTS and arguments:
            code = 0
        if code == PYTEST_TESTS_FAILED and again:
            click.echo("   Retrying failed tests one at a time:", err=True)
            code = _run(
                backend, "0", (*selection, "--last-failed", "--last-failed-no-failures=none")
            )
        if code:
            failed.append(backend)
        click.echo(f"   {time.monotonic() - started:.0f} s", err=True)
    for name in missing:
        click.echo(f"Skipped tests that need {name}: {_programs([name])} not found.", err=True)
    if failed:
        click.echo(f"Failed on: {', '.join(failed)}.", err=True)
    return int(bool(failed))


def available(name: str) -> bool:
    """Return whether this machine meets a requirement from NEEDS."""
    folders = [str(path) for folder in PROGRAM_FOLDERS for path in Path("/").glob(folder)]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    return any(shutil.which(program, path=path) for program in NEEDS[name])


def _required() -> set[str]:
    text = environment({}).get("PUQPANEL_TEST_REQUIRE", "")
    required = set(text.replace(",", " ").split())
    if unknown := required - set(NEEDS):
        raise UserError(
            f"PUQPANEL_TEST_REQUIRE lists {', '.join(sorted(unknown))}. Allowed values:"
            f" {', '.join(NEEDS)}."
        )
    return required


def _programs(names: Iterable[str]) -> str:
    return ", ".join(" or ".join(NEEDS[name]) for name in names)


def _selection(tests: Sequence[str], arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments of pytest: those of the caller, without a path also those of a suite."""
    names_tests = any(
        not argument.startswith("-") and (ROOT / argument.partition("::")[0]).exists()
        for argument in arguments
    )
    return arguments if names_tests else [*tests, *arguments]


def _environment(backend: str) -> dict[str, str]:
    # Settings of the caller's panel must not reach the tests; PUQPANEL_TEST_* may.
    test_settings = {
        name: value for name, value in environment({}).items() if name.startswith("PUQPANEL_TEST_")
    }
    env = environment(
        {**test_settings, "PUQPANEL_TEST_DATABASE": backend, "PYTHONPATH": str(ROOT)},
        without="PUQPANEL_",
    )
    # Container images often set it. Each of the many processes would compile all sources.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def _run(backend: str, workers: str, selection: Sequence[str]) -> int:
    parallel = [] if workers == "0" or "-n" in selection else ["-n", workers, "--dist", "worksteal"]
    # SIGINT lets fixtures stop their servers, as Ctrl+C does.
    interrupt_with_parent = functools.partial(die_with_parent, os.getpid(), signal.SIGINT)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-rs", *SLOWEST, *parallel, *selection],
        cwd=ROOT,
        env=_environment(backend),
        preexec_fn=interrupt_with_parent,  # noqa: PLW1509 - this process has one thread
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal interrupts pytest as well; let it print its report
