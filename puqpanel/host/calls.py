"""The only code that calls a module.

Whatever the module does, the caller gets a `Called` and goes on.
"""

import contextlib
import inspect
import logging
import secrets
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.host import logs
from puqpanel.host.context import Context, context, entered
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.hooks import Hook, arguments
from puqpanel.host.contract.names import python_name
from puqpanel.host.contract.result import Result
from puqpanel.host.discover import describe
from puqpanel.host.loader import LoadedModule
from puqpanel.host.sanitize import jsonable, plain
from puqpanel.host.surroundings import kept
from puqpanel.infra import crash_markers
from puqpanel.infra.db import in_transaction, release, session
from puqpanel.infra.redact import redact_text
from puqpanel.models.modules.configured_modules import Instance
from puqpanel.models.system.tasks import Task
from puqpanel.tasks.fence import JobEnded

__all__ = ["Called", "context", "invoke", "job_data"]

log = logging.getLogger(__name__)
SLOW = 3.0
"""Seconds after which a call counts as slow."""
_slow = {"most": 0}
LIFECYCLE = frozenset({"activate", "deactivate", "update"})


@dataclass(frozen=True)
class Called:
    """What came of a call.

    Attributes: value, what the method returned; result, the same as a Result; error, a sentence for
    staff, empty when nothing was raised; reference, the number under which the log has the
    traceback; instance of the module, or None where it could not be built; raised, whether an
    exception ended it; duration_ms.
    """

    value: Any
    result: Result
    error: str = ""
    reference: str = ""
    instance: ModuleBase | None = None
    raised: bool = False
    duration_ms: int = 0
    service_changes: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was raised; the answer itself may still be an error."""
        return not self.error


def leave_free(most: int) -> None:
    """Of the processes that answer pages on this host, lets at most so many wait for one slow
    module: the rest serves everybody else. 0: all.
    """
    _slow["most"] = most


def job_data(data: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Method, service uuid and product uuid of a ModuleJob's data, as `sdk.Task.add` or a verb
    wrote it.
    """
    module = data.get("module") or {}
    return (
        str(data.get("method") or ""),
        module.get("service"),
        module.get("product") or data.get("product"),
    )


def invoke(
    loaded: LoadedModule,
    method: str,
    *args: Any,
    service_uuid: str | None = None,
    product_uuid: str | None = None,
    actor: Actor | None = None,
    task: Task | None = None,
    stored: Mapping[str, Mapping[str, Any]] | None = None,
    controller: type | None = None,
    passing: tuple[type[BaseException], ...] = (),
    request_id: str = "",
    named: Mapping[str, Any] | None = None,
    instance_uuid: str | None = None,
    hook: Hook | None = None,
) -> Called:
    """Builds an instance of the module, loads its data and calls one method, outside any
    transaction.

    Args:
        method: in either spelling; `args` and `named` (parameters of an address) go to it.
        service_uuid, product_uuid: what the call is about; their data are loaded into the instance.
        actor: who caused it. task: the task that it is a job of; its further data are in
            `self.task_data`.
        stored: `product_data`, `service_data` or `module_data` to use in place of what the rows
            hold.
        controller: an admin controller class to call in place of the module itself.
        passing: exceptions that are answers and not failures (`abort(404)`); they go through.
        request_id: the number of the web request, under which a failure is logged too.
        instance_uuid: the gateway or sender that it is about; what is stored of it is its
            `module_data`.
        hook: a listener to call with `args` (event, payload) in place of the method; `method` is
            then only its name.

    Raises: JobEnded (a task's timeout or lost lease) and what `passing` names, nothing else.
    """
    if in_transaction():
        raise RuntimeError(f"{loaded.key}.{method} was called inside a transaction")
    name = python_name(method)
    if loaded.restricted and name not in LIFECYCLE:
        text = (
            f"{loaded.title} has version {loaded.version} on disk but {loaded.recorded_version} on"
            " record; update it on the Modules page first."
        )
        return Called(None, Result.error(text, code=503), text)
    if (
        task is None
        and _slow["most"]
        and crash_markers.others(f"{loaded.key} ", SLOW) >= _slow["most"]
    ):
        text = f"{loaded.title} takes long to answer just now; try again in a moment."
        return Called(None, Result.error(text, code=503), text)
    release()
    call = Context(
        loaded.type,
        loaded.name,
        loaded.package,
        service_uuid,
        product_uuid,
        task.id if task is not None else None,
        task.attempt if task is not None else None,
        actor,
        request_id,
        instance_uuid or "",
    )
    further = (
        {}
        if task is None
        else {k: v for k, v in task.data.items() if k not in ("module", "method")}
    )
    started = time.monotonic()
    instance: ModuleBase | None = None
    with kept(), entered(call), crash_markers.during(f"{loaded.key} {method[:80]}()"):
        try:
            instance = loaded.cls()
            instance.recorded_version = loaded.recorded_version
            instance.task_data = MappingProxyType(further)
            instance.instance_uuid = instance_uuid or ""
            instance._prepare(
                service_uuid, product_uuid, {**_configured(loaded, instance_uuid), **(stored or {})}
            )
            target: Any = instance if controller is None else _build(controller, instance)
            function = getattr(target, name, None) or getattr(target, method, None)
            if hook is not None:
                function = function if isinstance(hook.listener, str) else hook.listener
                args = arguments(function, *args) if callable(function) else args
            if not callable(function):
                text = f"{loaded.name} has no method {method}()."
                return Called(None, Result.error(text), text, instance=instance)
            value = _fitting(function, args, dict(named or {}))
            if isinstance(value, str):
                clean = plain(value, len(value))
                if clean != value:
                    # as safe as it was
                    value = Markup(clean) if isinstance(value, Markup) else clean  # noqa: S704
            # Every answer of a job is made sense of inside the net: a hostile mapping may raise as
            # it is read.
            result = Result.of(value) if not isinstance(value, str) else Result.success()
            changes = _service_changes(instance)
        except BaseException as error:
            _tidy(loaded, method, failed=True)
            if isinstance(error, (JobEnded, *passing)):
                raise
            return _failed(
                loaded, method, error, instance, int((time.monotonic() - started) * 1000)
            )
        _tidy(loaded, method)
    duration = int((time.monotonic() - started) * 1000)
    return Called(value, result, instance=instance, duration_ms=duration, service_changes=changes)


