"""What processes count for GET /metrics: requests, providers, connections of the database pool.

Off by default: nothing is imported, counted or written before `use`. The numbers of all processes
of a host are added up; see `metric_files`. An error while counting never fails a request or task.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import event
from sqlalchemy.pool import Pool

from puqpanel.infra.metric_files import MetricFiles

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger(__name__)
PREFIX = "puqpanel_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
PROVIDER_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MOST_LABELS = 1000
"""Label combinations that fit a process's files; further ones are counted as OTHER."""
OTHER = "other"


@dataclass(frozen=True)
class Figure:
    """A gauge that is read when the metrics are requested.

    Args:
        name: Without the prefix.
        help: One sentence.
        values: (labels, value).
    """

    name: str
    help: str
    values: Sequence[tuple[Mapping[str, str], float]] = ()


@dataclass(frozen=True)
class _Counting:
    files: MetricFiles
    requests: Histogram
    providers: Histogram
    provider_errors: Counter
    connections: Gauge
    close: Callable[[], None]
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def bounded(self, *labels: str) -> tuple[str, ...]:
        """Return labels, or OTHER for each if there are too many combinations already."""
        if labels not in self.seen:
            if len(self.seen) >= MOST_LABELS:
                return (OTHER,) * len(labels)
            self.seen.add(labels)
        return labels


_counting: _Counting | None = None


def use(folder: Path | None) -> None:
    """Start to count.

    Args:
        folder: Directory for the files, the same for all processes of the host; None stops.
    """
    global _counting
    if _counting is not None and _counting.files.folder == folder:
        return
    if _counting is not None:
        _counting.close()
        _counting.files.release()
        _counting = None
    if folder is not None:
        try:
            _counting = _start(folder)
        except OSError as error:
            log.warning("metrics are not counted", error=str(error))


def enabled() -> bool:
    """Return whether this process counts."""
    return _counting is not None


def _start(folder: Path) -> _Counting:
    from prometheus_client import Counter, Gauge, Histogram, values

    files = MetricFiles(folder)
    # documented by prometheus_client for servers that number their processes
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(files.slot)  # type: ignore[no-untyped-call]
    return _Counting(
        files,
        Histogram(
            f"{PREFIX}http_request_duration_seconds",
            "HTTP requests by endpoint and status class.",
            ("endpoint", "status"),
            buckets=REQUEST_BUCKETS,
            registry=None,
        ),
        Histogram(
            f"{PREFIX}provider_request_duration_seconds",
            "Requests of modules to their providers.",
            ("module",),
            buckets=PROVIDER_BUCKETS,
            registry=None,
        ),
        Counter(
            f"{PREFIX}provider_errors",
            "Requests to providers without a response, or with an unexpected one.",
            ("module",),
            registry=None,
        ),
        Gauge(
            f"{PREFIX}database_connections",
            "Database connections in use in all processes of the host.",
            registry=None,
            multiprocess_mode="livesum",
        ),
        values.ValueClass.close_all_files,
    )


def _safely(count: Callable[..., None]) -> Callable[..., None]:
    """Do nothing while metrics are off, and stop counting after an error."""

    @wraps(count)
    def counted(*args: Any) -> None:
        global _counting
        if _counting is None:
            return
        try:
            count(_counting, *args)
        except Exception:
            _counting = None
            log.exception("metrics are not counted any more")

    return counted


@_safely
def request_ended(counting: _Counting, endpoint: str, status: int, seconds: float) -> None:
    """Count a request.

    Args:
        counting: Filled in.
        endpoint: Of the route; a few hundred at most.
        status: HTTP status.
        seconds: Its duration.
    """
    labels = counting.bounded(endpoint, f"{status // 100}xx")
    counting.requests.labels(*labels).observe(seconds)


@_safely
def provider_answered(counting: _Counting, module: str, seconds: float, success: bool) -> None:
    """Count a request of a module to its provider.

    Args:
        counting: Filled in.
        module: Type and name.
        seconds: Its duration.
        success: Whether the response was one that the module expects.
    """
    labels = counting.bounded(module)
    counting.providers.labels(*labels).observe(seconds)
    if not success:
        counting.provider_errors.labels(*labels).inc()


@_safely
def _connections(counting: _Counting, change: int) -> None:
    counting.connections.inc(change)


@event.listens_for(Pool, "checkout")
def _checkout(*_: object) -> None:
    _connections(1)


@event.listens_for(Pool, "checkin")
def _checkin(*_: object) -> None:
    _connections(-1)


def exposition(figures: Iterable[Figure]) -> bytes:
    """Return all metrics in the text format of Prometheus.

    Args:
        figures: What is not counted by processes.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import GaugeMetricFamily
    from prometheus_client.multiprocess import MultiProcessCollector

    class Collector:
        """All metrics; the library asks for them."""

        def collect(self) -> Iterable[Metric]:
            """Yield the counted metrics, then the figures."""
            if _counting is not None:
                paths = [str(path) for path in _counting.files.paths()]
                yield from MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
            for figure in figures:
                names = list(figure.values[0][0]) if figure.values else []
                family = GaugeMetricFamily(PREFIX + figure.name, figure.help, labels=names)
                for labels, value in figure.values:
                    family.add_metric(list(labels.values()), value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)
