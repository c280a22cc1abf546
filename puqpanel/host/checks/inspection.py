"""Checks modules, each in a process of its own: what a module does as it is imported costs only
its own findings.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import selectors
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from puqpanel.host.checks import loading
from puqpanel.host.checks.finding import RULES, Finding, Problem, Severity
from puqpanel.host.checks.source import Source, read
from puqpanel.host.discover import Found

SECONDS = 20.0
"""How long one module may take: reading it, and then the ten seconds that the loader gives it."""
LARGEST = 4 * 1024 * 1024


@dataclass
class _Running:
    wanted: Found
    pid: int
    until: float
    text: bytearray = field(default_factory=bytearray)


def check(wanted: Iterable[Found]) -> Iterator[tuple[Found, list[Finding]]]:
    """The findings of each module, the gravest first, in the order in which they get ready.

    As many run at once as there are processors.

    The caller has one thread and has imported what modules import, so that a fork is quick and
    safe.
    """
    waiting, most, frozen = iter(wanted), os.cpu_count() or 2, gc.get_freeze_count()
    gc.freeze()  # a collection in a child would copy every page that it looks at
    try:
        with selectors.DefaultSelector() as selector:
            running = 0
            while True:
                while running < most and (one := next(waiting, None)) is not None:
                    _start(selector, one)
                    running += 1
                if not running:
                    return
                for ended in _ended(selector):
                    running -= 1
                    yield ended.wanted, _findings(ended)
    finally:
        if not frozen:
            gc.unfreeze()


def _start(selector: selectors.BaseSelector, wanted: Found) -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            _child(wanted, writing)
        finally:
            os._exit(0)
    os.close(writing)
    selector.register(
        reading, selectors.EVENT_READ, _Running(wanted, pid, time.monotonic() + SECONDS)
    )


def _child(wanted: Found, writing: int) -> None:
    """First what can be said without running anything, then what the loader says; one JSON line
    each.
    """
    gc.disable()  # it ends before that would pay
    os.setpgid(0, 0)  # whatever it starts ends with it
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    source = read(wanted.folder, wanted.type, wanted.name)
    _tell(writing, [_row(rule_id, problem) for rule_id, problem in static(source)])
    _tell(writing, [_row(rule_id, problem) for rule_id, problem in loading.load(source)])


def static(source: Source) -> Iterator[tuple[str, Problem]]:
    """(rule id, place) of everything that can be said without running the module."""
    for made in RULES.values():
        if made.look is None:
            continue
        try:
            problems = list(made.look(source))
        except RecursionError:
            continue  # no person wrote an expression that deep; the loader has its own word on it
        for problem in problems:
            if not source.silenced(problem.file, problem.line, made.id):
                yield made.id, problem


def _row(rule_id: str, problem: Problem) -> dict[str, Any]:
    return {"rule": rule_id, **asdict(problem)}


def _tell(writing: int, rows: list[dict[str, Any]]) -> None:
    text = json.dumps(rows).encode() + b"\n"
    while text:
        text = text[os.write(writing, text) :]


def _ended(selector: selectors.BaseSelector) -> Iterator[_Running]:
    """Reads what the children say; those that came to an end or ran out of time."""
    soonest = min((key.data.until for key in selector.get_map().values()), default=0.0)
    ready = {key.fd for key, _ in selector.select(max(0.0, soonest - time.monotonic()))}
    for key in list(selector.get_map().values()):
        child: _Running = key.data
        over = time.monotonic() > child.until or len(child.text) > LARGEST
        if key.fd in ready:
            piece = os.read(key.fd, 1 << 16)
            child.text += piece
            over = over or not piece
        if over:
            selector.unregister(key.fd)
            os.close(key.fd)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            yield child


def _findings(child: _Running) -> list[Finding]:
    lines = bytes(child.text).split(b"\n")
    rows: list[dict[str, Any]] = []
    for line in lines[:-1]:
        with contextlib.suppress(ValueError):
            rows += json.loads(line)
    if len(lines) < 3:  # it was cut off: by its own doing, or because its time was up
        read_it = len(lines) == 2
        how = (
            "crashed the process or did not finish loading"
            if read_it
            else "could not be checked in time; look for very large or deeply nested files"
        )
        rows.append(
            _row("refused", Problem(f"{child.wanted.name}.py", 1, f"{child.wanted.name} {how}."))
        )
    found = [
        Finding(
            child.wanted.key,
            row["rule"],
            Severity(row["severity"] or RULES[row["rule"]].severity),
            row["file"],
            row["line"],
            row["message"],
            row["fix"] or RULES[row["rule"]].fix.replace(" NAME", f" {child.wanted.name}"),
        )
        for row in rows
    ]
    gravity = list(Severity)
    return sorted(
        _once(found), key=lambda one: (gravity.index(one.severity), one.file, one.line, one.rule)
    )


def _once(found: list[Finding]) -> Iterator[Finding]:
    """Leave out a refusal that a rule reports too; the rule's finding takes its severity.

    They are the same fault if they quote the same value or name the same line of the same file.
    """
    refusals = [one for one in found if one.rule == "refused"]
    same = {
        id(refusal): other
        for refusal in refusals
        for other in found
        if other.rule in _LOADERS and _same(refusal, other)
    }
    raised = set(map(id, same.values()))
    for one in found:
        if id(one) in raised:
            yield replace(one, severity=Severity.REFUSED)
        elif id(one) not in same:
            yield one


_LOADERS = frozenset(
    {
        "route-without-permission",
        "sidebar-without-route",
        "bad-schedule",
        "unknown-event",
        "panel-internals",
        "absolute-import",
        "language-file",
        "template-syntax",
    }
)
"""The rules that report faults for which the loader refuses a module."""
_QUOTED = re.compile(r"“([^“”]+)”")


def _same(refusal: Finding, other: Finding) -> bool:
    if other.message.split(".")[0].lower() in refusal.message.lower():
        return True
    if _QUOTED.findall(other.message):
        return bool(set(_QUOTED.findall(other.message)) & set(_QUOTED.findall(refusal.message)))
    return refusal.line > 1 and (refusal.file, refusal.line) == (other.file, other.line)
