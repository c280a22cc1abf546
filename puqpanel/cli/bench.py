"""`puqpanel bench`: benchmarks against the libraries the panel is built on."""

from __future__ import annotations

import importlib
import json
import sys

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import ROOT

FOLDER = ROOT / "bench"
NOT_BENCHMARKS = {"__init__", "bare_issue", "bare_task", "measure", "running"}


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--n",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="Number of operations per run.  [default: set by the benchmark]",
)
@click.option("--strict", is_flag=True, help="Exit with code 1 if a goal is missed.")
@click.option(
    "--database", metavar="URL", help="Empty database to use.  [default: temporary SQLite]"
)
def command(names: tuple[str, ...], number: int | None, strict: bool, database: str | None) -> int:
    """Compare the panel with the libraries it is built on.

    NAME is a file in bench/; without one, all benchmarks run. Each figure is the median of at least
    five runs that alternate with runs of the bare libraries. It is printed as a line of JSON with
    the keys `ours`, `bare`, `ratio`, `goal` and `met`. A missed goal is an error only with
    --strict, because other load on the machine affects the results.
    """
    available = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    if not available:
        raise UserError(f"No benchmarks in {FOLDER}. They are part of the source distribution.")
    if unknown := [name for name in names if name not in available]:
        raise click.UsageError(
            f"No such benchmark: {', '.join(unknown)}. Available benchmarks:"
            f" {', '.join(available)}."
        )
    sys.path.insert(0, str(ROOT))
    missed = 0
    for name in names or available:
        click.echo(f"{name} …", err=True)
        for figure in importlib.import_module(f"bench.{name}").figures(number, database):
            click.echo(json.dumps(figure))
            sys.stdout.flush()
            missed += not figure.get("met")
    return int(strict and missed > 0)
