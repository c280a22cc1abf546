"""The pool of workers and a scheduler: what one kind of process does not do to the other."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from puqpanel.cli.worker import Kind, Pool
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from tests.cli.running import wait_for


def test_a_scheduler_that_exits_at_once_does_not_delay_workers(
    settings: Settings, tmp_path: Path
) -> None:
    started, failed = tmp_path / "started", tmp_path / "failed"

    def work(_live: Live, _parent: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        with started.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(300)

    def fail(_live: Live, _parent: int) -> None:
        failed.touch()
        os._exit(1)

    def pids() -> list[int]:
        return [int(line) for line in started.read_text().split()] if started.exists() else []

    pool = os.fork()
    if pool == 0:
        try:
            running = Pool(settings, 1, with_scheduler=True)
            # its next start is 26 s after its exit
            running.kinds = [Kind(work, missing=1), Kind(fail, missing=1, quick_exits=6)]
            running.run()
        finally:
            os._exit(0)
    try:
        wait_for(lambda: pids() and failed.exists(), what="both")
        time.sleep(0.5)
        failed.unlink()
        os.kill(pids()[0], signal.SIGKILL)
        wait_for(lambda: len(pids()) == 2 or failed.exists(), what="a new worker")
        assert not failed.exists()
    finally:
        os.kill(pool, signal.SIGTERM)
        os.waitpid(pool, 0)
