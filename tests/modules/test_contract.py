"""Every module of the project passes the contract suite of its type."""

from __future__ import annotations

from pathlib import Path

import pytest

from puqpanel.host import discover
from puqpanel.infra.settings import ROOT
from puqpanel.sdk.testing import run_suite
from puqpanel.sdk.testing.contract import probes

MODULES = [module for module in discover.scan(ROOT / "modules") if not module.error]
CASES = [
    pytest.param(module.folder, probe.name, id=f"{module.name}-{probe.name}")
    for module in MODULES
    for probe in probes(module.type)
]


@pytest.mark.parametrize(("folder", "probe"), CASES)
def test_contract(folder: Path, probe: str) -> None:
    (line,) = run_suite(folder, [probe])
    if line.outcome == "not tested":
        assert "provider.py" not in line.message, f"{folder.name} has no tests/provider.py"
        pytest.skip(line.message)
    assert line.outcome == "passed", line.message
