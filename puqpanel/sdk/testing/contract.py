"""The contract suite: probes that every module of a type must pass.

Each probe runs in a lab of its own with a provider of its own. In the module's tests:

    class TestContract(ContractSuite):
        folder = Path(__file__).parents[1]

The simulated provider is defined in the module's `tests/provider.py`:

    @contextmanager
    def provider() -> Iterator[Supply]:
        with Provider(work) as cloud:
            yield Supply(faults=cloud, product={"url": cloud.url}, service={"username": "alice"})
"""

import contextlib
import importlib
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from puqpanel.host.contract.refusal import Refused
from puqpanel.infra.http import Limit, Reply, Wire
from puqpanel.sdk.testing.lab import Lab
from puqpanel.sdk.testing.payment_simulator import PaymentSimulator

PASSED, FAILED, NOT_TESTED = "passed", "failed", "not tested"
PROBES_IN = (
    "lifecycle",
    "products",
    "faults",
    "pages_probes",
    "channels",
    "payment_cards",
    "background",
    "leftovers",
)
TYPES = ("Product", "Plugin", "Payment", "Notification")
# timeout in seconds of requests through the SDK; a timeout fault delays a little longer
PATIENCE = 2.5


class NotTested(Exception):
    """A probe cannot run; the text says what is missing."""


@dataclass
class Supply:
    """What the `provider()` of a module's `tests/provider.py` yields.

    Attributes:
        faults: a `Provider`, or an object with its `fail`, `heal`, `struck` and `silence`; None
            if faults cannot be simulated.
        product: saved product data.
        service: saved service data.
        other_product: the product data after a change of package.
        settings: saved settings of a gateway or sender (`module_data`).
        prepare: called with the lab after activation, to insert rows or shorten delays.
        accounts: returns the accounts at the provider, name → state; a state that starts with
            "suspend" is a suspended account.
        message: the message that a Notification module sends.
        bad_message: a message that its channel must refuse.
        invoice: further data for a Payment module's `get_client_area_html`.
        transaction: the id of a payment to refund, and the amount.
        webhook: the body and the headers of a webhook as the provider sends it.
        money: a `PaymentSimulator`, with which the payment cards follow money from the payment page
            to the books.
    """

    faults: Any = None
    product: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)
    other_product: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Lab], None] | None = None
    accounts: Callable[[], Mapping[str, str]] | None = None
    message: Mapping[str, Any] | None = None
    bad_message: Mapping[str, Any] | None = None
    invoice: Mapping[str, Any] | None = None
    transaction: tuple[str, Any] | None = None
    webhook: tuple[bytes, Mapping[str, str]] | None = None
    money: PaymentSimulator | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one probe.

    Attributes:
        probe: the probe's name.
        outcome: passed, failed or not tested.
        message: what happened, in one sentence.
        seconds: the run time.
    """

    probe: str
    outcome: str
    message: str
    seconds: float = 0.0


@dataclass
class Bench:
    """What a probe works with.

    Attributes:
        lab: the lab, with the module active unless the probe activates it.
        supply: what the module's `tests/provider.py` supplies.
        given: whether there is a `tests/provider.py`.
        probe: the name of the running probe.
        broken: steps that failed with a healthy provider, and the probe that reports it.
    """

    lab: Lab
    supply: Supply
    given: bool
    probe: str = ""
    broken: dict[str, str] = field(default_factory=dict)

    def need(self, step: str) -> None:
        """Check that no earlier probe reported that a step fails.

        Raises:
            NotTested: one did, so that this probe would only repeat it.
        """
        if step in self.broken:
            raise NotTested(f"Needs {step}, which failed in “{self.broken[step]}”.")

    @contextlib.contextmanager
    def step(self, step: str) -> Iterator[None]:
        """Run a step on which later probes depend; they are not tested if it fails."""
        self.need(step)
        try:
            yield
        except AssertionError:
            self.broken[step] = self.probe
            raise

    @property
    def faults(self) -> Any:
        """The simulated provider.

        Raises:
            NotTested: none is supplied.
        """
        if self.supply.faults is None:
            raise NotTested(
                "There is no tests/provider.py."
                if not self.given
                else "tests/provider.py supplies no faults."
            )
        return self.supply.faults


Work = Callable[[Bench], str]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe.

    Attributes:
        name: the probe's name.
        types: the module types that it applies to.
        work: the function; returns what happened and asserts what must hold.
        activated: whether the module is activated before it runs.
    """

    name: str
    types: tuple[str, ...]
    work: Work
    activated: bool = True


PROBES: dict[str, Probe] = {}


def probe(name: str, *types: str, activated: bool = True) -> Callable[[Work], Work]:
    """Register a function as a probe; it returns what happened and asserts what must hold.

    Args:
        name: the probe's name.
        types: the module types that it applies to; all by default.
        activated: whether the module is activated before it runs.
    """

    def register(work: Work) -> Work:
        PROBES[name] = Probe(name, types or TYPES, work, activated)
        return work

    return register


def probes(module_type: str) -> list[Probe]:
    """Return the probes of a module type, in the order in which they run."""
    for name in PROBES_IN:
        importlib.import_module(f"puqpanel.sdk.testing.{name}")
    return [entry for entry in PROBES.values() if module_type in entry.types]


