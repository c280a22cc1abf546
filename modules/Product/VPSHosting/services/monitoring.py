"""The figures that DigitalOcean's agent sends from inside a server, as charts want them: CPU in
percent, traffic in Mbit/s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

PERIODS = {"hour": 3600, "day": 86_400, "week": 604_800}
# Points of a chart: more than that nobody sees, and the table beside it has a row for each.
MOST = 84

Points = list[tuple[float, float]]


def cpu(result: Iterable[Any]) -> Points:
    """How busy the processors were between two looks.

    The agent counts the seconds spent in each mode since the start; idle is one of them.
    """
    idle: dict[float, float] = {}
    total: dict[float, float] = {}
    for mode, values in _series(result, "mode"):
        for at, value in values:
            total[at] = total.get(at, 0) + value
            if mode in ("idle", "iowait"):
                idle[at] = idle.get(at, 0) + value
    points = []
    for before, at in pairwise(sorted(total)):
        spent = total[at] - total[before]
        rested = idle.get(at, 0) - idle.get(before, 0)
        if spent > 0 and 0 <= rested <= spent:  # after a reboot the counters begin again
            points.append((at, round(100 * (1 - rested / spent), 1)))
    return thin(points)


def traffic(result: Iterable[Any]) -> Points:
    """Mbit/s, over all of the public interface."""
    found: dict[float, float] = {}
    for _, values in _series(result, "direction"):
        for at, value in values:
            found[at] = found.get(at, 0) + max(value, 0)
    return thin([(at, round(value, 3)) for at, value in sorted(found.items())])


def thin(points: Points) -> Points:
    """At most as many points as a chart shows, each the mean of its neighbours."""
    if len(points) <= MOST:
        return points
    size = -(-len(points) // MOST)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (group[-1][0], round(sum(value for _, value in group) / len(group), 3)) for group in groups
    ]


def labelled(points: Points, period: str) -> list[tuple[str, float]]:
    """The points as charts take them; times are UTC."""
    return [(_when(at, period), value) for at, value in points]


def ticks(points: list[tuple[str, float]]) -> list[str]:
    """The labels under a chart: its two ends and its middle."""
    return (
        [points[0][0], points[len(points) // 2][0], points[-1][0]]
        if len(points) > 2
        else [label for label, _ in points]
    )


def _when(at: float, period: str) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%H:%M}" if period == "hour" else f"{moment.day} {moment:%b} {moment:%H:%M}"


def _series(result: Iterable[Any], label: str) -> list[tuple[str, Points]]:
    """The series of a Prometheus matrix; what is no number is left out."""
    found = []
    for one in result:
        if not isinstance(one, Mapping):
            continue
        metric = one.get("metric")
        name = str(metric.get(label, "")) if isinstance(metric, Mapping) else ""
        values = one.get("values")
        found.append(
            (
                name,
                [
                    pair
                    for pair in map(_pair, values if isinstance(values, list) else [])
                    if pair is not None
                ],
            )
        )
    return found


def _pair(value: Any) -> tuple[float, float] | None:
    try:
        at, figure = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    # NaN is what Prometheus says where it knows nothing
    return (at, figure) if abs(figure) < 1e15 and 0 < at < 1e11 else None
