"""`puqpanel test`: every test that this machine can run, and the name of what it cannot."""

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
from dataclasses import dataclass
from pathlib import Path

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import die_with_parent, environment
from puqpanel.infra.settings import ROOT

# What a test may need of the machine → the programs of which one must be there.
NEEDS: dict[str, Sequence[str]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "postgresql": ("initdb",),
    "mariadb": ("mariadbd",),
    "redis": ("redis-server", "valkey-server"),
    "sqlite": ("",),
}
PLACES = ("usr/lib/postgresql/*/bin", "usr/local/pgsql/bin", "usr/sbin", "usr/libexec")


@dataclass(frozen=True)
class Suite:
    """One run of pytest.

    Args:
        backend: the database, also what of NEEDS it stands on; sqlite needs nothing.
        title: what is printed above it.
        arguments: which tests.
    """

    backend: str
    title: str
    arguments: Sequence[str]


ELSEWHERE = (
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
"""What meets no database, or always a SQLite of its own: run once is enough."""
SUITES = (
    Suite("sqlite", "SQLite with the embedded queue server: everything", ("tests", "modules")),
    Suite(
        "postgresql",
        "PostgreSQL: all that touches the database",
        ("tests", *(f"--ignore=tests/{name}" for name in ELSEWHERE)),
    ),
    Suite("mariadb", "MariaDB: migrations and tasks", ("tests/migrations", "tests/tasks")),
)


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.option(
    "--database",
    "backends",
    multiple=True,
    type=click.Choice([suite.backend for suite in SUITES]),
    help="Only on this; may be repeated.",
)
@click.option(
    "--workers",
    metavar="N",
    default="auto",
    show_default=True,
    help="How many processes share the tests; 0 for none.",
)
@click.option(
    "--again",
    is_flag=True,
    help=(
        "Try what failed once more, one after the other: on a busy machine a deadline may be"
        " missed."
    ),
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENT]...")
def command(
    backends: tuple[str, ...], workers: str, again: bool, arguments: tuple[str, ...]
) -> int:
    """Run every test that this machine can run, on each database that it has the programs of.

    Arguments are pytest's: `./panel test tests/tasks -k lost` runs those on SQLite alone. What
    could not be run for want of a program is named at the end; PUQPANEL_TEST_REQUIRE="chromium
    postgresql mariadb redis" makes it an error.
    """
    if importlib.util.find_spec("pytest") is None:
        raise UserError(
            "The test extra is not installed; `./panel test` does so, or: pip install -e '.[test]'"
        )
    if not (ROOT / "tests").is_dir():
        raise UserError(f"The tests come with the project's sources, and there are none in {ROOT}.")
    missing = [name for name in NEEDS if not available(name)]
    required = _required()
    if lacking := [name for name in missing if name in required]:
        raise UserError(
            f"PUQPANEL_TEST_REQUIRE lists {', '.join(lacking)}, which this machine does not have"
            f" ({_programs(lacking)})."
        )
    chosen = [suite for suite in SUITES if suite.backend in backends] if backends else list(SUITES)
    if arguments and not backends:
        chosen = [SUITES[0]]
    failed = []
    for suite in chosen:
        if suite.backend in missing:
            continue
        click.echo(click.style(f"== {suite.title}", bold=True), err=True)
        begun = time.monotonic()
        code = _run(suite, workers, arguments)
        if code == 5 and arguments:  # nothing of what was asked for is in this suite
            code = 0
        if code == 1 and again:
            click.echo("   What failed is tried once more, alone:", err=True)
            code = _run(suite, "0", (*arguments, "--last-failed", "--last-failed-no-failures=none"))
        if code:
            failed.append(suite.backend)
        click.echo(f"   {time.monotonic() - begun:.0f} s", err=True)
    for name in missing:
        click.echo(
            f"Not run: what needs {name} ({_programs([name])} not found on this machine).", err=True
        )
    if failed:
        click.echo(f"Failed on: {', '.join(failed)}.", err=True)
    return int(bool(failed))


def available(name: str) -> bool:
    """Whether the machine has what a name in NEEDS stands for."""
    for program in NEEDS[name]:
        if not program:
            return True  # Python has it
        if shutil.which(program) or any(
            os.access(path, os.X_OK)
            for place in PLACES
            for path in Path("/").glob(f"{place}/{program}")
        ):
            return True
    return False


def _required() -> set[str]:
    text = environment({}).get("PUQPANEL_TEST_REQUIRE", "")
    required = set(text.replace(",", " ").split())
    if unknown := required - set(NEEDS):
        raise UserError(
            f"PUQPANEL_TEST_REQUIRE lists {', '.join(sorted(unknown))}; it takes"
            f" {', '.join(NEEDS)}."
        )
    return required


def _programs(names: Iterable[str]) -> str:
    return ", ".join(" or ".join(NEEDS[name]) for name in names)


def _run(suite: Suite, workers: str, arguments: Sequence[str]) -> int:
    # No setting of the caller's own panel may reach a test; what only speaks to the tests stays.
    kept = {
        name: value for name, value in environment({}).items() if name.startswith("PUQPANEL_TEST_")
    }
    env = environment(
        {**kept, "PUQPANEL_TEST_DATABASE": suite.backend, "PYTHONPATH": str(ROOT)},
        without="PUQPANEL_",
    )
    named = any(
        not argument.startswith("-") and (ROOT / argument.partition("::")[0]).exists()
        for argument in arguments
    )
    which = list(arguments) if named else [*suite.arguments, *arguments]
    parallel = [] if workers == "0" or "-n" in arguments else ["-n", workers, "--dist", "worksteal"]
    # as Ctrl-C does: fixtures stop their servers
    ends_with_us = functools.partial(die_with_parent, os.getpid(), signal.SIGINT)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-rs", *parallel, *which],
        cwd=ROOT,
        env=env,
        preexec_fn=ends_with_us,  # noqa: PLW1509 - there is one thread
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal has told pytest too: let it say what it was at
