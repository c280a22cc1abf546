"""Calls: the only code that runs a module's methods.

Whatever a method does, the caller gets a `Called`: exceptions become error results, transactions
left open are rolled back, and the module log has the traceback's reference.
"""

import contextlib
import secrets
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
import structlog
from markupsafe import Markup

from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.domain.principals import Principal
from puqpanel.host import logs
from puqpanel.host.containment import bulkheads, crash_markers
from puqpanel.host.context import Context, context, entered
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.binding import Arguments, bind
from puqpanel.host.contract.hooks import Hook, arguments
from puqpanel.host.contract.names import python_name
from puqpanel.host.contract.refusal import describe
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.sanitize import jsonable, plain
from puqpanel.infra import known_secrets, redact
from puqpanel.infra.db import in_transaction, release, session
from puqpanel.infra.outages import outage
from puqpanel.infra.redact import redact_text
from puqpanel.models.modules.configured_modules import ConfiguredModule
from puqpanel.models.system.tasks import Task
from puqpanel.tasks.fence import JobEnded

__all__ = ["Call", "Called", "context", "invoke", "job_data"]

log = structlog.get_logger(__name__)
failure: ContextVar[str] = ContextVar("failure", default="")
"""The masked traceback of the last call that failed in this thread; `web.tracebacks` shows it."""
MAX_TRACEBACK = 20_000
LIFECYCLE = frozenset({"activate", "deactivate", "update"})
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Call:
    """One call of a module's method.

    Args:
        module: the module.
        method: its name, in either spelling.
        args: positional arguments.
        params: parameters of an address, by name; see `contract.binding`.
        service_uuid: the service that the call is about; its data are loaded.
        product_uuid: the product that the call is about; its data are loaded.
        instance_uuid: the gateway or sender; what is stored for it becomes `module_data`.
        actor: who caused the call.
        task: the task that the call is a job of; its other keys become `task_data`.
        stored: `product_data`, `service_data` or `module_data` to use instead of what the database
            holds.
        controller: an admin controller class to call instead of the module.
        hook: a listener to call with `args` (event, payload); `method` is then only its label.
        passing: exceptions that are answers rather than failures, such as `abort(404)`.
        request_id: of the web request; a failure is logged under it.
    """

    module: LoadedModule
    method: str
    args: tuple[Any, ...] = ()
    params: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    service_uuid: str | None = None
    product_uuid: str | None = None
    instance_uuid: str | None = None
    actor: Principal | None = None
    task: Task | None = None
    stored: Mapping[str, Mapping[str, Any]] | None = None
    controller: type | None = None
    hook: Hook | None = None
    passing: tuple[type[BaseException], ...] = ()
    request_id: str = ""

    def context(self) -> Context:
        """Return what the SDK knows about this call while it runs."""
        return Context(
            self.module.type,
            self.module.name,
            self.module.package,
            self.service_uuid,
            self.product_uuid,
            self.task.id if self.task is not None else None,
            self.task.attempt if self.task is not None else None,
            self.actor,
            self.request_id,
            self.instance_uuid or "",
            self.task.actor if self.task is not None and self.task.actor_kind else None,
        )


@dataclass(frozen=True)
class Called:
    """How a call ended.

    Args:
        value: what the method returned.
        result: the same as a Result.
        error: a sentence for staff; empty if nothing was raised.
        reference: the number under which the log has the traceback.
        instance: of the module; None if it could not be built.
        raised: whether an exception ended the call.
        busy: whether the module was not called, because too many requests are waiting for it or
            it needs an update.
        duration_ms: milliseconds.
        service_changes: what the call changed in `self.service_data`.
        known: the secrets of the call, for `known_secrets.collecting`.
        wait_until: until when a provider refuses requests of the call.
    """

    value: Any
    result: Result
    error: str = ""
    reference: str = ""
    instance: ModuleBase | None = None
    raised: bool = False
    busy: bool = False
    duration_ms: int = 0
    service_changes: dict[str, Any] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    wait_until: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was raised; the result itself may still be an error."""
        return not self.error


def job_data(data: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return method, service uuid and product uuid of a ModuleJob's data."""
    module = data.get("module") or {}
    product = module.get("product") or data.get("product")
    return str(data.get("method") or ""), module.get("service"), product


