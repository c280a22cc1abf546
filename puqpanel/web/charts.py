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
    """One bar: its left edge and width, and those of its invisible hover area."""

    x: float
    width: float
    hit_x: float
    hit_width: float


class Part(NamedTuple):
    """One segment of a quota bar: its CSS class, left edge and width."""

    css: str
    x: float
    width: float


def nice(top: float) -> float:
    """Round an axis maximum up to 1, 2, 2.5, 4, 5, 6, 8 or 10 times a power of ten."""
    if top <= 0:
        return 1
    power = 1.0
    while power * 10 <= top:
        power *= 10
    while power > top:
        power /= 10
    return next(m * power for m in (1, 2, 2.5, 4, 5, 6, 8, 10) if m * power >= top)


def both_ways(up: Sequence[float], down: Sequence[float]) -> tuple[int, int, float]:
    """Return the axis of a chart with bars in both directions.

    Downward bars get a quarter of the height, on the same scale; without any, the axis is that of
    a plain bar chart.

    Returns:
        The values at the upper and lower edge, and the y coordinate of 0.
    """
    highest, lowest = max([*up, 0]), max([*down, 0])
    if lowest <= 0:
        return math.ceil(nice(max(highest, 4))), 0, HEIGHT
    step = math.ceil(nice(max(lowest, highest / 3)))
    return 3 * step, step, HEIGHT * 3 / 4


def stack_top(points: Sequence[Sequence[Any]]) -> float:
    """Return the axis maximum of a stacked bar chart; points are (label, value, value …)."""
    return nice(max([sum(point[1:]) for point in points] + [4]))


def line(values: Sequence[float], top: float, slots: int = 0) -> list[Point]:
    """Return the points of a line; a single value is drawn over the whole width.

    Args:
        values: the y values, evenly spaced.
        top: the value at the upper edge.
        slots: the number of x positions, if the line ends before the axis does.
    """
    if len(values) == 1 and slots <= 1:
        values = [*values, *values]
    steps = max((slots or len(values)) - 1, 1)
    top = top or 1
    return [
        (round(i * WIDTH / steps, 1), round(HEIGHT - v * HEIGHT / top, 1))
        for i, v in enumerate(values)
    ]


def path(points: Sequence[Point]) -> str:
    """Return the SVG path of a line through the points; empty without points."""
    return "M" + " L".join(f"{x},{y}" for x, y in points) if points else ""


def area(points: Sequence[Point]) -> str:
    """Return the SVG path of the area under the points; empty without points."""
    return f"{path(points)} L{points[-1][0]},{HEIGHT} L{points[0][0]},{HEIGHT} Z" if points else ""


def columns(count: int, share: float = 0.5) -> list[Bar]:
    """Return the positions of `count` bars, each taking `share` of its step."""
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
    """Return the height of a bar; a positive value gets at least `least` to stay visible."""
    if value <= 0:
        return 0
    return round(max(value * HEIGHT / (top or 1), least), 1)


def quota(parts: Sequence[tuple[str, float]], total: float) -> list[Part]:
    """Return the segments of a quota bar of width 1000.

    A bar with a single part turns to a warning from 85 % and to an alarm from 95 %.

    Args:
        parts: (CSS class, value) in order.
        total: the value that fills the bar; 0 or less means unlimited and draws nothing.
    """
    if total <= 0:
        return []
    if len(parts) == 1:
        css, value = parts[0]
        if value / total >= BAD_SHARE:
            css = "q-bad"
        elif value / total >= WARN_SHARE:
            css = "q-warn"
        parts = [(css, value)]
    segments: list[Part] = []
    x = 0.0
    for css, value in parts:
        width = min(max(value, 0) * WIDTH / total, WIDTH - x)
        if width > 0:
            segments.append(Part(css, round(x, 1), round(max(width - 2, 1), 1)))
        x += width
    return segments
