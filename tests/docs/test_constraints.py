"""The locked requirements are complete, hashed and within the bounds of setup.cfg."""

from __future__ import annotations

import configparser
import json
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from puqpanel.infra.settings import ROOT

ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;]+)[^\n]*\n((?:    --hash=.*\n?)*)", re.M
)


def locked(file: str) -> dict[str, str]:
    text = (ROOT / "constraints" / file).read_text()
    entries = ENTRY.findall(text)
    assert all("sha256:" in hashes for _, _, hashes in entries)
    assert text.count("==") >= len(entries) > 20
    return {canonicalize_name(name): number for name, number, _ in entries}


def wanted(*extras: str) -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += config["options.extras_require"][extra].splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(
    ("file", "extras"), [("panel.txt", ["mysql"]), ("test.txt", ["mysql", "test"])]
)
def test_each_requirement_is_locked_within_its_bounds(file: str, extras: list[str]) -> None:
    versions = locked(file)
    for requirement in wanted(*extras):
        if requirement.name.startswith("types-"):
            continue
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        bounds = {specifier.operator for specifier in requirement.specifier}
        assert bounds & {"<", "=="}, f"{requirement.name} has no upper bound"
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_both_files_lock_the_same_versions() -> None:
    tests = locked("test.txt")
    assert {name: tests.get(name) for name in locked("panel.txt")} == locked("panel.txt")


def test_the_bill_of_materials_lists_what_is_locked() -> None:
    bill = json.loads((ROOT / "constraints" / "sbom.cdx.json").read_text())
    listed = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    assert listed == locked("panel.txt")
