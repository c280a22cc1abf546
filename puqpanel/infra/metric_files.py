"""The files in which the processes of a host count: one set for each running process.

A process takes the first free slot and locks it. After its end, the next process takes the slot and
continues its counters, so that none ever decreases, and there are no more files than processes that
ran at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)
SIZES = {"histogram": 4 * 1024 * 1024, "counter": 256 * 1024, "gauge_livesum": 64 * 1024}
"""Bytes of each file of a slot. All are reserved: on a full disk, a write to memory that is mapped
to an unreserved part of a file would end the process."""
MOST_SLOTS = 512


class MetricFiles:
    """The slots of a folder.

    Args:
        folder: Created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pid, self._slot, self._lock = 0, "", -1
        folder.mkdir(parents=True, exist_ok=True)

    def slot(self) -> str:
        """Return the slot of this process; a forked process takes one of its own.

        Raises:
            OSError: There is none, or no room for its files.
        """
        pid = os.getpid()
        if pid != self._pid:
            self.release()  # of the parent, which keeps its lock
            self._slot, self._lock = self._take()
            self._pid = pid
        return self._slot

    def release(self) -> None:
        """Leave the slot to another process."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lock)
        self._pid, self._lock = 0, -1

    def _take(self) -> tuple[str, int]:
        for number in range(MOST_SLOTS):
            lock = self._locked(number)
            if lock is None:
                continue
            try:
                self._reserve(number)
            except OSError:
                os.close(lock)
                raise
            return str(number), lock
        raise OSError(f"no free slot in {self.folder}")

    def _reserve(self, number: int) -> None:
        self._path("gauge_livesum", number).unlink(missing_ok=True)
        for kind, size in SIZES.items():
            if not _readable(self._path(kind, number)):
                self._path(kind, number).unlink(missing_ok=True)
            file = os.open(self._path(kind, number), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(file).st_size < size:
                    os.posix_fallocate(file, 0, size)
            finally:
                os.close(file)

    def _locked(self, number: int) -> int | None:
        """Return the lock of a slot, or None if a running process has it."""
        lock = os.open(self.folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _path(self, kind: str, number: int) -> Path:
        return self.folder / f"{kind}_{number}.db"

    def paths(self) -> Iterator[Path]:
        """Yield the files to add up; the gauges of processes that have ended are left out."""
        for path in sorted(self.folder.glob("*.db")):
            kind, _, number = path.stem.rpartition("_")
            if kind == "gauge_livesum":
                lock = self._locked(int(number))
                if lock is not None:
                    os.close(lock)
                    continue
            if _readable(path):
                yield path


def _readable(path: Path) -> bool:
    """Return whether a file can be read; after a power failure it may be damaged."""
    from prometheus_client.mmap_dict import MmapedDict

    try:
        for _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
            pass
    except FileNotFoundError:
        return False
    except Exception:
        log.warning("file of metrics is damaged and left out", file=path.name)
        return False
    return True
