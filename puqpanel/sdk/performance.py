"""`with measure("import servers"):` writes what a piece of work cost into the module log."""

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from puqpanel.host import context, logs

_UNIT = 1024 if sys.platform == "darwin" else 1


@contextlib.contextmanager
def measure(name: str) -> Iterator[None]:
    """Measures what runs inside; also a decorator.

    Args: name of the operation, as the log is to show it.
    """
    started, before = time.monotonic(), _resident()
    try:
        yield
    finally:
        took = round((time.monotonic() - started) * 1000, 2)
        call = context.current()
        if call is not None:
            logs.write(
                type=call.type,
                name=call.name,
                level="info",
                action="performance",
                request={
                    "operation": name,
                    "execution_time": f"{took}ms",
                    "memory_usage": f"{_resident() - before}KB",
                    "peak_memory": f"{_peak()}MB",
                },
                duration_ms=int(took),
                service_uuid=call.service_uuid,
            )


def _resident() -> int:
    """KB in memory now; the most there ever were where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _UNIT


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNIT / 1024, 2)
