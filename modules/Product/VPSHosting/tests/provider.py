"""The DigitalOcean of the contract suite: the fake of the panel's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk import db
from puqpanel.sdk.testing import Lab, Supply
from tests.fakes.digitalocean import DigitalOceanServer


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a fake DigitalOcean and add it as an account."""
    with DigitalOceanServer() as cloud:
        product = {
            "cpu_cores": 1,
            "ram_mb": 1024,
            "disk_gb": 25,
            "bandwidth_gb": 1000,
            "location": "us-east-1",
            "image_id": "ubuntu-24.04",
        }
        service = {"hostname": "web1.lumen.test", "root_password": "a Secret passphrase"}

        def prepare(lab: Lab) -> None:
            lab.part("services.api").TIMEOUT_SECONDS = 1.2
            with db.transaction() as session:
                session.add(
                    lab.part("models.accounts").Account(
                        name="main", api_url=cloud.url, api_token=cloud.token
                    )
                )

        def accounts() -> dict[str, str]:
            return {
                droplet.name: "suspended" if droplet.status == "off" else droplet.status
                for droplet in cloud.droplets.values()
            }

        yield Supply(
            faults=cloud,
            product=product,
            service=service,
            other_product={**product, "ram_mb": 2048},
            prepare=prepare,
            accounts=accounts,
        )
