"""`puqpanel module test`: the contract tests of a module's type."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from puqpanel.cli.context import instance_option
from puqpanel.cli.modules_on_disk import select_modules
from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import ROOT, Settings

SIGNS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not tested": ("–", "yellow")}
PROBE_SECONDS = 120.0
"""Time limit of one probe."""


@click.command("test")
@click.argument("name")
@click.option(
    "--probe", "only", multiple=True, metavar="NAME", help="Probe to run; can be repeated."
)
@click.option("--list", "listed", is_flag=True, help="List the probes for the module's type.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first probe that fails.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def test(
    settings: Settings,
    *,
    name: str,
    only: tuple[str, ...],
    listed: bool,
    fail_fast: bool,
    as_json: bool,
) -> int:
    """Run the contract tests for a module's type.

    The tests run in a temporary panel. Every module is activated, deactivated and activated again,
    its pages are opened and its scheduled jobs run. A Product module goes through the whole
    lifecycle of a service: each action once and twice, with a provider that times out, returns 429,
    500 or invalid data, or completes a request but loses the response, and with a worker that is
    killed during a job.

    The module's tests/provider.py provides the fake provider: a context manager `provider()` that
    yields a `puqpanel.sdk.testing.Supply`. Probes that need something it does not supply, or a step
    that has already failed, are reported as not tested. Each reason is printed once, with the
    number of further probes that it applies to. Exits with code 1 if a probe fails.
    """
    (module,) = select_modules(settings, [name])
    if listed or only:
        from puqpanel.sdk.testing.contract import probes

        available = [probe.name for probe in probes(module.type)]
        if listed:
            click.echo("\n".join(available))
            return 0
        if unknown := [probe for probe in only if probe not in available]:
            raise UserError(
                f"{module.type} modules have no probe “{unknown[0]}”. Use --list to see all probes."
            )
    results = []
    repeated: Counter[str] = Counter()
    if not as_json:
        click.echo(click.style(module.key, bold=True))
    for result in run(module.folder, only):
        results.append(result)
        if not as_json:
            reason = result["message"] if result["outcome"] == "not tested" else ""
            if not repeated[reason]:
                _show(result)
            repeated[reason] += bool(reason)
        if fail_fast and result["outcome"] == "failed":
            break
    if as_json:
        click.echo(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        for reason, count in repeated.items():
            if count > 1:
                _show({"probe": f"{count - 1} more", "outcome": "not tested", "message": reason})
        click.echo(f"\n  {_summary(results)}")
    return int(any(result["outcome"] == "failed" for result in results))


def _show(result: dict[str, Any]) -> None:
    sign, colour = SIGNS[result["outcome"]]
    detail = click.style(f"  {result['message']}", dim=result["outcome"] != "failed")
    click.echo(f"  {click.style(sign, fg=colour)} {result['probe']}{detail}")


def _summary(results: list[dict[str, Any]]) -> str:
    counts = ", ".join(
        f"{sum(result['outcome'] == outcome for result in results)} {outcome}" for outcome in SIGNS
    )
    seconds = sum(result["seconds"] for result in results)
    return f"{counts} in {seconds:.0f} s."


def run(folder: Path, only: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Run the probes in a subprocess and yield each result as it completes.

    Args:
        folder: The module's directory.
        only: Names of the probes to run; all if empty.

    Yields:
        Dictionaries with the keys `probe`, `outcome`, `message` and `seconds`.
    """
    command = [sys.executable, "-m", "puqpanel.sdk.testing", str(folder), *only]
    env = environment({"PYTHONPATH": str(ROOT)}, without="PUQPANEL_")
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            env=env,
            cwd=ROOT,
            start_new_session=True,
        )
        current, done = "", False
        try:
            for message in _messages(process):
                current = message.get("begun", current)
                done = done or "done" in message
                if "outcome" in message:
                    current = ""
                    yield message
        finally:
            process.kill()
            code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
        if not done:
            stderr.seek(0)
            lines = stderr.read().strip().splitlines()
            yield {
                "probe": current or "loading",
                "outcome": "failed",
                "message": _failure(code, lines[-1][:300] if lines else ""),
                "seconds": 0.0,
            }


def _failure(code: int, last_line: str) -> str:
    if code == -9 and not last_line:
        return f"Timed out after {PROBE_SECONDS:.0f} s."
    return f"Ended the test process: {last_line}" if last_line else "Ended the test process."


def _messages(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines of the process until it exits or is silent for PROBE_SECONDS."""
    assert process.stdout is not None
    deadline, buffer = time.monotonic() + PROBE_SECONDS, b""
    while time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 0.5)[0]:
            continue
        chunk = process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            deadline = time.monotonic() + PROBE_SECONDS
            yield json.loads(line)
