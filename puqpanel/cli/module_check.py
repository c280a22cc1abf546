"""`puqpanel module check`: static analysis of modules."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from puqpanel.cli.context import instance_option
from puqpanel.cli.modules_on_disk import select_modules
from puqpanel.infra.program import as_typed
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.host.checks import Finding

COLOURS = {"refused": "red", "error": "red", "warning": "yellow", "hint": "cyan"}
MAX_CLEAN_NAMES = 6


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Check every installed module.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--no-hints", is_flag=True, help="Hide hints.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--rules", is_flag=True, help="List the rules and their rationale.")
@instance_option
def check(
    settings: Settings,
    *,
    names: tuple[str, ...],
    everything: bool,
    strict: bool,
    no_hints: bool,
    as_json: bool,
    rules: bool,
) -> int:
    """Check modules for problems, without a database.

    Each finding names the rule, severity, file and line, and how to fix the problem. To suppress a
    rule on a line, add the comment `# check: off rule-id`. Exits with code 1 if a module would be
    refused or has an error.
    """
    # Imported before forking, because modules load in forked processes and need it.
    import puqpanel.sdk  # noqa: F401
    from puqpanel.host import checks

    if rules:
        _show_rules(as_json)
        return 0
    if not names and not everything:
        raise click.UsageError("Name a module or use --all.")
    folders = select_modules(settings, names, everything=everything)
    findings_by_key = {module.key: found for module, found in checks.check(folders)}
    findings = [
        finding
        for folder in folders
        for finding in findings_by_key[folder.key]
        if not (no_hints and finding.severity is checks.Severity.HINT)
    ]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    elif not folders:
        click.echo(f"No modules in {settings.modules_dir}.")
    else:
        _show(findings, [folder.key for folder in folders])
    failing = checks.ERRORS | ({checks.Severity.WARNING} if strict else set())
    return int(any(finding.severity in failing for finding in findings))


def _show(findings: list[Finding], keys: list[str]) -> None:
    for key, group in itertools.groupby(findings, lambda finding: finding.module):
        click.echo(click.style(key, bold=True))
        for finding in group:
            severity = click.style(finding.severity.value, fg=COLOURS[finding.severity.value])
            rule = click.style(f"[{finding.rule}]", dim=True)
            click.echo(
                f"  {finding.file}:{finding.line}  {severity}  {as_typed(finding.message)}  {rule}"
            )
            if finding.fix:
                click.echo(f"      {as_typed(finding.fix)}")
        click.echo()
    modules_with_findings = {finding.module for finding in findings}
    if clean := [key for key in keys if key not in modules_with_findings]:
        hidden = len(clean) - MAX_CLEAN_NAMES
        names = ", ".join(clean[:MAX_CLEAN_NAMES])
        click.echo(f"No problems in {names}{f' and {hidden} more' if hidden > 0 else ''}.")
    if findings:
        click.echo(_summary(findings, len(keys)))


def _summary(findings: list[Finding], modules: int) -> str:
    counts = []
    for severity in COLOURS:
        count = sum(finding.severity.value == severity for finding in findings)
        if count:
            plural = "s" if count > 1 and severity != "refused" else ""
            counts.append(f"{count} {severity}{plural}")
    return f"{modules} module{'s' if modules != 1 else ''} checked: {', '.join(counts)}."


def _show_rules(as_json: bool) -> None:
    from puqpanel.host.checks import RULES

    if as_json:
        objects = [
            {"id": rule.id, "severity": rule.severity.value, "why": rule.why, "fix": rule.fix}
            for rule in RULES.values()
        ]
        click.echo(json.dumps(objects, indent=2, default=str))
        return
    for rule in RULES.values():
        severity = click.style(rule.severity.value, fg=COLOURS[rule.severity.value])
        click.echo(f"{click.style(rule.id, bold=True)}  {severity}")
        click.echo(click.wrap_text(rule.why, 110, "    ", "    "))
        fix = click.wrap_text(as_typed(rule.fix), 110, "    → ", "      ") if rule.fix else ""
        click.echo(fix + "\n" if fix else "")
