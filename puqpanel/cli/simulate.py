"""`puqpanel billing simulate`: what renewals, charges and dunning will do in the next months."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from puqpanel.cli.books import json_option
from puqpanel.cli.context import client_row, company_uuid, instance_option, panel, require_migrated
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.operations.automation.simulation.assumptions import Paying
    from puqpanel.operations.automation.simulation.counts import Counts, Sums
    from puqpanel.operations.billing.book_problems import Problem

STEPS = {
    "reminder": "Reminders",
    "fee": "Late fees",
    "suspend": "Suspended",
    "unsuspend": "Unsuspended",
    "terminate": "Terminated",
    "cancel": "Orders cancelled",
}
WIDTH = 200
"""Width of the table in characters if the output is not a terminal."""


@click.command("simulate")
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True)
@click.option("--client", default="", help="UUID or e-mail address of one client.  [default: all]")
@click.option("--company", default="", help="Name or UUID of one company.  [default: all]")
@click.option(
    "--paying",
    default="as-before",
    show_default=True,
    metavar="all|none|as-before|PERCENT",
    help="Which documents are paid, and which charges of saved payment methods succeed.",
)
@click.option("--seed", type=int, help="Repeat the random choices of an earlier simulation.")
@json_option
@instance_option
def command(
    settings: Settings,
    *,
    months: int,
    client: str,
    company: str,
    paying: str,
    seed: int | None,
    as_json: bool,
) -> int:
    """Show what billing would do in the next months, day by day, on a copy of the database.

    Renewals, charges of saved payment methods, reminders, late fees, suspensions and terminations
    happen as they would in the panel. Whether clients pay is assumed; as-before repeats what each
    of them did in the last year. No module is called and no message is sent, and the panel's own
    database is only read. Exits with code 1 if the books of the copy do not agree.
    """
    share = _share(paying)
    seed = secrets.randbelow(10**6) if seed is None else seed
    progress = Progress(console=Console(stderr=True), transient=True, disable=as_json)
    with tempfile.TemporaryDirectory(prefix="puqpanel-simulation-") as folder, progress:
        copied = _copy(settings, Path(folder) / "copy.db", client, progress)
        with panel(copied), _closing():
            days, problems = _simulate(months, _paying(share, seed), company, progress)
    if as_json:
        click.echo(json.dumps(_plain(days, problems, seed, paying)))
    else:
        _print(days, problems, seed, paying)
    return int(bool(problems))


def _share(text: str) -> float | None:
    """Return the share of documents that are paid; None for what each client did before."""
    named = {"all": 1.0, "none": 0.0, "as-before": None}
    if text in named:
        return named[text]
    try:
        percent = int(text.removesuffix("%"))
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise click.BadParameter(
            "Enter all, none, as-before or a percentage from 0 to 100.", param_hint="--paying"
        )
    return percent / 100


def _paying(share: float | None, seed: int) -> Paying:
    from puqpanel.operations.automation.simulation import assumptions

    return assumptions.as_before(seed) if share is None else assumptions.Paying(seed, share)


def _copy(settings: Settings, file: Path, client: str, progress: Progress) -> Settings:
    """Copy the database, and return the settings of a panel with the copy."""
    from puqpanel.infra import table_copies
    from puqpanel.infra.db import engine_for
    from puqpanel.operations.automation.simulation import copies
    from puqpanel.operations.system.keys import open_keys

    require_migrated(settings)
    open_keys(settings.keys_dir, settings.database_url)
    source = engine_for(settings.database_url)
    conditions = copies.conditions(_client_id(source, client) if client else None)
    total = table_copies.count(source, conditions, copies.WITHOUT)
    task = progress.add_task("Copying rows", total=total)
    table_copies.copy(
        source,
        file,
        conditions=conditions,
        without=copies.WITHOUT,
        progress=lambda rows: progress.advance(task, rows),
    )
    progress.remove_task(task)
    return replace(settings, database_url=f"sqlite:///{file}")


def _client_id(source: object, text: str) -> int:
    """Return the id of a client with a UUID or e-mail address."""
    import sqlalchemy as sa

    assert isinstance(source, sa.Engine)
    with source.connect() as connection:
        return int(client_row(connection.execute, text).id)


@contextlib.contextmanager
def _closing() -> Iterator[None]:
    """Close the database at the end, because its file is deleted."""
    from puqpanel.infra.db import dispose_engines, end_session

    try:
        yield
    finally:
        end_session()
        dispose_engines()


def _simulate(
    months: int, paying: Paying, company: str, progress: Progress
) -> tuple[list[Counts], list[Problem]]:
    from puqpanel.domain.principals import CLI
    from puqpanel.operations.automation.simulation import days
    from puqpanel.operations.billing import books

    plan = days.Plan(months, paying, company_uuid(company) if company else "")
    task = progress.add_task("Simulating days", total=len(plan.moments()))
    found = []
    for each in days.simulate(actor=CLI, plan=plan):
        found.append(each)
        progress.advance(task)
    check = progress.add_task("Checking ledger invariants", total=books.CHECKS)
    problems: list[Problem] = []
    for step in books.check():
        problems += step.problems
        progress.advance(check)
    return found, problems


def _plain(
    days: list[Counts], problems: list[Problem], seed: int, paying: str
) -> dict[str, object]:
    from puqpanel.operations.automation.simulation.counts import by_month

    return {
        "seed": seed,
        "paying": paying,
        "first": days[0].day.isoformat(),
        "last": days[-1].day.isoformat(),
        "months": [{"month": f"{each.day:%Y-%m}", **_values(each)} for each in by_month(days)],
        "days": [{"day": each.day.isoformat(), **_values(each)} for each in days],
        "problems": [{"subject": each.subject, "problem": str(each.text)} for each in problems],
    }


def _values(counts: Counts) -> dict[str, object]:
    from puqpanel.operations.automation.simulation.counts import plain

    sums = {kind: plain(found) for kind, found in counts.sums.items()}
    steps = {kind: counts.steps[kind] for kind in STEPS}
    return {**sums, **steps, "open": plain(counts.open), "approvals": counts.stopped}


def _print(days: list[Counts], problems: list[Problem], seed: int, paying: str) -> None:
    from puqpanel.operations.automation.simulation.counts import KINDS, by_month

    table = Table(box=None, pad_edge=False)
    table.add_column("Month")
    names = (*(kind.capitalize() for kind in KINDS), *STEPS.values(), "Approvals", "Open at end")
    for name in names:
        table.add_column(name, justify="right")
    for each in by_month(days):
        steps = [str(each.steps[kind]) for kind in STEPS]
        sums = [_cell(found) for found in each.sums.values()]
        table.add_row(f"{each.day:%Y-%m}", *sums, *steps, str(each.stopped), _cell(each.open))
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(width=WIDTH, highlight=False)
    console.print(table)
    last = days[-1].day + timedelta(days=1)
    click.echo(f"Simulated {days[0].day} to {last}, paying {paying}, seed {seed}.")
    for found in problems:
        click.echo(f"{found.subject}: {found.text}", err=True)
    count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
    click.echo(f"Books of the copy: {count}.")


def _cell(sums: Sums) -> str:
    return "\n".join(f"{number}: {amount}" for number, amount in sums.values()) or "0"
