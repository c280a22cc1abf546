"""What a method must return: the error of a wrong value names the method and the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from puqpanel.host.contract.result import Result
from puqpanel.sdk.testing import Lab
from tests.sample import write_module

SOURCE = """
    from puqpanel.sdk import Product, Result


    class Echo(Product):
        job_options = {{"create_job": {{"tries": 5}}}}

        def {job}(self):
            return {value}
"""
A_RESULT = "must return a Result such as Result.success(...), but returned"
A_DICTIONARY = 'must return a dictionary such as {"status": "success"}, but returned'


@pytest.mark.parametrize(
    ("job", "value", "message"),
    [
        ("create_job", "None", f"create_job() {A_RESULT} None."),
        ("create_job", "True", f"create_job() {A_RESULT} True."),
        ("create_job", "'done'", f"create_job() {A_RESULT} a str."),
        ("create_job", "[1]", f"create_job() {A_RESULT} a list."),
        ("create_job", "{'id': 5}", f"create_job() {A_RESULT} a dictionary without a status."),
        (
            "create_job",
            "{'status': 'ok'}",
            f"create_job() {A_RESULT} a dictionary with the status “ok”.",
        ),
        ("createJob", "None", f"createJob() {A_DICTIONARY} None."),
    ],
)
def test_a_job_without_a_result_fails_at_once_and_says_so(
    job: str, value: str, message: str, tmp_path: Path
) -> None:
    folder = write_module(tmp_path, SOURCE.format(job=job, value=value))
    with Lab(folder) as lab:
        lab.activate().module("test-uuid").create()
        lab.work_off()
        assert lab.tasks() == [("create_job", "failed", message)]
        assert lab.service.provision_status == "failed"


@pytest.mark.parametrize(
    ("value", "ok"),
    [
        ("success", True),
        ({"status": "success"}, True),
        ({"success": True}, True),
        (({"status": "error"}, 404), False),
        (Result.success(), True),
    ],
)
def test_documented_values(value: Any, ok: bool) -> None:
    assert Result.of(value, "create_job").ok is ok


def test_other_methods_are_named_too() -> None:
    observed = Result.of({"there": True}, "observe")
    assert observed.message == (
        'observe() must return a dictionary such as {"exists": True, "suspended": False}, but'
        " returned a dictionary without a status."
    )
    assert Result.of(None).message == f"The method {A_RESULT} None."
    activated = Result.of_lifecycle(True, "activate")
    assert activated.message == 'activate() must return "success", but returned True.'
    assert Result.of_lifecycle("No licence.", "activate").message == "No licence."
