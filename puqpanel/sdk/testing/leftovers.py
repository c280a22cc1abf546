"""The probe of what jobs leave in their process, where jobs of other clients run after them."""

import os
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

from puqpanel.domain.service_states import VERBS
from puqpanel.host import calls
from puqpanel.host.loaded import LoadedModule
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.products import has_job, reach, run_job

CONTAINERS = (list, dict, set, bytearray, deque)
PLAIN = (str, bytes, int, float, type(None))


@probe("jobs leave nothing in memory")
def nothing_is_left(bench: Bench) -> str:
    """Run the same jobs twice in one process, and compare it after each.

    The first run may fill what is the same for everybody; the second must add nothing.
    """
    jobs = [work.method for work in bench.lab.loaded.schedule]
    product = bench.lab.loaded.type == "Product" and has_job(bench, "create")
    creates = product and bench.given
    if not jobs and not creates:
        raise NotTested(
            "There is no tests/provider.py." if product else "The module has no schedule."
        )
    if creates:
        bench.need("create")
        reach(bench, "create")
        jobs.append(VERBS["create"].job)
    states = []
    for _run in range(2):
        for method in jobs:
            _run_job(bench, method)
        states.append(_state(bench.lab.loaded))
    first, second = states
    changed = [name for name in second if second[name] != first.get(name, 0)]
    assert not changed, (
        f"The second run changed {', '.join(sorted(changed)[:5])}. Jobs of other clients in the"
        " same process would see this."
    )
    return f"Jobs run twice: {len(jobs)}. The second run left nothing."


def _run_job(bench: Bench, method: str) -> None:
    if method == VERBS["create"].job:
        run_job(bench, "create")
        return
    task = TaskRow(id=0, attempt=1, data={})
    calls.invoke(calls.Call(bench.lab.loaded, method, task=task))


def _state(loaded: LoadedModule) -> dict[str, object]:
    """Return what the module keeps in memory, and what its jobs can change of the process."""
    umask = os.umask(0o077)
    os.umask(umask)
    state: dict[str, object] = {
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "the umask": umask,
    }
    return state | dict(_variables(loaded.package))


def _variables(package: str) -> Iterator[tuple[str, object]]:
    """Yield the name of each variable of the module's files and classes, and its size or value."""
    for name, file in list(sys.modules.items()):
        if name != package and not name.startswith(f"{package}."):
            continue
        own = name.removeprefix(package).lstrip(".") or package.rsplit(".", 1)[-1]
        for key, value in list(vars(file).items()):
            if isinstance(value, type) and value.__module__ == name:
                for attribute, held in list(vars(value).items()):
                    yield from _one(f"{own}.{key}.{attribute}", held)
            else:
                yield from _one(f"{own}.{key}", value)


def _one(name: str, value: Any) -> Iterator[tuple[str, object]]:
    if name.rpartition(".")[2].startswith("__"):
        return
    if isinstance(value, CONTAINERS):
        yield name, len(value)
    elif isinstance(value, PLAIN):
        yield name, value
    elif callable(getattr(value, "cache_info", None)):
        yield name, value.cache_info().currsize
