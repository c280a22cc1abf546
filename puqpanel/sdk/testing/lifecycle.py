"""Probes that every module must pass: switched on, off and on again, brought up to date, its
tables taken down.
"""

from puqpanel.host import migrations
from puqpanel.host.calls import Called
from puqpanel.sdk.testing.contract import Bench, NotTested, probe


def _success(called: Called, what: str) -> None:
    assert not called.error, f"{what} failed: {called.error}"
    assert called.value == "success", f"{what} answered {called.value!r}, not “success”."


@probe("loads", activated=False)
def loads(bench: Bench) -> str:
    """It keeps the rules at load. Where it does not, nothing else is tried."""
    warnings = bench.lab.loaded.warnings
    return f"It loads; {warnings[0]}" if warnings else "It loads, without a warning."


@probe("activated twice", activated=False)
def activated_twice(bench: Bench) -> str:
    """A second activation finds everything there and changes nothing."""
    for time in ("activate()", "activate(), the second time,"):
        _success(bench.lab.call("activate"), time)
    return "Both times it answered success."


@probe("deactivated and activated again")
def deactivated(bench: Bench) -> str:
    """Switched off, it can be switched on again."""
    for time in ("deactivate()", "deactivate(), the second time,"):
        _success(bench.lab.call("deactivate"), time)
    _success(bench.lab.call("activate"), "activate(), after it was switched off,")
    return "It went off, off once more, and on again."


@probe("updated twice")
def updated(bench: Bench) -> str:
    """An update that has nothing to do is done."""
    for time in ("update()", "update(), the second time,"):
        _success(bench.lab.call("update"), time)
    return "Both times it answered success."


@probe("tables come and go")
def tables(bench: Bench) -> str:
    """Its migrations run down as well as up, so that its data can be removed."""
    if not (bench.lab.folder / "migrations" / "versions").is_dir():
        raise NotTested("It has no migrations.")
    loaded = bench.lab.loaded
    migrations.downgrade(loaded.folder, loaded.prefix)
    migrations.upgrade(loaded.folder, loaded.prefix)
    return "Its migrations went down and up again."


@probe("clean in the checker")
def clean(bench: Bench) -> str:
    """`module check` finds no error in it."""
    from puqpanel.host import checks

    lab = bench.lab
    source = checks.read(lab.folder, lab.loaded.type, lab.loaded.name)
    found = [
        (rule_id, spot)
        for rule_id, spot in checks.static(source)
        if (spot.severity or checks.RULES[rule_id].severity) in checks.GRAVE
    ]
    assert not found, (
        f"`module check` finds {len(found)} error(s); the first:"
        f" {found[0][1].file}:{found[0][1].line} {found[0][1].says}"
        if found
        else ""
    )
    return "`module check` finds no errors."