def _configured(loaded: LoadedModule, instance_uuid: str | None) -> dict[str, Any]:
    """What is stored of a gateway or sender.

    Raises NotFoundError where the module has no such one.
    """
    if not instance_uuid:
        return {}
    row = session().scalar(
        sa.select(Instance)
        .where(
            Instance.uuid == instance_uuid,
            Instance.type == loaded.type,
            Instance.name == loaded.name,
        )
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError(f"{loaded.title} has no configuration {instance_uuid}.")
    return {"module_data": dict(row.data or {})}


def _fitting(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Calls a function the way its signature allows: parameters by name or in order, the
    request left out if it is not wanted.
    """
    if not named and not args:
        return function()
    values = tuple(named.values())
    ways: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (args, named),
        (args + values, {}),
        ((), named),
        (values, {}),
    ]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return function(*args, **named)
    for positional, keywords in ways:
        with contextlib.suppress(TypeError):
            signature.bind(*positional, **keywords)
            break
    else:
        positional, keywords = ways[0]
    return function(*positional, **keywords)


def _build(controller: type, instance: ModuleBase) -> Any:
    made = controller()
    # A controller may want its module: config, view, log.
    if getattr(made, "module", None) is None:
        made.module = instance
    return made


def _tidy(loaded: LoadedModule, method: str, *, failed: bool = False) -> None:
    """No transaction and no read snapshot of the module's outlives its call."""
    unfinished = session().info.pop("module_transaction", None)
    if unfinished is not None:
        log.warning("%s.%s left a transaction open; it was rolled back", loaded.key, method)
        unfinished(False)
    current = session()
    if current.new or current.dirty or current.deleted:
        log.warning(
            "%s.%s changed rows without committing them; the changes were dropped",
            loaded.key,
            method,
        )
        failed = True
    if failed:
        current.rollback()
    else:
        release()


def _failed(
    loaded: LoadedModule,
    method: str,
    error: BaseException,
    instance: ModuleBase | None,
    duration_ms: int,
) -> Called:
    if isinstance(error, UserError):
        text = redact_text(str(error))
        return Called(
            None, Result.error(text), text, instance=instance, raised=True, duration_ms=duration_ms
        )
    call = context.get()
    reference = (call.request_id if call else "") or secrets.token_hex(4).upper()
    kind = describe(error)
    _write_traceback(loaded, method, reference, error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(str(loaded.folder))]
    place = f"{own[-1].filename.removeprefix(f'{loaded.folder}/')}:{own[-1].lineno}" if own else ""
    logs.write(
        type=loaded.type,
        name=loaded.name,
        level="error",
        action=f"{method} failed",
        request={"reference": reference, "place": place},
        response=kind,
        duration_ms=duration_ms,
    )
    text = (
        f"{loaded.name}.{method}() failed with {kind}{f' ({place})' if place else ''}; reference"
        f" {reference}."
    )
    return Called(
        None, Result.error(text), text, reference, instance, raised=True, duration_ms=duration_ms
    )


def _write_traceback(
    loaded: LoadedModule, method: str, reference: str, error: BaseException
) -> None:
    try:
        text = "".join(traceback.format_exception(error))[-20_000:]
    except BaseException:
        text = "its traceback cannot be written"
    log.error("%s.%s() failed, reference %s\n%s", loaded.key, method, reference, redact_text(text))


def _service_changes(instance: ModuleBase) -> dict[str, Any]:
    """What the call left in `self.service_data` that the rows do not hold: generated passwords,
    ids, addresses.

    Empty values of keys that were never stored are defaults of `get_service_data`, not findings.
    """
    data = getattr(instance, "service_data", None)
    stored = getattr(instance, "_stored_service_data", None)
    if not isinstance(data, Mapping) or not isinstance(stored, Mapping):
        return {}
    empty: tuple[Any, ...] = (None, "", [], {})
    changes = {
        str(key): value
        for key, value in data.items()
        if (
            stored[key] != value
            if key in stored
            else not any(value is e or value == e for e in empty)
        )
    }
    plain: dict[str, Any] = jsonable(changes)
    return plain
