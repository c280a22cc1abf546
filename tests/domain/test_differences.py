"""Comparison of services with what their providers report."""

from __future__ import annotations

from typing import Any

import pytest

from puqpanel.domain.differences import Observation, compare


@pytest.mark.parametrize(
    "value",
    [
        None,
        "gone",
        {},
        {"exists": None},
        {"exists": 0},
        {"exists": "false"},
        {"exists": True, "suspended": "no"},
        {"exists": True, "suspended": 1},
        {"exists": True, "data": ["10.0.0.1"]},
    ],
)
def test_what_is_no_answer(value: Any) -> None:
    assert Observation.read(value) is None


@pytest.mark.parametrize(
    ("status", "provision", "exists", "suspended", "kind"),
    [
        ("active", "completed", True, False, ""),
        ("active", "completed", True, None, ""),
        ("active", "completed", False, False, "gone"),
        ("active", "completed", True, True, "suspended"),
        ("active", "failed", True, False, ""),
        ("active", "failed", False, None, "gone"),
        ("active", "not_found", False, False, ""),
        ("active", "not_found", True, False, "found"),
        ("active", "processing", False, False, ""),
        ("suspended", "suspended", True, True, ""),
        ("suspended", "suspended", True, False, "not_suspended"),
        ("suspended", "suspended", False, True, "gone"),
        ("pending", "pending", True, False, ""),
        ("pending", "failed", False, False, ""),
        ("pending", "failed", True, False, "found"),
        ("fraud", "completed", True, True, ""),
        ("fraud", "suspended", False, True, "gone"),
        ("terminated", "terminated", True, False, ""),
        ("cancelled", "failed", True, False, ""),
    ],
)
def test_states(
    status: str, provision: str, exists: bool, suspended: bool | None, kind: str
) -> None:
    difference = compare(status, provision, {}, Observation(exists, suspended))
    assert (difference.kind if difference else "") == kind


@pytest.mark.parametrize(
    ("panel", "provider", "differs"),
    [
        ("10.0.0.1", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.2", True),
        (None, "10.0.0.1", True),
        ("10.0.0.1", "", True),
        ("", "", False),
        (None, [], False),
        ("10.0.0.1", None, False),
        (7, "7", False),
        ("true", True, False),
        (False, True, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ("Ada", "ada", True),
    ],
)
def test_data(panel: Any, provider: Any, differs: bool) -> None:
    found = compare("active", "completed", {"x": panel}, Observation(True, False, {"x": provider}))
    assert (found is not None) is differs
    if found is not None:
        assert (found.kind, [change.key for change in found.changes]) == ("data", ["x"])


def test_the_digest_identifies_a_difference() -> None:
    def digest(observation: Observation, ip: str = "1") -> str:
        found = compare("active", "completed", {"ip": ip}, observation)
        assert found is not None
        return found.digest

    other = Observation(True, False, {"ip": "2"})
    assert digest(other) == digest(other) == digest(other, ip="3")
    assert len({digest(other), digest(Observation(False)), digest(Observation(True, True))}) == 3
