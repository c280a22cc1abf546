"""How long a task waits behind many tasks of another client, and of another module.

The bare side is first in, first out, as in stock RQ: the time until the last task that was added
before it has started, in the same run.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import sqlalchemy as sa

from bench.measure import backend, figure, temporary_panel
from bench.tasks import Sleep, fork
from puqpanel.cli.demo.rows import add_rows
from puqpanel.infra.db import dispose_engines, release, session, transaction
from puqpanel.jobs import entry
from puqpanel.live import Live
from puqpanel.models import Service, Task
from puqpanel.tasks import add
from puqpanel.tasks.worker import run_worker

GOAL_SECONDS = 5
WORKERS = 2
SLEEP_SECONDS = 0.01


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the wait of one task behind many.

    Args:
        n: Number of tasks before it; 10,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    entry.HANDLERS["Sleep"] = Sleep()
    count = n or 10_000
    with temporary_panel(database) as settings:
        add_rows(settings, 100)
        live = Live(settings)
        with live.ensure().app_context():
            name = backend(settings.database_url)
            query = sa.select(Service.client_id, sa.func.min(Service.uuid))
            busy, idle = session().execute(query.group_by(Service.client_id).limit(2)).all()
            cases = {
                "client": (("Product/A", busy[1]), ("Product/A", idle[1])),
                "module": (("Plugin/A", ""), ("Plugin/B", "")),
            }
            for other, (many, one) in cases.items():
                title = f"wait behind {count} tasks of another {other}"
                ours, bare = _waits(live, count, many, one)
                yield figure(title, name, ours, bare, "s", GOAL_SECONDS, absolute=True)


def _waits(
    live: Live, count: int, many: tuple[str, str], one: tuple[str, str]
) -> tuple[float, float]:
    """Return the seconds until the single task, and the last of the earlier ones, started.

    Args:
        live: The panel.
        count: Number of tasks added before the single one.
        many: Module and service of the earlier tasks.
        one: Module and service of the single task.
    """
    with transaction():
        before = [_add(number, *many) for number in range(count)]
    release()
    dispose_engines()
    workers = [
        fork(lambda: run_worker(Live(live.settings).ensure, entry.HANDLERS)) for _ in range(WORKERS)
    ]
    while _started(before[:1]) is None:
        time.sleep(0.1)
    added = time.time()
    task_id = _add(0, *one)
    while (last := _started(before)) is None or (found := _started([task_id])) is None:
        time.sleep(1)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return found - added, last - added


def _add(number: int, module: str, service: str) -> int:
    about = {"subject_type": "service", "subject_uuid": service} if service else {}
    data = {"n": number, "sleep": SLEEP_SECONDS}
    return add.add(job="Sleep", module=module, data=data, **about).id


def _started(task_ids: list[int]) -> float | None:
    """Return the Unix time at which the last of some tasks started; None if one is waiting."""
    release()
    chosen = Task.id.between(task_ids[0], task_ids[-1])
    waiting, last = (
        session()
        .execute(
            sa.select(
                sa.func.sum(sa.case((Task.started_at.is_(None), 1), else_=0)),
                sa.func.max(Task.started_at, type_=Task.started_at.type),
            ).where(chosen)
        )
        .one()
    )
    return None if waiting else last.timestamp()
