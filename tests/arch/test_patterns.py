"""Every regular expression of the project takes linear time, whatever the text."""

from __future__ import annotations

import ast
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from time import process_time
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
METHODS = {"compile", "match", "search", "fullmatch", "sub", "split", "findall", "finditer"}
LETTERS = "a0 :\n@\"'/.,;=<>_-+|{}()[]%&#\\!?*$^~`АÀ²"
TAILS = ("", "\0", "@", ";", "#", "x ")
SIZES = (250, 1_000, 4_000)
CATEGORIES = {
    op.CATEGORY_DIGIT: "0",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_WORD: "a",
    op.CATEGORY_NOT_DIGIT: "a",
    op.CATEGORY_NOT_SPACE: "a",
    op.CATEGORY_NOT_WORD: "!",
}


@dataclass(frozen=True)
class Pattern:
    """A use of `re` with a pattern written in place."""

    place: str
    text: str
    flags: int
    method: str


def patterns() -> Iterator[Pattern]:
    for folder in ("puqpanel", "modules"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text()
            for node in ast.walk(ast.parse(source)):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                called = ast.unparse(node.func)
                text = written(node.args[0])
                if not called.startswith("re.") or called[3:] not in METHODS or text is None:
                    continue
                flags = 0
                for part in ast.walk(node):
                    if isinstance(part, ast.Attribute) and part.attr.isupper():
                        flags |= int(getattr(re, part.attr, 0))
                method = called[3:]
                if method == "compile":
                    line = source.splitlines()[node.lineno - 1]
                    name = re.match(r"\s*(\w+) = re\.compile", line)
                    uses = set(re.findall(rf"\b{name[1]}\.(\w+)\(", source)) if name else set()
                    method = (
                        "fullmatch"
                        if uses == {"fullmatch"}
                        else "match"
                        if uses == {"match"}
                        else "sub"
                    )
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Pattern(place, text, flags, method)


def written(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "/" for part in node.values
        )
    return None


def members(choices: list[Any]) -> str:
    """Return the characters of LETTERS, and first letters of ranges, that a class matches."""
    negated = bool(choices) and choices[0][0] is op.NEGATE

    def within(letter: str) -> bool:
        for kind, value in choices:
            if kind is op.LITERAL and ord(letter) == value:
                return True
            if kind is op.RANGE and value[0] <= ord(letter) <= value[1]:
                return True
            if kind is op.CATEGORY and CATEGORIES[value] == letter:
                return True
        return False

    extra = "".join(
        chr(v[0] if k is op.RANGE else v) for k, v in choices if k in (op.RANGE, op.LITERAL)
    )
    return "".join(dict.fromkeys(x for x in extra + LETTERS if within(x) != negated)) or "a"


def sample(items: Any) -> str:
    """Return a short text that the items of a parsed pattern match, lookarounds aside."""
    text = ""
    for kind, value in items:
        if kind is op.LITERAL:
            text += chr(value)
        elif kind is op.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif kind is op.ANY:
            text += "a"
        elif kind is op.IN:
            text += members(value)[0]
        elif kind is op.CATEGORY:
            text += CATEGORIES[value]
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            text += sample(value[2]) * value[0]
        elif kind is op.SUBPATTERN:
            text += sample(value[3])
        elif kind is op.ATOMIC_GROUP:
            text += sample(value)
        elif kind is op.BRANCH:
            text += sample(value[1][0])
    return text


def pumps(items: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield, for each repetition without a limit, a text that leads to it and one to repeat."""
    for index, (kind, value) in enumerate(items):
        prefix = before + sample(items[:index])
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            if value[1] > 100:
                body = list(value[2])
                yield prefix, sample(body) or "a"
                if len(body) == 1 and body[0][0] is op.IN:
                    yield from ((prefix, letter) for letter in members(body[0][1])[:5])
            yield from pumps(value[2], prefix)
        elif kind is op.SUBPATTERN:
            yield from pumps(value[3], prefix)
        elif kind is op.ATOMIC_GROUP:
            yield from pumps(value, prefix)
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from pumps(branch, prefix)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from pumps(value[1], prefix)


def attacks(pattern: str, flags: int) -> Iterator[tuple[str, str, str]]:
    """Yield texts as beginning, part to repeat, end."""
    tree = parser.parse(pattern, flags)
    for prefix, pump in dict.fromkeys(pumps(list(tree))):
        for tail in TAILS:
            yield prefix, pump, tail
        yield "", prefix + pump, "@"
        yield "", prefix + pump + " ", "@"


def seconds(compiled: re.Pattern[str], method: str, text: str) -> float:
    """Return the CPU time of a use; at most about two seconds, because some never end."""
    start = process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, 2)
    try:
        if method in ("match", "fullmatch", "search"):
            getattr(compiled, method)(text)
        else:
            compiled.sub("", text)
    except TimeoutError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return process_time() - start


def grows(compiled: re.Pattern[str], method: str, attack: tuple[str, str, str]) -> str:
    """Return how the time grows with the length of the text; empty if it is linear."""
    first, pump, last = attack
    texts = [first + pump * (size // len(pump)) + last for size in SIZES]
    before = 1.0
    for text in texts:
        took = seconds(compiled, method, text)
        if took > 1:
            return f"{first!r} + {pump!r}… + {last!r}, {len(text)} characters: over a second"
        if took > 0.004 and took > 7 * before:  # four times the text; measure again to be sure
            before = min(seconds(compiled, method, texts[texts.index(text) - 1]) for _ in range(3))
            took = min(seconds(compiled, method, text) for _ in range(2))
            if took > 0.004 and took > 7 * before:
                return f"{first!r} + {pump!r}… + {last!r}, {len(text)} characters: {took:.3f} s"
        before = took
    return ""


def growth(pattern: Pattern) -> str:
    compiled = re.compile(pattern.text, pattern.flags)
    found = (
        grows(compiled, pattern.method, attack) for attack in attacks(pattern.text, pattern.flags)
    )
    return next(filter(None, found), "")


@pytest.fixture(autouse=True)
def interrupted() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.signal(signal.SIGVTALRM, before)


def test_patterns_take_linear_time() -> None:
    written = list(patterns())
    assert len(written) > 100
    slow = [f"{one.place} {one.text}\n  {grown}" for one in written if (grown := growth(one))]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize(
    "text",
    [
        r"\s+$",
        r"(a+)+$",
        r"\d+(\.\d+)*([-.+]?[A-Za-z0-9]+)*!",
        r"password:\s*(?!\s*Basic)[^\s;]+",
        r"https?://[^\s@]+(?![^\s@]*@)",
    ],
)
def test_slow_patterns_are_found(text: str) -> None:
    assert growth(Pattern("here", text, 0, "sub"))
