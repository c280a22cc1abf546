"""The checker's rules about what methods return."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.test_checks import look, of_class

SCHEDULED = (
    "def scheduler(self):\n    return [{'name': 'a', 'method': 'clean', 'every': '5m'}]\n"
    "def clean(self):\n    self.log_info('cleaned')"
)
QUEUED = (
    "def create_job(self):\n"
    "    Task.add('ModuleJob', 'Module', {'module': self, 'method': 'checkJob'})\n"
    "    return Result.pending()\n"
    "def checkJob(self):\n    return 'still building'"
)


@pytest.mark.parametrize(
    ("type", "body", "messages"),
    [
        ("Product", "def createJob(self):\n    return True", ["createJob() returns True"]),
        ("Product", "def suspend(self):\n    return {'id': 1}", ["suspend() returns bare data"]),
        ("Product", QUEUED, ["checkJob() returns a string"]),
        ("Plugin", SCHEDULED, ["clean() can end without returning"]),
        ("Notification", "def send(self, data):\n    return True", ["send() returns True"]),
        ("Payment", "def refund(self, id, amount):\n    return", ["refund() returns nothing"]),
        ("Product", "def observe(self):\n    return {'exists': True, 'suspended': False}", []),
        ("Plugin", "def create_job(self):\n    return None", []),
    ],
)
def test_jobs_return_results(type: str, body: str, messages: list[str], tmp_path: Path) -> None:
    found = look(tmp_path, of_class(body, type), type=type).get("job-without-return", [])
    wanted = [
        f"{text} {'' if 'end without' in text else 'instead of '}a result." for text in messages
    ]
    assert [one.message for one in found] == wanted


def test_saves_and_lifecycle_methods_return_on_every_path(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        of_class(
            "def save_product_data(self, data=None):\n    self.log_info('saved')\n"
            "def activate(self):\n    if self.name:\n        return 'success'"
        ),
    )
    assert [one.message for one in found["save-returns-data"]] == [
        "save_product_data() can end without returning a result."
    ]
    assert [one.message for one in found["answers-true"]] == [
        'activate() can end without returning "success".'
    ]
