"""`puqpanel bench`: the panel beside the bare parts it is made of."""

from __future__ import annotations

import importlib
import json
import sys

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import ROOT

FOLDER = ROOT / "bench"
SHARED = {"__init__", "measure"}


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--n",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="How many of what is measured; each has a sensible number of its own.",
)
@click.option("--strict", is_flag=True, help="Exit code 1 where a goal was missed.")
@click.option(
    "--database", metavar="URL", help="An empty database to measure on.  [default: SQLite]"
)
def command(names: tuple[str, ...], number: int | None, strict: bool, database: str | None) -> int:
    """Measure it against the bare parts it is made of: NAME is a file in bench/, all of them where
    none is named.

    Each figure is the median of at least five runs, taken in turns with the bare stack's, and is
    printed as one line of JSON: `ours`, `bare`, their `ratio`, the `goal`, and whether it was
    `met`. A missed goal is no error unless --strict says so: the machine may be busy.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SHARED)
    if not known:
        raise UserError(
            f"The measurements come with the project's sources, and there are none in {FOLDER}."
        )
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(
            f"There is no measurement {', '.join(unknown)}; there are {', '.join(known)}."
        )
    sys.path.insert(0, str(ROOT))
    missed = 0
    for name in names or known:
        click.echo(f"{name} …", err=True)
        for figure in importlib.import_module(f"bench.{name}").figures(number, database):
            click.echo(json.dumps(figure))
            sys.stdout.flush()
            missed += not figure.get("met")
    return int(strict and missed > 0)
