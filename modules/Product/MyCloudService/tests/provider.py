"""The provider of the contract suite: the demo cloud, behind a proxy that can fail on request."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puqpanel.sdk.testing import Lab, Supply
from tests.fakes.demo_cloud import DemoCloudServer

PRODUCT = {"server_location": "eu-west", "plan_type": "basic", "disk_space": 10, "bandwidth": 100}
SERVICE = {
    "domain": "lumen.example",
    "username": "lumen",
    "password": "a-long-password",
    "ip_address": "",
}


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a demo cloud and add it as a server."""
    with tempfile.TemporaryDirectory() as folder, DemoCloudServer(Path(folder)) as cloud:

        def prepare(lab: Lab) -> None:
            server = {
                "name": "Demo cloud",
                "host": "127.0.0.1",
                "port": cloud.port,
                "ssl": False,
                "api_key": cloud.token,
                "active": True,
            }
            assert lab.call("save_server", server).result.ok

        yield Supply(
            faults=cloud,
            product=PRODUCT,
            other_product={**PRODUCT, "plan_type": "premium", "disk_space": 70},
            service=SERVICE,
            prepare=prepare,
            accounts=lambda: {
                account["username"]: account["state"] for account in cloud.store.accounts()
            },
        )
