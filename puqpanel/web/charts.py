"""Chart geometry: numbers in, SVG coordinates out.

Every chart is drawn in a viewBox of 1000 × 200 and stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 1000, 200
WARN_SHARE, BAD_SHARE = 0.85, 0.95

Point = tuple[float, float]


class Bar(NamedTuple):
    """One column: its left edge and width, and the edge and width of the invisible area that
    answers the pointer.
    """

    x: float
    width: float
    hit_x: float
    hit_width: float


class Part(NamedTuple):
    """One stretch of a quota bar: its class, left edge and width."""

    css: str
    x: float
    width: float


def nice(top: float) -> float:
    """A maximum rounded up to a figure people read easily (1, 2, 2.5, 4, 5, 6, 8 or 10 times a
    power of ten).
    """
    if top <= 0:
        return 1
    power = 1.0
    while power * 10 <= top:
        power *= 10
    while power > top:
        power /= 10
    return next(m * power for m in (1, 2, 2.5, 4, 5, 6, 8, 10) if m * power >= top)


def both_ways(up: Sequence[float], down: Sequence[float]) -> tuple[int, int, float]:
    """The axis of bars that go up and down: the values at its upper and lower edge, and where 0
    lies.

    Without anything that goes down it is the axis of plain bars; else a quarter of the height is
    for that, so that both share one unit.
    """
    highest, lowest = max([*up, 0]), max([*down, 0])
    if lowest <= 0:
        return math.ceil(nice(max(highest, 4))), 0, HEIGHT
    step = math.ceil(nice(max(lowest, highest / 3)))
    return 3 * step, step, HEIGHT * 3 / 4


def stack_top(points: Sequence[Sequence[Any]]) -> float:
    """The upper edge of a chart of stacked bars; each point is (label, value, value …)."""
    return nice(max([sum(point[1:]) for point in points] + [4]))


def line(values: Sequence[float], top: float, slots: int = 0) -> list[Point]:
    """The points of a line.

    Args:
        values: what is drawn.
        top: the value at the upper edge.
        slots: how many places the axis has, where the line ends before it.
    """
    steps = max((slots or len(values)) - 1, 1)
    top = top or 1
    return [
        (round(i * WIDTH / steps, 1), round(HEIGHT - v * HEIGHT / top, 1))
        for i, v in enumerate(values)
    ]


def path(points: Sequence[Point]) -> str:
    """The `d` of a line through the points, empty where there are none."""
    return "M" + " L".join(f"{x},{y}" for x, y in points) if points else ""


def area(points: Sequence[Point]) -> str:
    """The `d` of the area under the points."""
    return f"{path(points)} L{points[-1][0]},{HEIGHT} L{points[0][0]},{HEIGHT} Z" if points else ""


def columns(count: int, share: float = 0.5) -> list[Bar]:
    """Where each of `count` bars stands, each `share` of its step wide."""
    if count < 1:
        return []
    step = WIDTH / count
    width = step * share
    return [
        Bar(
            round(i * step + (step - width) / 2, 1),
            round(width, 1),
            round(i * step, 1),
            round(step, 1),
        )
        for i in range(count)
    ]


def tall(value: float, top: float, least: float = 0) -> float:
    """The height of a bar; something that is not nothing is at least `least` high, so that one
    failure can be seen.
    """
    if value <= 0:
        return 0
    return round(max(value * HEIGHT / (top or 1), least), 1)


def quota(parts: Sequence[tuple[str, float]], total: float) -> list[Part]:
    """The stretches of a quota bar of width 1000; with one part only, it turns warn from 85 % and
    bad from 95 %.

    Args:
        parts: (class, value) in order.
        total: what fills the bar; 0 or less means that there is no limit and nothing is drawn.
    """
    if total <= 0:
        return []
    share = sum(value for _, value in parts) / total
    alarm = "q-bad" if share >= BAD_SHARE else "q-warn" if share >= WARN_SHARE else ""
    drawn: list[Part] = []
    x = 0.0
    for css, value in parts:
        width = min(max(value, 0) * WIDTH / total, WIDTH - x)
        if width > 0:
            drawn.append(
                Part(
                    alarm or css if len(parts) == 1 else css,
                    round(x, 1),
                    round(max(width - 2, 1), 1),
                )
            )
        x += width
    return drawn
