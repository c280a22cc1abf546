"""The Nextcloud of the contract suite: the fake of the panel's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk import db
from puqpanel.sdk.testing import Lab, Supply
from tests.fakes.ocs import OcsServer


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a fake Nextcloud and configure it as a server of a group."""
    with OcsServer() as cloud:
        product = {
            "quota": "5 GB",
            "user_group": "customers",
            "username_prefix": "nc_",
            "username_suffix": "_x",
            "server_group": 1,
        }

        def prepare(lab: Lab) -> None:
            models = lab.part("models.servers")
            with db.transaction() as session:
                group = models.ServerGroup(name="Europe", allocation="fill_first")
                session.add(group)
                session.flush()
                session.add(
                    models.Server(
                        group_id=group.id,
                        name="cloud-1",
                        username=cloud.admin,
                        password=cloud.password,
                        host="127.0.0.1",
                        port=cloud.port,
                        ssl=False,
                        path=cloud.dialect.root,
                    )
                )

        def accounts() -> dict[str, str]:
            return {
                name: "active" if user.enabled else "suspended"
                for name, user in cloud.users.items()
                if name != cloud.admin
            }

        yield Supply(
            faults=cloud,
            product=product,
            service={"server": 0},
            other_product={**product, "quota": "9 GB"},
            prepare=prepare,
            accounts=accounts,
        )