def invoke(call: Call) -> Called:
    """Build an instance of the module, load its data and call the method.

    Raises:
        RuntimeError: a transaction of the panel is open.
        SQLAlchemyError: the database is unavailable, and the call is not part of a task.
        JobEnded: the task timed out or lost its lease.
        BaseException: only those that `call.passing` lists.
    """
    if in_transaction():
        raise RuntimeError(f"{call.module.key}.{call.method} was called inside a transaction")
    if call.module.restricted and python_name(call.method) not in LIFECYCLE:
        return _refused(
            f"{call.module.title} {call.module.recorded_version} is active, but version"
            f" {call.module.version} is installed; update it on the Modules page first."
        )
    if call.task is not None:
        return _invoke(call)
    try:
        with bulkheads.entered(call.module.key):
            return _invoke(call)
    except bulkheads.Full:
        return _refused(f"{call.module.title} is responding slowly; try again in a moment.")


def _refused(text: str) -> Called:
    return Called(None, Result.error(text, code=503), text, busy=True)


def _invoke(call: Call) -> Called:
    release()
    started = time.monotonic()
    instance: ModuleBase | None = None
    running = call.context()
    marker = f"{call.module.key} {call.method[:80]}()"
    with entered(running), crash_markers.marked(marker), known_secrets.collecting():
        try:
            instance = _instance(call)
            _learn_secrets(call, instance)
            function = _function(call, instance)
            if function is None:
                text = f"{call.module.name} has no method {call.method}()."
                return Called(None, Result.error(text), text, instance=instance)
            args, keywords = _arguments(call, function)
            value = _clean(function(*args, **keywords))
            # inside the try block: a mapping of the module's own class may raise when it is read
            result = Result.of(value, _spelt(call.method, function))
            changes = _service_changes(instance)
            _learn_secrets(call, instance)  # those that it generated
            message = known_secrets.mask_known(result.message)
            if message != result.message:
                result = replace(result, message=message)
        except BaseException as error:
            _close_session(call, failed=True)
            if isinstance(error, (JobEnded, *call.passing)):
                raise
            if call.task is None and outage(error):
                raise  # no fault of the module: answered with 503
            if instance is not None:
                with contextlib.suppress(Exception):  # raised by a mapping of the module's own
                    _learn_secrets(call, instance)
            failure = _failure(call, error, instance, _since(started))
            return replace(failure, wait_until=running.wait_until)
        _close_session(call)
        return Called(
            value,
            result,
            instance=instance,
            duration_ms=_since(started),
            service_changes=changes,
            known=known_secrets.collected(),
            wait_until=running.wait_until,
        )


def _instance(call: Call) -> ModuleBase:
    instance = call.module.cls()
    instance.recorded_version = call.module.recorded_version
    instance.instance_uuid = call.instance_uuid or ""
    if call.task is not None:
        further = {k: v for k, v in call.task.data.items() if k not in ("module", "method")}
        instance.task_data = MappingProxyType(further)
    stored = {**_settings(call), **(call.stored or {})}
    instance._prepare(call.service_uuid, call.product_uuid, stored)
    return instance


def _learn_secrets(call: Call, instance: ModuleBase) -> None:
    """Mask the stored secrets that the call can read, by declaration and by name."""
    declared = call.module.secrets
    for name in ("module_data", "product_data", "service_data", "provision_data"):
        data = getattr(instance, name, {})
        if not isinstance(data, dict) or data:
            known_secrets.learn(redact.named_secrets(data, declared))


