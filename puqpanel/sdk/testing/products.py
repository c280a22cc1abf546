"""Probes of Product modules with a healthy provider: the whole life of a service, and every job
once more than it should run.
"""

from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM
from puqpanel.domain.errors import UserError
from puqpanel.domain.service_states import VERBS
from puqpanel.host import calls
from puqpanel.infra.db import release, session
from puqpanel.infra.redact import secret_name
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.operations.provisioning import requests, settlement
from puqpanel.sdk.product import Product
from puqpanel.sdk.testing.contract import Bench, NotTested, probe

LIFE = ("create", "suspend", "unsuspend", "change_package", "terminate")
BEFORE = {
    "create": (),
    "suspend": ("create",),
    "unsuspend": ("create", "suspend"),
    "change_package": ("create",),
    "terminate": ("create",),
}


def row(bench: Bench) -> ServiceRow:
    """The service as it is stored now."""
    release()
    query = (
        sa.select(ServiceRow)
        .where(ServiceRow.uuid == bench.lab.service_uuid)
        .execution_options(populate_existing=True)
    )
    return session().scalars(query).one()


def has_job(bench: Bench, verb: str) -> bool:
    """Whether the module does this verb at all."""
    name = VERBS[verb].job
    return getattr(bench.lab.loaded.cls, name, None) is not getattr(Product, name)


def need(bench: Bench, verb: str) -> None:
    """Raises NotTested where a verb cannot be tried."""
    if not bench.given:
        raise NotTested("There is no tests/provider.py.")
    if not has_job(bench, verb):
        raise NotTested(f"It has no {VERBS[verb].job}().")


def ask(bench: Bench, verb: str) -> None:
    """Asks for a verb as staff do, and works off what that queued.

    A refusal of the panel's is the probe's failure.
    """
    if verb == "change_package" and bench.supply.other_product is not None:
        bench.lab.change(product=bench.supply.other_product)
    try:
        requests.request(actor=SYSTEM, service_uuid=bench.lab.service_uuid, verb=verb)
    except UserError as error:
        raise AssertionError(f"{verb} could not be asked for: {error}") from None
    bench.lab.work_off()


def wanted(verb: str, before: ServiceRow) -> str:
    """The provision status that a verb ends in."""
    ends = VERBS[verb].ends
    return (
        str(ends)
        if ends is not None
        else "suspended"
        if before.status == "suspended"
        else "completed"
    )


def reach(bench: Bench, verb: str) -> None:
    """Asks for a verb and asserts that it is reached."""
    aim = wanted(verb, row(bench))
    ask(bench, verb)
    now = row(bench)
    assert now.provision_status == aim, (
        f"After {verb} the service is {now.provision_status}, not {aim}. {now.failure}".strip()
    )
    check_accounts(bench, verb)


def check_accounts(bench: Bench, verb: str) -> None:
    """Asserts that the provider has what the verb says, as far as that is known."""
    found = bench.accounts
    if found is None:
        return
    if verb == "terminate":
        assert not found, f"After it was terminated the provider still has {len(found)} account(s)."
        return
    assert len(found) == 1, f"After {verb} the provider has {len(found)} accounts, not one."
    suspended = next(iter(found.values())).lower().startswith("suspend")
    if verb in ("create", "suspend", "unsuspend"):
        assert suspended == (verb == "suspend"), (
            f"After {verb} the account at the provider is {next(iter(found.values()))}."
        )


def set_up(bench: Bench, verb: str) -> None:
    """Brings the service to where a verb can be asked for."""
    need(bench, verb)
    for earlier in BEFORE[verb]:
        need(bench, earlier)
        reach(bench, earlier)


@probe("the whole life", "Product")
def whole_life(bench: Bench) -> str:
    """Created, suspended, brought back, changed and ended."""
    done = []
    need(bench, "create")
    for verb in LIFE:
        if has_job(bench, verb):
            reach(bench, verb)
            done.append(verb)
    return f"Each reached its end: {', '.join(done)}."


def _twice(verb: str) -> None:
    @probe(f"{verb} twice", "Product")
    def twice(bench: Bench) -> str:
        set_up(bench, verb)
        reach(bench, verb)
        called = run_job(bench, verb)
        assert not called.reference, f"The second time it raised: {called.error}"
        check_accounts(bench, verb)
        return (
            "The second time it answered success and changed nothing."
            if called.result.ok
            else f"The second time it answered: {called.result.message}"
        )

    twice.__doc__ = (
        f"The job of {verb} may run again after it was done: a worker may be lost before it"
        " says so."
    )


for _verb in LIFE:
    _twice(_verb)


def run_job(bench: Bench, verb: str) -> calls.Called:
    """A job once more, as it is after a worker was lost; what it found out is kept."""
    task = TaskRow(id=0, attempt=1, data={})
    called = calls.invoke(
        calls.Call(
            bench.lab.loaded, VERBS[verb].job, service_uuid=bench.lab.service_uuid, task=task
        )
    )
    settlement.keep_service_data(
        service_uuid=bench.lab.service_uuid, changes=called.service_changes
    )
    return called


@probe("observe tells what there is", "Product")
def observe(bench: Bench) -> str:
    """What the module says of the provider is so: the panel relies on it after a crash."""
    need(bench, "create")
    if not callable(getattr(bench.lab.loaded.cls, "observe", None)):
        raise NotTested("It has no observe().")
    reach(bench, "create")
    assert _exists(bench) is True, "observe() does not see the account that was just made."
    if has_job(bench, "terminate"):
        reach(bench, "terminate")
        assert _exists(bench) is False, "observe() still sees the account after it was terminated."
    return "It saw the account, and saw it gone."


def _exists(bench: Bench) -> bool | None:
    called = bench.lab.call("observe")
    assert not called.error, called.error
    value: Any = (
        called.value
        if isinstance(called.value, dict) and "exists" in called.value
        else called.result.data
    )
    return bool(value["exists"]) if isinstance(value, dict) and "exists" in value else None


@probe("no secret in the log", "Product")
def no_secret_in_the_log(bench: Bench) -> str:
    """Passwords and keys of customers do not reach the module log."""
    need(bench, "create")
    reach(bench, "create")
    kept = {
        **bench.supply.settings,
        **bench.supply.product,
        **bench.supply.service,
        **bench.lab.provision_data,
    }
    secrets = {
        str(value)
        for name, value in kept.items()
        if secret_name(name) and isinstance(value, str) and len(value) >= 6
    }
    if not secrets:
        raise NotTested("Nothing that it keeps is called a secret.")
    for text in bench.lab.logged():
        for name, value in kept.items():
            assert str(value) not in secrets or str(value) not in text, (
                f"The value of “{name}” stands in the module log."
            )
    return f"{len(secrets)} secret(s) were kept, and none is in the log."
