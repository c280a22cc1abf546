"""Probes of Product modules with a healthy provider: the lifecycle, and every job repeated."""

from unittest import mock

from puqpanel.domain.differences import Observation, compare
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import VERBS
from puqpanel.host import calls
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra import redact
from puqpanel.infra.db import release, session
from puqpanel.infra.redact import secret_name
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.operations.provisioning import requests, settlement
from puqpanel.sdk.product import Product
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.lab import service_row

LIFE = ("create", "suspend", "unsuspend", "change_package", "terminate")
BEFORE = {
    "create": (),
    "suspend": ("create",),
    "unsuspend": ("create", "suspend"),
    "change_package": ("create",),
    "terminate": ("create",),
}


def row(bench: Bench) -> ServiceRow:
    """Return the service's row as saved now."""
    release()
    return service_row(session(), bench.lab.service_uuid)


def has_job(bench: Bench, verb: str) -> bool:
    """Return whether the module supports a verb."""
    name = VERBS[verb].job
    return getattr(bench.lab.loaded.cls, name, None) is not getattr(Product, name)


def need(bench: Bench, verb: str) -> None:
    """Check that a verb can be tested.

    Raises:
        NotTested: there is no provider or job, or the job failed in an earlier probe.
    """
    if not bench.given:
        raise NotTested("There is no tests/provider.py.")
    if not has_job(bench, verb):
        raise NotTested(f"The module has no {VERBS[verb].job}().")
    bench.need(verb)


def ask(bench: Bench, verb: str) -> None:
    """Request a verb as staff do and run its task; a refusal fails the probe."""
    enqueue(bench, verb)
    bench.lab.work_off()


def enqueue(bench: Bench, verb: str) -> None:
    """Request a verb as staff do; a refusal fails the probe."""
    if verb == "change_package" and bench.supply.other_product is not None:
        bench.lab.change(product=bench.supply.other_product)
    try:
        requests.request(actor=AUTOMATION, service_uuid=bench.lab.service_uuid, verb=verb)
    except UserError as error:
        raise AssertionError(f"{verb} was refused: {error}") from None


def expected_status(verb: str, before: ServiceRow) -> str:
    """Return the provision status in which a verb should end."""
    ends = VERBS[verb].ends
    if ends is not None:
        return str(ends)
    return "suspended" if before.status == "suspended" else "completed"


def reach(bench: Bench, verb: str) -> None:
    """Request a verb and assert that it reaches its status."""
    expected = expected_status(verb, row(bench))
    with bench.step(verb):
        ask(bench, verb)
        now = row(bench)
        assert now.provision_status == expected, (
            f"After {verb} the service is {now.provision_status}, not {expected}."
            f" {now.failure}".strip()
        )
        check_accounts(bench, verb)


def check_accounts(bench: Bench, verb: str) -> None:
    """Assert that the provider's accounts match the verb, if they are supplied."""
    if bench.supply.accounts is None:
        return
    accounts = bench.supply.accounts()
    if verb == "terminate":
        assert not accounts, f"After terminate the provider still has accounts: {len(accounts)}."
        return
    assert len(accounts) == 1, f"After {verb} the provider has {len(accounts)} accounts, not 1."
    (state,) = accounts.values()
    suspended = state.lower().startswith("suspend")
    if verb in ("create", "suspend", "unsuspend"):
        assert suspended == (verb == "suspend"), (
            f"After {verb} the account at the provider is {state}."
        )


def set_up(bench: Bench, verb: str) -> None:
    """Bring the service into a state in which the verb is allowed."""
    need(bench, verb)
    for earlier in BEFORE[verb]:
        need(bench, earlier)
        reach(bench, earlier)


@probe("full lifecycle", "Product")
def whole_life(bench: Bench) -> str:
    """Run every verb in order."""
    done = []
    need(bench, "create")
    for verb in LIFE:
        if has_job(bench, verb):
            reach(bench, verb)
            done.append(verb)
    return f"Completed: {', '.join(done)}."