def _settings(call: Call) -> dict[str, Any]:
    """Return what is stored for a gateway or sender."""
    if not call.instance_uuid:
        return {}
    module = call.module
    row = session().scalar(
        sa.select(ConfiguredModule)
        .where(
            ConfiguredModule.uuid == call.instance_uuid,
            ConfiguredModule.type == module.type,
            ConfiguredModule.name == module.name,
        )
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError(f"{module.title} has no configuration {call.instance_uuid}.")
    return {"module_data": dict(row.data or {})}


def _function(call: Call, instance: ModuleBase) -> Callable[..., Any] | None:
    if call.hook is not None and not isinstance(call.hook.listener, str):
        return call.hook.listener
    target: Any = instance
    if call.controller is not None:
        target = call.controller()
        # a controller may need its module: config, view, log
        if getattr(target, "module", None) is None:
            target.module = instance
    function = getattr(target, python_name(call.method), None)
    if function is None:
        function = getattr(target, call.method, None)
    return function if callable(function) else None


def _arguments(call: Call, function: Callable[..., Any]) -> Arguments:
    if call.hook is not None:
        event, payload = call.args
        return arguments(function, event, payload), _EMPTY
    return bind(function, call.args, call.params)


def _spelt(method: str, function: Callable[..., Any]) -> str:
    """Return the name of a method as its author spells it."""
    name = str(getattr(function, "__name__", ""))
    return name if python_name(name) == python_name(method) else method


def _clean(value: Any) -> Any:
    """Remove control characters from a text, which no database or page takes."""
    if not isinstance(value, str):
        return value
    clean = plain(value, len(value))
    if clean == value:
        return value
    return Markup(clean) if isinstance(value, Markup) else clean  # noqa: S704 - as safe as it was


def _close_session(call: Call, *, failed: bool = False) -> None:
    """End transactions and read snapshots that the module left open."""
    current = session()
    rollback = current.info.pop("module_transaction", None)
    if rollback is not None:
        log.warning("open transaction rolled back", module=call.module.key, method=call.method)
        rollback(False)
    if current.new or current.dirty or current.deleted:
        log.warning("uncommitted changes dropped", module=call.module.key, method=call.method)
        failed = True
    if failed:
        current.rollback()
    else:
        release()


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _failure(
    call: Call, error: BaseException, instance: ModuleBase | None, duration_ms: int
) -> Called:
    if isinstance(error, UserError):
        text = redact_text(str(error))
        return Called(
            None, Result.error(text), text, instance=instance, raised=True, duration_ms=duration_ms
        )
    module, method = call.module, call.method
    reference = call.request_id or secrets.token_hex(4).upper()
    kind = describe(error)
    trace = _traceback(error)
    failure.set(trace)
    log.error(f"{module.key}.{method}() failed, reference {reference}\n{trace}")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(str(module.folder))]
    location = ""
    if own:
        location = f"{own[-1].filename.removeprefix(f'{module.folder}/')}:{own[-1].lineno}"
    logs.write(
        type=module.type,
        name=module.name,
        level="error",
        action=f"{method} failed",
        request={"reference": reference, "place": location},
        response=kind,
        duration_ms=duration_ms,
    )
    where = f" ({location})" if location else ""
    text = f"{module.name}.{method}() failed with {kind}{where}; reference {reference}."
    return Called(
        None, Result.error(text), text, reference, instance, raised=True, duration_ms=duration_ms
    )


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:
        return "(the traceback cannot be formatted)"
    return redact_text(last_lines(text))


def last_lines(text: str) -> str:
    """Return the last lines of a text, up to MAX_TRACEBACK characters, to mask and show them."""
    return text if len(text) <= MAX_TRACEBACK else text[-MAX_TRACEBACK:].partition("\n")[2]


def _service_changes(instance: ModuleBase) -> dict[str, Any]:
    """Return what the call changed in `self.service_data`: generated passwords, ids, addresses.

    Empty values of keys that were never stored are defaults of `get_service_data`, not changes.
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
            else not any(value is none or value == none for none in empty)
        )
    }
    cleaned: dict[str, Any] = jsonable(changes)
    return cleaned
