"""The code of the best practices is one module; each part of it does what the page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.infra.settings import ROOT
from puqpanel.sdk.compat import DB
from puqpanel.sdk.testing import SERVICE, Lab
from tests.docs.blocks import blocks
from tests.fakes.faults import FaultyServer, Reply, Seen

PAGE = ROOT / "docs" / "best-practices.md"


class Provider(FaultyServer):
    """Has regions and accounts, and takes every change."""

    def work(self, request: Seen) -> Reply:
        """One answer."""
        return Reply.of(
            {"/regions": ["eu", "us"], "/accounts": [{"name": "lumen"}]}.get(
                request.path, {"done": True}
            )
        )


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path, provider: Provider) -> Iterator[Lab]:
    text = PAGE.read_text("utf-8")
    for block in blocks(text):
        block.put(tmp_path)
    folder = tmp_path / "modules/Product/Practices"
    (folder / "config.py").write_text('CONFIG = {"name": "Practices", "version": "1.0.0"}\n')
    with Lab(
        folder, product={"url": provider.url, "key": "k-123456"}, service={"username": "lumen"}
    ) as made:
        assert made.loaded.warnings == ()
        yield made.activate()


def test_every_block_is_of_the_module() -> None:
    text = PAGE.read_text("utf-8")
    assert len(blocks(text)) == text.count("\n```\n")


def test_errors(lab: Lab, provider: Provider) -> None:
    assert lab.call("suspend_job").result.ok
    for status, retry in ((401, False), (503, True), (422, False)):
        provider.fail(str(status))
        result = lab.call("suspend_job").result
        assert (result.ok, result.retry) == (False, retry)
        assert result.message


def test_an_address_is_taken_once(lab: Lab) -> None:
    DB.table("addresses").insert([{"ip": "203.0.113.1"}, {"ip": "203.0.113.2"}])
    taken = [lab.call("take_address").value for _ in range(3)]
    assert taken == ["203.0.113.1", "203.0.113.2", None]


def test_many_rows(lab: Lab) -> None:
    assert lab.call("count_services").result.data == {"active": 0, "suspended": 0}


def test_caching(lab: Lab, provider: Provider) -> None:
    assert lab.call("regions").value == ["eu", "us"]


def test_what_a_customer_sends(lab: Lab, provider: Provider) -> None:
    refused = lab.call("controller_client_general_rename", {"name": "no blanks"}).value
    assert (refused["code"], list(refused["errors"])) == (422, ["name"])
    assert lab.tasks() == []
    assert (
        lab.call("controller_client_general_rename", {"name": "atelier"}).value["status"]
        == "success"
    )
    assert [task[:2] for task in lab.tasks()] == [("rename_job", "completed")]
    assert lab.provision_data["name"] == "atelier"
    assert lab.module(SERVICE).variables_general() == {"name": "atelier"}


def test_an_address_of_somebody_else(lab: Lab, provider: Provider) -> None:
    assert not lab.call("look_at", provider.url).result.ok
    assert provider.seen("GET", "/") == []


def test_logging(lab: Lab, provider: Provider) -> None:
    assert lab.call("import_accounts").result.data == 1
    assert {("info", "performance"), ("info", "accounts imported")} <= set(lab.log())
