"""`puqpanel billing`: charge services for their next periods, and process unpaid documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from puqpanel.cli import forecast, simulate
from puqpanel.cli.context import company_uuid, instance_option, panel
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.operations.automation.charging import Charged, DueCharge
    from puqpanel.operations.automation.dunning import Done, Due
    from puqpanel.operations.automation.renewals import RenewalDocument


_HOW = (
    "Check the list with --dry-run, then run the command again with --approve, or decide on the"
    " page Stopped automation."
)
PAID = "Nothing is due any more."
AMOUNTS = "Amounts include or exclude tax, as the company enters its prices."


@click.group("billing")
def command() -> None:
    """Charge services for their next periods, and process unpaid documents."""


@command.command("run")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Include what becomes due up to this day. Documents are dated today.  [default: today]",
)
@click.option("--company", default="", help="Name or UUID of one company.  [default: all]")
@click.option("--late", is_flag=True, help="Include periods that began more than three days ago.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "--approve",
    is_flag=True,
    help="Approve the run even if it exceeds the daily limits.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def run(
    settings: Settings,
    *,
    day: datetime | None,
    company: str,
    late: bool,
    dry_run: bool,
    approve: bool,
    as_json: bool,
) -> int:
    """Issue the documents of the renewals that are due, one period of each service.

    Then charge saved payment methods for due documents, charge prepaid services for completed
    periods, and process unpaid documents and used-up credit: reminders, late fees, suspensions,
    terminations, unsuspensions and cancelled orders. The scheduler does the same every hour. A
    second run does nothing. The command exits with code 1 if a document could not be issued, or
    the run stopped because it would exceed a daily limit.
    """
    from puqpanel.domain.brake import RunKind
    from puqpanel.domain.principals import CLI
    from puqpanel.operations.automation import brake, charging, dunning, renewals
    from puqpanel.operations.automation.due_services import due_ids

    with panel(settings):
        last = day.date() if day else None
        uuid = company_uuid(company) if company else ""
        if dry_run:
            documents = list(renewals.due(day=last, company_uuid=uuid, late=late))
            charges = list(charging.due(day=last, company_uuid=uuid))
            stopped = brake.judge(RunKind.CHARGES, charges).stopped
            unpaid = dunning.due(day=last, company_uuid=uuid)
            reasons = [str(each) for each in (stopped, *unpaid.stopped) if each is not None]
            return _show(documents, charges, unpaid, reasons, as_json)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=as_json) as progress:
            bar = progress.add_task("Renewing services", total=len(due_ids(last, late)))
            results = renewals.run(
                actor=CLI,
                day=last,
                company_uuid=uuid,
                late=late,
                progress=lambda number: progress.advance(bar, number),
            )
            progress.update(bar, description="Charging payment methods", total=None)
            charged = charging.run(actor=CLI, day=last, company_uuid=uuid, approve=approve)
            progress.update(bar, description="Processing unpaid documents")
            done = dunning.run(actor=CLI, day=last, company_uuid=uuid, approve=approve)
        refused = [
            {**_plain([document])[0], "reason": str(reason)} for document, reason in results.refused
        ]
    return _report(results.issued, refused, charged, done, as_json)


def _report(
    issued: int, refused: list[dict[str, object]], charged: Charged, done: Done, as_json: bool
) -> int:
    """Print what a run did."""
    held = charged.held + done.held
    reasons = (charged.stopped, *done.stopped) if held else ()
    stopped = [str(each) for each in reasons if each is not None]
    failed = bool(refused or held)
    if as_json:
        steps = {step.value: count for step, count in done.steps.items()}
        values = {
            "issued": issued,
            "refused": refused,
            "charges": charged.opened,
            "debits": done.debits,
            "statements": done.statements,
            "steps": steps,
            "held": held,
        }
        click.echo(json.dumps({**values, "stopped": " ".join(stopped)}))
        return int(failed)
    for each in refused:
        click.echo(f"{each['client']}: {each['reason']}", err=True)
    noun = "document" if issued == 1 else "documents"
    click.echo(f"Issued {issued} {noun}, {len(refused)} refused.")
    if charged.opened:
        click.echo(f"Charges of saved payment methods started: {charged.opened}.")
    if done.debits:
        click.echo(f"Periods of prepaid services charged: {done.debits}.")
    if done.statements:
        click.echo(f"Statements of prepaid services issued: {done.statements}.")
    if done.total:
        counts = ", ".join(f"{step.value} {count}" for step, count in done.steps.items())
        click.echo(f"Steps about unpaid documents: {counts}.")
    if held:
        click.echo(" ".join([*stopped, _HOW]), err=True)
    return int(failed)


def _show(
    documents: list[RenewalDocument],
    charges: list[DueCharge],
    unpaid: Due,
    stopped: list[str],
    as_json: bool,
) -> int:
    from puqpanel.operations.billing import payment_methods

    due, steps = _plain(documents), _plain_steps(unpaid)
    charged = [
        {
            "document": each.document.uuid,
            "number": each.document.number,
            "client": each.document.client.name,
            "amount": str(each.document.open.major),
            "currency": each.document.currency,
            "gateway": each.gateway.title,
            "method": payment_methods.label(each.method),
            "try": each.number,
        }
        for each in charges
    ]
    if as_json:
        found = {"due": due, "charges": charged, "steps": steps}
        click.echo(json.dumps({**found, "stopped": " ".join(stopped)}))
        return 0
    for document in documents:
        for each in document.renewals:
            amounts = ", ".join(str(line.amount_in(document.currency)) for line in each.lines)
            name, client = each.service.name, each.service.client.name
            days = f"{each.span.start:%Y-%m-%d} to {_last(each.span.end)}"
            click.echo(f"{client}: {name}, {days}: {amounts}")
    noun = "document" if len(documents) == 1 else "documents"
    click.echo(f"{len(documents)} {noun} would be issued. {AMOUNTS}")
    for each_charge in charged:
        click.echo(
            "{client}: {number}, {amount} {currency} would be charged to {method} by"
            " {gateway}.".format(**each_charge)
        )
    for step in steps:
        click.echo(f"{step['client']}: {step['step']} {step['subject']}. {step['reason']}")
    noun = "step" if len(steps) == 1 else "steps"
    click.echo(f"{len(steps)} {noun} about unpaid documents would be taken.")
    for reason in stopped:
        click.echo(f"Needs approval: {reason}")
    return 0


def _plain_steps(due: Due) -> list[dict[str, str]]:
    """Return the steps about unpaid documents, as plain values."""
    from puqpanel.domain.texts import SOURCE, verbatim

    rows = [
        (each.step.value, each.client, "document", each.uuid, each.number, each.reason)
        for each in due.documents
    ]
    rows += [
        (
            each.step.value,
            each.debt.client,
            "service",
            each.debt.service_uuid,
            each.debt.service,
            each.reason,
        )
        for each in due.services
    ]
    rows += [
        ("fee", each.invoice.client.name, "document", each.invoice.uuid, each.number, each.reason)
        for each in due.fees
    ]
    rows += [
        ("unsuspend", each.client.name, "service", each.uuid, each.name, verbatim(PAID))
        for each in due.paid
    ]
    rows += [
        ("cancel", each.client, "order", each.uuid, f"order {each.order_id}", each.reason)
        for each in due.orders
    ]
    names = ("step", "client", "type", "uuid", "subject", "reason")
    return [dict(zip(names, (*row[:-1], row[-1].translated(SOURCE)), strict=True)) for row in rows]


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


command.add_command(forecast.command)
command.add_command(simulate.command)
