"""Probes of a module's lifecycle: activation, deactivation, update and migrations."""

from puqpanel.host import migrations
from puqpanel.host.contract.result import Result
from puqpanel.sdk.testing.contract import Bench, NotTested, probe


def _success(bench: Bench, method: str, step: str) -> None:
    called = bench.lab.call(method)
    result = called.result if called.error else Result.of_lifecycle(called.value, method)
    assert result.ok, f"{step} failed: {result.message}"


@probe("loads", activated=False)
def loads(bench: Bench) -> str:
    """Load the module; if it is refused, no other probe runs."""
    warnings = bench.lab.loaded.warnings
    return f"Loaded with a warning: {warnings[0]}" if warnings else "Loaded without warnings."


@probe("activated twice", activated=False)
def activated_twice(bench: Bench) -> str:
    """Activate twice; the second activation must change nothing."""
    with bench.step("activate"):
        _success(bench, "activate", "activate()")
    _success(bench, "activate", "the second activate()")
    return "Succeeded both times."


@probe("deactivated and activated again")
def deactivated(bench: Bench) -> str:
    """Deactivate twice and activate again."""
    for step in ("deactivate()", "the second deactivate()"):
        _success(bench, "deactivate", step)
    _success(bench, "activate", "activate() after deactivation")
    return "Deactivated twice and activated again."


@probe("updated twice")
def updated(bench: Bench) -> str:
    """Update twice without a version change."""
    for step in ("update()", "the second update()"):
        _success(bench, "update", step)
    return "Succeeded both times."


@probe("migrations down and up")
def tables(bench: Bench) -> str:
    """Run the migrations down and up, so that the module's data can be removed."""
    if not (bench.lab.folder / "migrations" / "versions").is_dir():
        raise NotTested("The module has no migrations.")
    loaded = bench.lab.loaded
    migrations.downgrade(loaded.folder, loaded.prefix)
    migrations.upgrade(loaded.folder, loaded.prefix)
    return "Migrated down and up again."


@probe("module check")
def clean(bench: Bench) -> str:
    """Run `module check`; it must find no errors."""
    from puqpanel.host import checks

    lab = bench.lab
    source = checks.read(lab.folder, lab.loaded.type, lab.loaded.name)
    errors = [
        (rule_id, problem)
        for rule_id, problem in checks.static(source)
        if (problem.severity or checks.RULES[rule_id].severity) in checks.ERRORS
    ]
    if errors:
        problem = errors[0][1]
        raise AssertionError(
            f"`module check` reports errors: {len(errors)}. The first is"
            f" {problem.file}:{problem.line} {problem.message}"
        )
    return "`module check` reports no errors."
