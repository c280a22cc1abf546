"""Measurement of a block's run time and memory, written to the module log."""

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
    """Measure a block, or a function as its decorator, and write the cost to the module log.

        with measure("import servers"):
            self.import_servers()

    Args:
        name: the operation's name in the log.
    """
    started, resident_before = time.monotonic(), _resident()
    try:
        yield
    finally:
        duration_ms = round((time.monotonic() - started) * 1000, 2)
        call = context.current()
        if call is not None:
            logs.write(
                type=call.type,
                name=call.name,
                level="info",
                action="performance",
                request={
                    "operation": name,
                    "execution_time": f"{duration_ms}ms",
                    "memory_usage": f"{_resident() - resident_before}KB",
                    "peak_memory": f"{_peak()}MB",
                },
                duration_ms=int(duration_ms),
                service_uuid=call.service_uuid,
            )


def _resident() -> int:
    """Return the resident memory in KB; the peak where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _UNIT


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNIT / 1024, 2)
