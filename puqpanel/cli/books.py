"""`puqpanel books`: check the ledger, and that no issued document was altered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from puqpanel.cli.context import instance_option, panel
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.operations.billing.book_problems import Problem, Step

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("books")
def command() -> None:
    """Check the ledger and the issued documents.

    Both commands exit with code 1 if they find a problem. They change nothing.
    """


@command.command("check")
@json_option
@instance_option
def check(settings: Settings, as_json: bool) -> int:
    """Check that postings balance and that documents agree with the ledger."""
    from puqpanel.operations.billing import books

    with panel(settings):
        return _report(books.check(), books.CHECKS, "ledger invariants", as_json)


@command.command("verify")
@json_option
@instance_option
def verify(settings: Settings, as_json: bool) -> int:
    """Verify that no issued document was altered, removed or inserted afterwards.

    Each document is sealed by a digest of its content and of the seal of the document before it.
    """
    from puqpanel.operations.billing import books

    with panel(settings):
        return _report(books.verify(), books.documents_to_verify(), "documents", as_json)


def _report(steps: Iterator[Step], total: int, label: str, as_json: bool) -> int:
    """Print the problems that a check finds, and return the exit code."""
    problems: list[Problem] = []
    done = 0
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task(f"Checking {label}", total=total)
        for step in steps:
            problems += step.problems
            done += step.done
            progress.advance(task, step.done)
    if as_json:
        rows = [{"subject": each.subject, "problem": str(each.text)} for each in problems]
        click.echo(json.dumps({"checked": done, "problems": rows}))
        return int(bool(problems))
    for each in problems:
        click.echo(f"{each.subject}: {each.text}", err=True)
    found = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
    click.echo(f"Checked {done} {label}: {found}.")
    return int(bool(problems))
