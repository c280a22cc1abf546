"""Jobs that somebody else wrote into the queue server: never executed, and no hindrance."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.infra import queue
from puqpanel.infra.db import session
from puqpanel.models import Task
from puqpanel.tasks import add, sweep


def store(name: str, data: bytes, **fields: str) -> None:
    """Write a job as RQ would, before all others."""
    server = queue.connection()
    server.hset(
        f"rq:job:{name}", mapping={"data": data, "origin": "module", "status": "queued", **fields}
    )
    server.lpush(queue.queue("Module").key, name)


def test_only_tasks_are_executed(panel: Panel, drain: Callable[..., None], tmp_path: Path) -> None:
    folder, entry = tmp_path / "made", queue.ENTRY
    foreign: dict[str, Any] = {
        "other function": ["os.mkdir", None, [str(folder)], {}],
        "method": ["mkdir", "os", [str(folder)], {}],
        "keyword": [entry, None, [], {"task_id": 1}],
        "text": [entry, None, ["1"], {}],
        "boolean": [entry, None, [True], {}],
        "two": [entry, None, [1, 2], {}],
        "negative": [entry, None, [-1], {}],
        "large": [entry, None, [2**70], {}],
        "number": 7,
    }
    for name, call in foreign.items():
        store(name, json.dumps(call).encode())
    store("pickled", pickle.dumps(("os.mkdir", None, (str(folder),), {})))
    store("compressed", zlib.compress(json.dumps(foreign["other function"]).encode()))
    store("bomb", zlib.compress(b"[" * 10**8))
    store("nested", b"[" * 400)
    store("binary", b"\xff\xfe\x00")
    store("dates", json.dumps([entry, None, [1], {}]).encode(), created_at="soon", timeout="x")
    queue.connection().set("rq:job:of another type", "x")
    queue.connection().lpush(queue.queue("Module").key, "of another type", "missing", b"\xff")
    with panel.app_context():
        task = add.add(job="MaintenanceJob", data={"entry": "none"})
        assert queue.lengths()["Module"] > 1
        sweep.send_due()
    drain(rounds=8)
    assert not folder.exists()
    assert queue.lengths()["Module"] == 0
    with panel.app_context():
        assert session().get_one(Task, task.id).status == "completed"


@pytest.mark.parametrize(
    "fields",
    [
        {"success_callback_name": "os.mkdir", "failure_callback_name": "os.mkdir"},
        {"stopped_callback_name": "os.mkdir", "timeout": "-1"},
        {"webhooks": '[{"url": "http://127.0.0.1:1/"}]', "dependency_ids": '["a"]'},
    ],
)
def test_callbacks_and_webhooks_of_a_task_are_not_read(
    panel: Panel, fields: dict[str, str]
) -> None:
    store("task", json.dumps([queue.ENTRY, None, [7], {}]).encode(), **fields)
    job = queue.queue("Module").fetch_job("task")
    assert job is not None
    assert queue.read_task_id(job.data) == 7
    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None,) * 3
    assert (list(job.webhooks or ()), list(job._dependency_ids or ())) == ([], [])
    assert job.func.__name__ == "run"
