"""The demo cloud behind its failing front."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.fakes.demo_cloud import DemoCloudServer

ACCOUNT = {"username": "mc_1", "password": "long-enough-1", "domain": "a.example", "plan": "basic"}


def test_it_is_the_demo_cloud_with_faults(tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path) as cloud:
        with requests.Session() as line:
            line.headers["Authorization"] = f"Bearer {cloud.token}"
            assert line.get(cloud.url + "/plans", timeout=5).json()["plans"][0]["name"] == "basic"
            cloud.fail("drop_after", method="POST")
            with pytest.raises(requests.ConnectionError):
                line.post(cloud.url + "/accounts", json=ACCOUNT, timeout=5)
            assert [one["username"] for one in cloud.store.accounts()] == ["mc_1"], (
                "the work was done"
            )
            assert line.post(cloud.url + "/accounts", json=ACCOUNT, timeout=5).status_code == 409
            assert (
                line.put(
                    cloud.url + "/accounts/mc_1/files/a%20b.txt", data=b"\x00\xff", timeout=5
                ).status_code
                == 201
            )
            assert (
                line.get(cloud.url + "/accounts/mc_1/files/a%20b.txt", timeout=5).content
                == b"\x00\xff"
            )
            cloud.fail("500")
            assert line.get(cloud.url + "/plans", timeout=5).status_code == 500
        assert requests.get(cloud.url + "/plans", timeout=5).status_code == 401
