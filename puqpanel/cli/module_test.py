"""`puqpanel module test`: the contract suite of a module's type, as a score card."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from puqpanel.cli.context import instance_option
from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import ROOT, Settings

SIGNS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not tested": ("–", "yellow")}
PROBE_SECONDS = 120.0
"""How long one probe may take before the module is said to hang in it."""


@click.command("test")
@click.argument("name")
@click.option(
    "--probe", "only", multiple=True, metavar="NAME", help="Only this probe; may be repeated."
)
@click.option("--list", "listed", is_flag=True, help="Show the probes of the module's type.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@instance_option
def test(settings: Settings, name: str, only: tuple[str, ...], listed: bool, as_json: bool) -> int:
    """Try a module against the contract of its type, on a panel of its own, and print a score card.

    \b
    Every module is switched on, off and on again; its pages are opened and its schedule is run. A
    Product module is led through the life of a service: every verb, every verb twice, and with a
    provider that times out, answers 429, 500 or garbage, or does the work and loses the answer, and
    with the worker killed in mid-job.

    What stands for the provider is written in the module's tests/provider.py: a context manager
    `provider()` that yields a `puqpanel.sdk.testing.Supply`. What it does not supply is not tested,
    and says so. Exit code 1 when a probe failed.
    """
    from puqpanel.cli.modules_on_disk import chosen

    (module,) = chosen(settings, [name])
    if listed or only:
        from puqpanel.sdk.testing.contract import probes

        known = [one.name for one in probes(module.type)]
        if listed:
            click.echo("\n".join(known))
            return 0
        if unknown := [one for one in only if one not in known]:
            raise UserError(
                f"There is no probe “{unknown[0]}” for {module.type} modules; --list shows them."
            )
    lines = []
    if not as_json:
        click.echo(click.style(module.key, bold=True))
    for line in run(module.folder, only):
        lines.append(line)
        if not as_json:
            sign, colour = SIGNS[line["outcome"]]
            click.echo(
                f"  {click.style(sign, fg=colour)} {line['probe']}"
                + click.style(f"  {line['says']}", dim=line["outcome"] != "failed")
            )
    if as_json:
        click.echo(json.dumps(lines, indent=2, ensure_ascii=False))
    else:
        counts = [
            f"{sum(line['outcome'] == outcome for line in lines)} {outcome}" for outcome in SIGNS
        ]
        click.echo(f"\n  {', '.join(counts)}, in {sum(line['seconds'] for line in lines):.0f} s.")
    return int(any(line["outcome"] == "failed" for line in lines))


def run(folder: Path, only: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """The lines of the score card as they get ready: probe, outcome, says, seconds.

    Args:
        folder: the module's.
        only: names of probes; all unless given.
    """
    command = [sys.executable, "-m", "puqpanel.sdk.testing", str(folder), *only]
    env = environment({"PYTHONPATH": str(ROOT)}, without="PUQPANEL_")
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=complaints,
            stdin=subprocess.DEVNULL,
            env=env,
            cwd=ROOT,
            start_new_session=True,
        )
        current, done = "", False
        try:
            for row in _rows(process):
                current = row.get("begun", current)
                done = done or "done" in row
                if "outcome" in row:
                    current = ""
                    yield row
        finally:
            process.kill()
            code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
        if not done:
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or [""])[-1][:300]
            how = (
                "It did not come to an end."
                if code == -9 and not last
                else f"It ended the process it was tried in{f': {last}' if last else '.'}"
            )
            yield {"probe": current or "loading", "outcome": "failed", "says": how, "seconds": 0.0}


def _rows(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """What the process says, line by line, until it ends or is silent for too long."""
    assert process.stdout is not None
    until, rest = time.monotonic() + PROBE_SECONDS, b""
    while time.monotonic() < until:
        if not select.select([process.stdout], [], [], 0.5)[0]:
            continue
        piece = process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            until = time.monotonic() + PROBE_SECONDS
            yield json.loads(line)
