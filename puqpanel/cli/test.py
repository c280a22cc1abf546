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
PYTEST_TESTS_FAILED = 1
PYTEST_NO_TESTS = 5


DATABASE_INDEPENDENT = (
    "domain",
    "fakes",
    "browser",
    "cli",
    "docs",
    "modules/test_contract.py",
    "faults/test_hostile_matrix.py",
    "host/test_checks.py",
    "sdk/test_testing.py",
    "sdk/test_testing_contract.py",
)
"""Tests that use no database or always SQLite; running them once is enough."""
SUITES = {
    "sqlite": ("SQLite with the embedded queue server: all tests", ["tests", "modules"]),
    "postgresql": (
        "PostgreSQL: tests that use the database",
        ["tests", *(f"--ignore=tests/{name}" for name in DATABASE_INDEPENDENT)],
    ),
    "mariadb": ("MariaDB: migrations and tasks", ["tests/migrations", "tests/tasks"]),
}
"""Database, which is also a key of NEEDS → heading, and the tests that run on it."""


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.option(
    "--database",
    "backends",
    multiple=True,
    type=click.Choice(list(SUITES)),
    help="Database to test on; can be repeated.  [default: all installed]",
)
@click.option(
    "--workers",
    metavar="N",
    default="auto",
    show_default=True,
    help="Number of parallel pytest processes; 0 runs tests in one process.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Retry failed tests once, one at a time. On a busy machine, tests can time out.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENT]...")
def command(
    backends: tuple[str, ...], workers: str, again: bool, arguments: tuple[str, ...]
) -> int:
    """Run the test suite on each installed database.

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
    for backend in backends or (list(SUITES)[:1] if arguments else SUITES):
        if backend in missing:
            continue
        click.echo(click.style(f"== {SUITES[backend][0]}", bold=True), err=True)
        started = time.monotonic()
        code = _run(backend, workers, arguments)
        if code == PYTEST_NO_TESTS and arguments:
            code = 0
        if code == PYTEST_TESTS_FAILED and again:
            click.echo("   Retrying failed tests one at a time:", err=True)
            code = _run(
                backend, "0", (*arguments, "--last-failed", "--last-failed-no-failures=none")
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


def _run(backend: str, workers: str, arguments: Sequence[str]) -> int:
    # Settings of the caller's panel must not reach the tests; PUQPANEL_TEST_* may.
    test_settings = {
        name: value for name, value in environment({}).items() if name.startswith("PUQPANEL_TEST_")
    }
    env = environment(
        {**test_settings, "PUQPANEL_TEST_DATABASE": backend, "PYTHONPATH": str(ROOT)},
        without="PUQPANEL_",
    )
    names_tests = any(
        not argument.startswith("-") and (ROOT / argument.partition("::")[0]).exists()
        for argument in arguments
    )
    selection = list(arguments) if names_tests else [*SUITES[backend][1], *arguments]
    parallel = [] if workers == "0" or "-n" in arguments else ["-n", workers, "--dist", "worksteal"]
    # SIGINT lets fixtures stop their servers, as Ctrl+C does.
    interrupt_with_parent = functools.partial(die_with_parent, os.getpid(), signal.SIGINT)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-rs", *parallel, *selection],
        cwd=ROOT,
        env=env,
        preexec_fn=interrupt_with_parent,  # noqa: PLW1509 - this process has one thread
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal interrupts pytest as well; let it print its report
