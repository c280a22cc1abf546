"""`puqpanel billing forecast`: what services will be charged in the next months."""

from __future__ import annotations

import json
from datetime import date

import click

from puqpanel.cli.context import client_row, company_uuid, instance_option, panel
from puqpanel.infra.settings import Settings


@click.command("forecast")
@click.option(
    "--months",
    type=click.IntRange(1, 24),
    default=12,
    show_default=True,
    help="Number of months.",
)
@click.option(
    "--client", default="", help="UUID or e-mail address of a client: list its documents."
)
@click.option("--company", default="", help="Name or UUID of one company.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def command(settings: Settings, *, months: int, client: str, company: str, as_json: bool) -> int:
    """Show what services will be charged in the next months, if nothing changes.

    Without --client, sums by company, currency and month; renewals are prices as the company enters
    them. With --client, the documents that the client will get, with tax at today's rates.
    """
    from puqpanel.operations.automation import forecast

    with panel(settings):
        until = forecast.last_day(months)
        uuid = company_uuid(company) if company else ""
        rows = _documents(client, until) if client else _sums(until, uuid)
    if as_json:
        click.echo(json.dumps(rows))
        return 0
    for row in rows:
        click.echo("  ".join(str(value) for value in row.values()))
    if not rows:
        click.echo("Nothing is expected.")
    return 0


def _sums(until: date, company: str) -> list[dict[str, str]]:
    from puqpanel.operations.automation import forecast

    return [
        {
            "month": f"{row.month:%Y-%m}",
            "company": row.company,
            "currency": row.renewals.currency,
            "renewals": str(row.renewals.major),
            "automatic": str(row.automatic.major),
            "unpaid": str(row.unpaid.major),
        }
        for row in forecast.expected(until, company_uuid=company)
    ]


def _documents(client: str, until: date) -> list[dict[str, str]]:
    from puqpanel.infra.db import session
    from puqpanel.operations.accounts.clients import find_client
    from puqpanel.operations.automation import forecast

    uuid = client_row(session().execute, client).uuid
    found = []
    for document in forecast.documents(find_client(uuid), until):
        amount = document.total or document.entered
        found.append(
            {
                "issued_on": document.issued_on.isoformat(),
                "due_on": document.due_on.isoformat(),
                "amount": str(amount.major),
                "currency": amount.currency,
                "services": ", ".join(bill.service.name for bill in document.bills),
            }
        )
    return found