def _twice(verb: str) -> None:
    @probe(f"{verb} twice", "Product")
    def twice(bench: Bench) -> str:
        set_up(bench, verb)
        reach(bench, verb)
        called = run_job(bench, verb)
        assert not called.reference, f"The second run raised: {called.error}"
        check_accounts(bench, verb)
        return (
            "The second run succeeded and changed nothing."
            if called.result.ok
            else f"The second run returned: {called.result.message}"
        )


for _verb in LIFE:
    _twice(_verb)


def run_job(bench: Bench, verb: str) -> calls.Called:
    """Run a job once more, as after a crash, and save the data it changed."""
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


@probe("observe matches the provider", "Product")
def observe(bench: Bench) -> str:
    """Compare `observe()` with the provider and with the service after each verb.

    The panel relies on it after a crash, and reports to staff what differs.
    """
    need(bench, "create")
    if not callable(getattr(bench.lab.loaded.cls, "observe", None)):
        raise NotTested("The module has no observe().")
    reach(bench, "create")
    assert _observed(bench).exists, "observe() does not report the account after create."
    _check_agrees(bench, "create")
    for verb in ("suspend", "unsuspend"):
        if has_job(bench, "suspend") and has_job(bench, verb):
            reach(bench, verb)
            _check_agrees(bench, verb)
    if has_job(bench, "terminate"):
        reach(bench, "terminate")
        assert not _observed(bench).exists, "observe() still reports the account after terminate."
    return "observe() matched the provider."


def _observed(bench: Bench) -> Observation:
    """Return what `observe()` reports; an error or another shape fails the probe."""
    called = bench.lab.call("observe")
    assert not called.error, called.error
    value = called.value if isinstance(called.value, dict) else {}
    if "exists" not in value and isinstance(called.result.data, dict):
        value = called.result.data
    observation = Observation.read(value)
    assert observation is not None, (
        "observe() must return exists and suspended as True or False, and data as a dictionary:"
        f" {value or called.result.message}"
    )
    return observation


def _check_agrees(bench: Bench, verb: str) -> None:
    """Assert that staff would see no difference right after a verb."""
    service, observation = row(bench), _observed(bench)
    data = {**service.service_data, **service.provision_data}
    difference = compare(
        service.status,
        service.provision_status,
        data,
        observation,
        idle=service.idle is not False,
    )
    assert difference is None or difference.is_state is False, (
        f"After {verb} the service is {service.status}, but observe() reports:"
        f" exists={observation.exists}, suspended={observation.suspended}."
    )
    names = ", ".join(change.key for change in difference.changes) if difference else ""
    assert not names, (
        f"After {verb} the data of observe() differ from the data of the service: {names}. Return"
        " only what the jobs save in self.service_data, under the same names."
    )


@probe("no secret in the log", "Product")
def no_secret_in_the_log(bench: Bench) -> str:
    """Check that passwords and keys do not reach the module log."""
    need(bench, "create")
    # the panel masks the secrets that a call knows, but a module should not log them at all
    with mock.patch.object(redact, "mask_known", str):
        reach(bench, "create")
    stored = {
        **bench.supply.settings,
        **bench.supply.product,
        **bench.supply.service,
        **bench.lab.provision_data,
    }
    declared = secret_fields(bench.lab.loaded.cls)
    secrets = {
        str(value)
        for name, value in stored.items()
        if (name in declared or secret_name(name)) and isinstance(value, str) and len(value) >= 6
    }
    if not secrets:
        raise NotTested("No saved value is declared as a secret.")
    for text in bench.lab.logged():
        for name, value in stored.items():
            assert str(value) not in secrets or str(value) not in text, (
                f"The module log contains the value of “{name}”."
            )
    return f"Secrets saved: {len(secrets)}. None is in the log."
