"""`puqpanel module check`: what a module would be refused for, and what is worth a second look."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.host.checks import Finding

COLOURS = {"refused": "red", "error": "red", "warning": "yellow", "hint": "cyan"}


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every module in the modules folder.")
@click.option("--strict", is_flag=True, help="Warnings count as errors do.")
@click.option("--no-hints", is_flag=True, help="Leave out what is only advice.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of findings.")
@click.option("--rules", is_flag=True, help="Show the rules, and why they are there.")
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
    """Say what a module would be refused for, and what is worth a second look. Needs no database.

    Each finding has a rule, a severity, file and line, what is wrong and what to do. A line that is
    right as it is says so with a comment: `# check: off rule-id`. Exit code 1 when anything is
    refused or an error.
    """
    # imported once, before the modules that need it are loaded in processes forked from this one
    import puqpanel.sdk  # noqa: F401
    from puqpanel.cli.modules_on_disk import chosen
    from puqpanel.host import checks

    if rules:
        _show_rules(as_json)
        return 0
    if not names and not everything:
        raise click.UsageError("Name a module, or say --all.")
    folders = chosen(settings, names, everything=everything)
    wanted = [checks.Wanted(each.folder, each.type, each.name, each.error) for each in folders]
    by_key = {f"{one.type}/{one.name}": found for one, found in checks.check(wanted)}
    kept = [
        finding
        for each in folders
        for finding in by_key[each.key]
        if not (no_hints and finding.severity is checks.Severity.HINT)
    ]
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in kept], indent=2))
    elif not folders:
        click.echo(f"No modules in {settings.modules_dir}.")
    else:
        _show(kept, [each.key for each in folders])
    grave = checks.GRAVE | ({checks.Severity.WARNING} if strict else set())
    return int(any(finding.severity in grave for finding in kept))


def _show(found: list[Finding], keys: list[str]) -> None:
    with_findings = {finding.module for finding in found}
    clean = [key for key in keys if key not in with_findings]
    for key, group in itertools.groupby(found, lambda finding: finding.module):
        click.echo(click.style(key, bold=True))
        for finding in group:
            severity = click.style(finding.severity.value, fg=COLOURS[finding.severity.value])
            click.echo(
                f"  {finding.file}:{finding.line}  {severity}  {finding.says} "
                f" {click.style(f'[{finding.rule}]', dim=True)}"
            )
            click.echo(f"      {finding.mend}")
        click.echo()
    if clean:
        click.echo(
            "Nothing found in"
            f" {', '.join(clean[:6])}{f' and {len(clean) - 6} more' if len(clean) > 6 else ''}."
        )
    if found:
        counts = {
            name: sum(finding.severity.value == name for finding in found) for name in COLOURS
        }
        said = ", ".join(
            f"{count} {name}{'s' if count > 1 and name != 'refused' else ''}"
            for name, count in counts.items()
            if count
        )
        click.echo(f"{len(keys)} module{'s' if len(keys) != 1 else ''} checked: {said}.")


def _show_rules(as_json: bool) -> None:
    from puqpanel.host.checks import RULES

    if as_json:
        click.echo(
            json.dumps(
                [
                    {"id": one.id, "severity": one.severity.value, "why": one.why, "mend": one.mend}
                    for one in RULES.values()
                ],
                indent=2,
            )
        )
        return
    for one in RULES.values():
        click.echo(
            f"{click.style(one.id, bold=True)} "
            f" {click.style(one.severity.value, fg=COLOURS[one.severity.value])}"
        )
        click.echo(click.wrap_text(one.why, 110, "    ", "    "))
        click.echo(click.wrap_text(one.mend, 110, "    → ", "      ") + "\n")