def run_suite(
    folder: str | Path,
    only: Iterable[str] = (),
    provider: Callable[[], contextlib.AbstractContextManager[Supply]] | None = None,
    begun: Callable[[str], None] = lambda name: None,
    broken: dict[str, str] | None = None,
) -> Iterator[Line]:
    """Run the probes of a module's type and yield their outcomes.

    A step that fails is reported by one probe; the others that need it are not tested.

    Args:
        folder: `modules/{Type}/{Name}`.
        only: names of probes; all by default.
        provider: a context manager to use instead of the one in `tests/provider.py`.
        begun: called with the name of each probe before it runs.
        broken: steps that failed in earlier runs, to continue with.
    """
    broken = {} if broken is None else broken
    folder = Path(folder).resolve()
    selected = set(only)
    for entry in probes(folder.parent.name):
        if selected and entry.name not in selected:
            continue
        begun(entry.name)
        started = time.monotonic()
        outcome, message = _try(entry, folder, provider, broken)
        yield Line(entry.name, outcome, message, round(time.monotonic() - started, 2))
        if entry.name == "loads" and outcome == FAILED:
            return


def _try(
    entry: Probe,
    folder: Path,
    provider: Callable[[], contextlib.AbstractContextManager[Supply]] | None,
    broken: dict[str, str],
) -> tuple[str, str]:
    try:
        with (
            _short_timeouts(),
            supplied(folder, provider=provider, activated=False) as (lab, supply),
        ):
            given = provider is not None or has_provider(folder)
            bench = Bench(lab, supply, given, entry.name, broken)
            if entry.activated:
                with bench.step("activate"):
                    _activate(lab, supply)
            return PASSED, entry.work(bench)
    except NotTested as missing:
        return NOT_TESTED, str(missing)
    except Refused as refusal:
        return FAILED, f"The module was refused: {refusal}"
    except AssertionError as error:
        return (
            FAILED,
            " ".join(str(error).split()) or f"Assertion failed at {_place(error)}.",
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return (
            FAILED,
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]} ({_place(error)})",
        )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def has_provider(folder: Path) -> bool:
    """Return whether a module has a `tests/provider.py`."""
    return (folder / "tests" / "provider.py").is_file()


@contextlib.contextmanager
def supplied(
    folder: str | Path,
    *,
    product: Mapping[str, Any] | None = None,
    service: Mapping[str, Any] | None = None,
    activated: bool = True,
    provider: Callable[[], contextlib.AbstractContextManager[Supply]] | None = None,
) -> Iterator[tuple[Lab, Supply]]:
    """Open a lab with the module's simulated provider running.

    Args:
        folder: `modules/{Type}/{Name}`.
        product: product data to use instead of the supplied data.
        service: service data to use instead of the supplied data.
        activated: whether to activate and prepare the module.
        provider: a context manager to use instead of the one in `tests/provider.py`.

    Yields:
        The lab and what the provider supplies.
    """
    with Lab(folder) as lab, contextlib.ExitStack() as stack:
        given = provider or (
            lab.part("tests.provider").provider if has_provider(lab.folder) else None
        )
        supply = stack.enter_context(given()) if given else Supply()
        if supply.faults is not None:
            supply.faults.silence = PATIENCE + 1
        lab.change(
            product=supply.product if product is None else product,
            service=supply.service if service is None else service,
        )
        if activated:
            _activate(lab, supply)
        yield lab, supply


def _activate(lab: Lab, supply: Supply) -> None:
    lab.activate()
    if supply.prepare is not None:
        supply.prepare(lab)


def _short_timeouts() -> contextlib.AbstractContextManager[object]:
    """Shorten the timeouts of requests through the SDK to seconds."""
    real = Wire.send

    def send(self: Wire, *args: Any, limit: Limit | None = None, **options: Any) -> Reply:
        short = Limit(PATIENCE, PATIENCE, time.monotonic() + 4 * PATIENCE)
        return real(
            self, *args, limit=limit if limit and limit.until < short.until else short, **options
        )

    return mock.patch.object(Wire, "send", send)


class ContractSuite:
    """The contract suite as pytest tests, one per probe.

    A probe that cannot run is skipped with the reason.

    Attributes:
        folder: the module's folder.
        provider: a context manager to use instead of the one in `tests/provider.py`.
    """

    folder: ClassVar[str | os.PathLike[str]]
    provider: ClassVar[Any] = None
    _broken: ClassVar[dict[str, str]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._broken = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Parametrise the test by probe."""
        if "probe" in metafunc.fixturenames:
            metafunc.parametrize(
                "probe",
                [entry.name for entry in probes(Path(metafunc.cls.folder).resolve().parent.name)],
            )

    def test_contract(self, probe: str) -> None:
        """Run one probe."""
        import pytest

        provider = vars(type(self)).get("provider")
        (line,) = run_suite(
            Path(self.folder),
            [probe],
            provider.__func__ if isinstance(provider, staticmethod) else provider,
            broken=self._broken,
        )
        if line.outcome == NOT_TESTED:
            pytest.skip(line.message)
        assert line.outcome == PASSED, line.message
