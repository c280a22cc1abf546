"""`puqpanel billing`: charge services for their next periods."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.operations.automation.renewals import RenewalDocument


AMOUNTS = "Amounts include or exclude tax, as the company enters its prices."


@click.group("billing")
def command() -> None:
    """Charge services for their next periods."""


@command.command("run")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Include what becomes due up to this day. Documents are dated today.  [default: today]",
)
@click.option("--company", default="", help="Name or UUID of one company.  [default: all]")
@click.option("--late", is_flag=True, help="Include periods that began more than three days ago.")
@click.option("--dry-run", is_flag=True, help="Show what would be issued, and issue nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def run(
    settings: Settings,
    *,
    day: datetime | None,
    company: str,
    late: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Issue the documents of the renewals that are due, one period of each service.

    The scheduler does the same every hour. A second run issues nothing. The command exits with
    code 1 if a document could not be issued.
    """
    from puqpanel.domain.principals import CLI
    from puqpanel.operations.automation import renewals

    with panel(settings):
        last = day.date() if day else None
        uuid = _company(company) if company else ""
        if dry_run:
            return _show(list(renewals.due(day=last, company_uuid=uuid, late=late)), as_json)
        results = renewals.run(actor=CLI, day=last, company_uuid=uuid, late=late)
        refused = [
            {**_plain([document])[0], "reason": str(reason)} for document, reason in results.refused
        ]
    if as_json:
        click.echo(json.dumps({"issued": results.issued, "refused": refused}))
        return int(bool(refused))
    for each in refused:
        click.echo(f"{each['client']}: {each['reason']}", err=True)
    noun = "document" if results.issued == 1 else "documents"
    click.echo(f"Issued {results.issued} {noun}, {len(refused)} refused.")
    return int(bool(refused))


def _company(text: str) -> str:
    """Return the UUID of a company with a name or UUID."""
    from puqpanel.operations.billing import companies

    for company in companies.companies():
        if text in (company.uuid, company.name):
            return company.uuid
    raise click.BadParameter(f"There is no company “{text[:80]}”.", param_hint="--company")


def _show(documents: list[RenewalDocument], as_json: bool) -> int:
    due = _plain(documents)
    if as_json:
        click.echo(json.dumps({"due": due}))
        return 0
    for document in documents:
        for each in document.renewals:
            amounts = ", ".join(str(line.amount_in(document.currency)) for line in each.lines)
            name, client = each.service.name, each.service.client.name
            days = f"{each.span.start:%Y-%m-%d} to {_last(each.span.end)}"
            click.echo(f"{client}: {name}, {days}: {amounts}")
    noun = "document" if len(documents) == 1 else "documents"
    click.echo(f"{len(documents)} {noun} would be issued. {AMOUNTS}")
    return 0


def _last(end: date) -> str:
    return date.fromordinal(end.toordinal() - 1).isoformat()


def _plain(documents: Iterable[RenewalDocument]) -> list[dict[str, object]]:
    """Return what documents charge, as plain values."""
    return [
        {
            "client": document.renewals[0].service.client.name,
            "company": document.renewals[0].company.name,
            "kind": document.kind,
            "services": [
                {
                    "service": each.service.uuid,
                    "name": each.service.name,
                    "start": each.span.start.isoformat(),
                    "end": each.span.end.isoformat(),
                    "amounts": [str(line.amount) for line in each.lines],
                }
                for each in document.renewals
            ],
        }
        for document in documents
    ]
