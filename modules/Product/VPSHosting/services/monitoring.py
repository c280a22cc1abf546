"""Convert the metrics of DigitalOcean's agent to chart points: CPU in percent, traffic in Mbit/s.

A point is a pair of a Unix time and a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from puqpanel.sdk import format_date

PERIOD_SECONDS = {"hour": 3600, "day": 86_400, "week": 604_800}
MAX_POINTS = 84  # a chart shows no more, and its table has a row for each

Points = list[tuple[float, float]]


def cpu(matrix: Iterable[Any]) -> Points:
    """Return CPU usage in percent between consecutive samples.

    The agent counts the seconds that the CPUs spent in each mode since the server started.
    """
    idle: dict[float, float] = {}
    total: dict[float, float] = {}
    for mode, samples in _series(matrix, "mode"):
        for time, seconds in samples:
            total[time] = total.get(time, 0) + seconds
            if mode in ("idle", "iowait"):
                idle[time] = idle.get(time, 0) + seconds
    points = []
    for before, time in pairwise(sorted(total)):
        total_delta = total[time] - total[before]
        idle_delta = idle.get(time, 0) - idle.get(before, 0)
        # A reboot resets the counters, which makes a delta negative or implausible.
        if total_delta > 0 and 0 <= idle_delta <= total_delta:
            points.append((time, round(100 * (1 - idle_delta / total_delta), 1)))
    return downsample(points)


def traffic(matrix: Iterable[Any]) -> Points:
    """Return traffic in Mbit/s."""
    totals: dict[float, float] = {}
    for _, samples in _series(matrix, "direction"):
        for time, value in samples:
            totals[time] = totals.get(time, 0) + max(value, 0)
    return downsample([(time, round(value, 3)) for time, value in sorted(totals.items())])


def downsample(points: Points) -> Points:
    """Return at most `MAX_POINTS` points, each the mean of its neighbours."""
    if len(points) <= MAX_POINTS:
        return points
    size = -(-len(points) // MAX_POINTS)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (group[-1][0], round(sum(value for _, value in group) / len(group), 3)) for group in groups
    ]


def with_labels(points: Points, period: str) -> list[tuple[str, float]]:
    """Return the points with labels in UTC instead of times."""
    return [(_label(time, period), value) for time, value in points]


def ticks(points: list[tuple[str, float]]) -> list[str]:
    """Return the labels of the first, middle and last point."""
    labels = [label for label, _ in points]
    if len(labels) <= 2:
        return labels
    return [labels[0], labels[len(labels) // 2], labels[-1]]


def _label(time: float, period: str) -> str:
    at = datetime.fromtimestamp(time, UTC)
    clock = format_date(at, "Hm")
    return clock if period == "hour" else f"{format_date(at, 'MMMd')} {clock}"


def _series(matrix: Iterable[Any], label: str) -> list[tuple[str, Points]]:
    """Return each series of a Prometheus matrix with the value of its label."""
    series = []
    for entry in matrix:
        if not isinstance(entry, Mapping):
            continue
        metric, values = entry.get("metric"), entry.get("values")
        name = str(metric.get(label, "")) if isinstance(metric, Mapping) else ""
        samples = map(_sample, values if isinstance(values, list) else [])
        series.append((name, [sample for sample in samples if sample is not None]))
    return series


def _sample(pair: Any) -> tuple[float, float] | None:
    try:
        time, value = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    # Prometheus sends NaN for unknown values, which fails the comparison.
    return (time, value) if abs(value) < 1e15 and 0 < time < 1e11 else None
