"""The demo cloud behind its faulty proxy."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.fakes.demo_cloud import DemoCloudServer

ACCOUNT = {"username": "mc_1", "password": "long-enough-1", "domain": "a.example", "plan": "basic"}


def test_the_proxy_forwards_requests_and_injects_faults(tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path) as cloud:
        with requests.Session() as client:
            client.headers["Authorization"] = f"Bearer {cloud.token}"
            assert client.get(cloud.url + "/plans", timeout=5).json()["plans"][0]["name"] == "basic"
            cloud.fail("drop_after", method="POST")
            with pytest.raises(requests.ConnectionError):
                client.post(cloud.url + "/accounts", json=ACCOUNT, timeout=5)
            assert [account["username"] for account in cloud.store.accounts()] == ["mc_1"], (
                "the work was done"
            )
            assert client.post(cloud.url + "/accounts", json=ACCOUNT, timeout=5).status_code == 409
            assert (
                client.put(
                    cloud.url + "/accounts/mc_1/files/a%20b.txt", data=b"\x00\xff", timeout=5
                ).status_code
                == 201
            )
            assert (
                client.get(cloud.url + "/accounts/mc_1/files/a%20b.txt", timeout=5).content
                == b"\x00\xff"
            )
            cloud.fail("500")
            assert client.get(cloud.url + "/plans", timeout=5).status_code == 500
        assert requests.get(cloud.url + "/plans", timeout=5).status_code == 401
