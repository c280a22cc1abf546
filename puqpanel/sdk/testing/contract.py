"""The contract suite: one set of probes for every module of a type, each on a lab and a provider of
its own.

    class TestContract(ContractSuite):              # in the module's own tests
        folder = Path(__file__).parents[1]

What stands for the provider is said in `tests/provider.py` of the module:

    @contextmanager
    def provider() -> Iterator[Supply]:
        with Provider(work) as cloud:
            yield Supply(faults=cloud, product={"plan": "basic"}, service={"username": "lumen"},
            accounts=lambda: accounts)

What cannot be tried for want of it is not tested, and said; it does not count as passed.
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

from puqpanel.host.contract.refusal import Refused
from puqpanel.infra.http import Limit, Reply, Wire
from puqpanel.sdk.testing.lab import Lab

PASSED, FAILED, NOT_TESTED = "passed", "failed", "not tested"
PROBES_IN = ("lifecycle", "products", "faults", "pages_probes", "channels", "background")
TYPES = ("Product", "Plugin", "Payment", "Notification")
PATIENCE = 2.5
"""Seconds that a module's request through `puqpanel.sdk.http` waits for an answer here; a
provider that times out holds it a little longer.
"""


class NotTested(Exception):
    """A probe that cannot be tried; the text says what is missing."""


@dataclass
class Supply:
    """What a module's tests/provider.py yields.

    Args:
        faults: a `Provider`, or something else with its `fail`, `heal`, `struck` and `silence`;
            None where nothing can be made to go wrong.
        product, service: stored data of the product and the service.
        other_product: what the product says after a change of package.
        settings: a gateway's or sender's stored settings (`module_data`).
        prepare: called with the lab once the module is activated: to enter servers, to shorten
            waits of the module's own.
        accounts: what exists at the provider now, name → state; a state that begins with “suspend”
            is a suspended account.
        message: for Notification modules, what is sent; bad_message, one that the channel must
            refuse.
        invoice, transaction: for Payment modules, further data for the client's page, and an
            outside transaction to refund.
        webhook: for Payment modules, the body of a webhook as the provider sends it, and its
            headers.
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


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a score card.

    Args: outcome is passed, failed or not tested; says is what happened, a sentence; seconds it
    took.
    """

    probe: str
    outcome: str
    says: str
    seconds: float = 0.0


@dataclass
class Bench:
    """What a probe works with.

    Args: lab, with the module activated unless the probe does that; supply, as the module's tests
    say it; given, whether they do.
    """

    lab: Lab
    supply: Supply
    given: bool

    @property
    def faults(self) -> Any:
        """The provider that can be told to fail. Raises NotTested where there is none."""
        if self.supply.faults is None:
            raise NotTested(
                "There is no tests/provider.py."
                if not self.given
                else "tests/provider.py gives no faults."
            )
        return self.supply.faults

    @property
    def accounts(self) -> dict[str, str] | None:
        """What exists at the provider; None where that is not known."""
        return dict(self.supply.accounts()) if self.supply.accounts else None


Work = Callable[[Bench], str]


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is tried.

    Args: types of modules that it is for; activated, whether the module is activated before it;
    says, what it means.
    """

    name: str
    types: tuple[str, ...]
    work: Work
    activated: bool = True


PROBES: dict[str, Probe] = {}


def probe(name: str, *types: str, activated: bool = True) -> Callable[[Work], Work]:
    """Adds a probe: a function that answers what it saw, and asserts what must be so."""

    def keep(work: Work) -> Work:
        PROBES[name] = Probe(name, types or TYPES, work, activated)
        return work

    return keep


def probes(module_type: str) -> list[Probe]:
    """The probes of a type, in the order of the card."""
    for name in PROBES_IN:
        importlib.import_module(f"puqpanel.sdk.testing.{name}")
    return [one for one in PROBES.values() if module_type in one.types]


def run_suite(
    folder: str | Path,
    only: Iterable[str] = (),
    provider: Callable[[], contextlib.AbstractContextManager[Supply]] | None = None,
    begun: Callable[[str], None] = lambda name: None,
) -> Iterator[Line]:
    """Tries a module against the contract of its type.

    Args:
        folder: `modules/{Type}/{Name}`.
        only: names of probes; all unless given.
        provider: in place of the one in the module's tests/provider.py.
        begun: called with the name of each probe before it is tried.
    """
    folder = Path(folder).resolve()
    wanted = set(only)
    for one in probes(folder.parent.name):
        if wanted and one.name not in wanted:
            continue
        begun(one.name)
        started = time.monotonic()
        outcome, says = _try(one, folder, provider)
        yield Line(one.name, outcome, says, round(time.monotonic() - started, 2))
        if one.name == "loads" and outcome == FAILED:
            return


def _try(
    one: Probe,
    folder: Path,
    provider: Callable[[], contextlib.AbstractContextManager[Supply]] | None,
) -> tuple[str, str]:
    try:
        with (
            _impatient(),
            supplied(folder, provider=provider, activated=one.activated) as (
                lab,
                supply,
            ),
        ):
            return PASSED, one.work(
                Bench(lab, supply, provider is not None or has_provider(folder))
            )
    except NotTested as missing:
        return NOT_TESTED, str(missing)
    except Refused as refusal:
        return FAILED, f"It is refused at load: {refusal}"
    except AssertionError as error:
        return (
            FAILED,
            " ".join(str(error).split()) or f"What must be so is not, in {_place(error)}.",
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
    """Whether a module's tests say what stands for its provider."""
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
    """A lab with what the module's tests/provider.py supplies, its provider running.

    Args:
        folder: `modules/{Type}/{Name}`.
        product, service: other data than those supplied.
        activated: whether the module is activated, and prepared.
        provider: in place of the one in tests/provider.py.
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
            lab.activate()
            if supply.prepare is not None:
                supply.prepare(lab)
        yield lab, supply


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Lets requests through the SDK wait for a second or two only, where a real provider may
    take half a minute.
    """
    patient = Wire.send

    def send(self: Wire, *args: Any, limit: Limit | None = None, **options: Any) -> Reply:
        soon = Limit(PATIENCE, PATIENCE, time.monotonic() + 4 * PATIENCE)
        return patient(
            self, *args, limit=limit if limit and limit.until < soon.until else soon, **options
        )

    Wire.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        Wire.send = patient  # type: ignore[method-assign]


class ContractSuite:
    """The contract suite as pytest tests: one for each probe; what cannot be tried is skipped with
    the reason.

    Class attributes: folder of the module; provider, a context manager in place of the one in
    tests/provider.py.
    """

    folder: ClassVar[str | os.PathLike[str]]
    provider: ClassVar[Any] = None

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test a probe."""
        if "probe" in metafunc.fixturenames:
            metafunc.parametrize(
                "probe",
                [one.name for one in probes(Path(metafunc.cls.folder).resolve().parent.name)],
            )

    def test_contract(self, probe: str) -> None:
        """One probe."""
        import pytest

        provider = vars(type(self)).get("provider")
        (line,) = run_suite(
            Path(self.folder),
            [probe],
            provider.__func__ if isinstance(provider, staticmethod) else provider,
        )
        if line.outcome == NOT_TESTED:
            pytest.skip(line.says)
        assert line.outcome == PASSED, line.says
