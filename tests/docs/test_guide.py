"""The guide: its blocks are put together as the reader does it; the module loads after each step, passes its own tests and works in a real panel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from puqpanel.host.loader import load_module
from puqpanel.host.registry import unload
from puqpanel.infra.settings import ROOT
from tests.docs.blocks import steps

GUIDE = ROOT / "docs" / "guide" / "first-module.md"
STEPS = list(steps(GUIDE))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole guide was followed; the module loaded without a warning after each step."""
    root = tmp_path_factory.mktemp("guide")
    for heading, blocks in STEPS:
        for block in blocks:
            block.put(root)
        module = load_module(root / "modules/Product/SiteBox", "Product", "SiteBox")
        unload(module.package)
        assert not module.warnings, heading
    return root


def test_every_block_has_its_path() -> None:
    assert len(STEPS) == 8
    text = GUIDE.read_text("utf-8")
    assert sum(len(blocks) for _, blocks in STEPS) == text.count("\n```\n"), "a block of code stands under no path"


def test_its_own_tests_pass(built: Path) -> None:
    tests = built / "modules/Product/SiteBox/tests"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", str(ROOT / "setup.cfg"), "--rootdir", str(built), str(tests)],
        cwd=built, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "7 passed" in done.stdout


def test_it_is_clean(built: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("no ruff on this machine")
    done = subprocess.run([ruff, "check", "--no-cache", "--config", str(ROOT / ".ci/ruff.toml"), "--exclude", "tests", "."],
                          cwd=built, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout
