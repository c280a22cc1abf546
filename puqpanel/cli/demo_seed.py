"""What the demo is filled with.

Each thing is found again by its name or address, so that seeding twice changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from puqpanel.cli.context import panel
from puqpanel.cli.demo import cloud_token
from puqpanel.cli.demo_cloud import DemoCloud
from puqpanel.cli.staff import generated_password
from puqpanel.domain.actors import SHELL
from puqpanel.domain.errors import UserError
from puqpanel.domain.permissions import PANEL_PERMISSIONS
from puqpanel.host import calls, registry
from puqpanel.infra.crypto import write_private
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.jobs import entry
from puqpanel.models import Client, Product, Role, Service, Staff, Task
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.catalog import products
from puqpanel.operations.modules import module_list, modules
from puqpanel.operations.provisioning import requests, services

CLOUD = "Product/MyCloudService"
MODULES = (CLOUD, "Product/PuqNextcloud")
ADMIN, SUPPORT = "admin@example.test", "support@example.test"
SUPPORT_MAY = ("services.provision", "tasks.manage")
"""What the demo's support may do besides looking."""


@dataclass(frozen=True)
class Buyer:
    """A client of the demo, and what it has: service name → (product, what becomes of it).

    `wanted` is not created yet, `made` is created by a worker, `broken` fails there because
    somebody else has its user name, until staff choose another one and press Retry, and `suspended`
    was created and suspended before the panel starts.
    """

    name: str
    email: str
    company: str
    country: str
    services: dict[str, tuple[str, str]]


PRODUCTS = {
    "Cloud Basic": (
        "4.90",
        {
            "server_location": "eu-west",
            "plan_type": "basic",
            "disk_space": "10",
            "bandwidth": "100",
        },
    ),
    "Cloud Premium": (
        "14.90",
        {
            "server_location": "eu-central",
            "plan_type": "premium",
            "disk_space": "50",
            "bandwidth": "500",
        },
    ),
    "Cloud Enterprise": (
        "89.00",
        {
            "server_location": "us-east",
            "plan_type": "enterprise",
            "disk_space": "500",
            "bandwidth": "5000",
        },
    ),
}
BUYERS = (
    Buyer(
        "Anna Berg",
        "anna@example.test",
        "Berg Design AS",
        "NO",
        {
            "berg-design.example": ("Cloud Premium", "made"),
            "shop.berg-design.example": ("Cloud Basic", "made"),
            "old.berg-design.example": ("Cloud Basic", "suspended"),
            "new.berg-design.example": ("Cloud Basic", "wanted"),
        },
    ),
    Buyer(
        "Tomasz Nowak",
        "tomasz@example.test",
        "",
        "PL",
        {
            "nowak.example": ("Cloud Basic", "made"),
            "photos.nowak.example": ("Cloud Basic", "broken"),
        },
    ),
    Buyer(
        "Lumen Labs",
        "it@lumen.example.test",
        "Lumen Labs GmbH",
        "DE",
        {
            "lumen.example": ("Cloud Enterprise", "made"),
            "staging.lumen.example": ("Cloud Premium", "wanted"),
        },
    ),
)


def seed(settings: Settings, cloud_port: int) -> list[dict[str, str]]:
    """Fills in what is missing.

    Args:
        settings: of the panel, whose database is up to date.
        cloud_port: where the demo cloud listens on 127.0.0.1.

    Returns:
        Who can sign in where, with what: `who`, `path`, `email`, `password`.
    """
    passwords = _passwords(settings.instance / "demo" / "passwords.json")
    with panel(settings):
        _people(passwords)
        _modules(settings)
    with panel(settings):  # assembled anew: the modules that were just switched on are live in it
        if registry.current().get(CLOUD) is not None:
            with _provider(settings) as cloud:
                _server(settings, cloud.port)
                _sales(cloud)
            _server(settings, cloud_port)
    write_private(
        settings.instance / "demo" / "cloud.json", json.dumps({"port": cloud_port}) + "\n"
    )
    shown = (
        ("Staff", "/admin", ADMIN),
        ("Support", "/admin", SUPPORT),
        ("Customer", "/client", BUYERS[0].email),
        ("Customer", "/client", BUYERS[1].email),
    )
    return [
        {"who": who, "path": path, "email": email, "password": passwords[email]}
        for who, path, email in shown
    ]


def _passwords(path: Path) -> dict[str, str]:
    """Made up once for each instance: nobody else's demo opens with them, even where it listens
    to the world.
    """
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    people = [ADMIN, SUPPORT, *(buyer.email for buyer in BUYERS)]
    if missing := [email for email in people if email not in known]:
        known |= {email: generated_password() for email in missing}
        write_private(path, json.dumps(known, indent=1) + "\n")
    return known


def _people(passwords: dict[str, str]) -> None:
    if session().scalar(sa.select(Staff.id).where(Staff.email == ADMIN)) is None:
        staff.create_staff(actor=SHELL, email=ADMIN, name="Ada Admin", password=passwords[ADMIN])
    if session().scalar(sa.select(Staff.id).where(Staff.email == SUPPORT)) is None:
        role = session().scalar(sa.select(Role).where(Role.name == "Support")) or staff.save_role(
            actor=SHELL,
            uuid=None,
            name="Support",
            permissions=[
                each.key
                for each in PANEL_PERMISSIONS
                if each.key.endswith(".view") or each.key in SUPPORT_MAY
            ],
        )
        staff.create_staff(
            actor=SHELL,
            email=SUPPORT,
            name="Sam Support",
            password=passwords[SUPPORT],
            role_uuids=[role.uuid],
        )
    for buyer in BUYERS:
        if session().scalar(sa.select(Client.id).where(Client.email == buyer.email)) is None:
            clients.create_client(
                actor=SHELL,
                name=buyer.name,
                email=buyer.email,
                company=buyer.company,
                country=buyer.country,
                user_password=passwords[buyer.email],
            )


def _modules(settings: Settings) -> None:
    shown = {each.key: each for each in module_list.list_modules(settings.modules_dir)}
    for key in MODULES:
        if key in shown and not shown[key].on:
            module_type, _, name = key.partition("/")
            try:
                modules.activate(
                    actor=SHELL,
                    modules_dir=settings.modules_dir,
                    module_type=module_type,
                    name=name,
                )
            except UserError as error:
                click.echo(f"puqpanel: {key} stays off: {error}", err=True)


@contextlib.contextmanager
def _provider(settings: Settings) -> Iterator[DemoCloud]:
    """The demo cloud for as long as the demo is filled in: the one that the panel has beside it
    starts later, with the same accounts.
    """
    cloud = DemoCloud(settings.instance / "demo", cloud_token(settings.instance))
    serving = threading.Thread(
        target=cloud.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    serving.start()
    try:
        yield cloud
    finally:
        cloud.shutdown()
        cloud.close()
        serving.join()


def _server(settings: Settings, port: int) -> None:
    """The module's record of its provider; the port may have changed since last time."""
    loaded = registry.current().get(CLOUD)
    assert loaded is not None
    data = {
        "name": "Demo cloud",
        "group_name": "eu-west",
        "host": "127.0.0.1",
        "port": port,
        "ssl": False,
        "username": "panel",
        "password": "",
        "api_key": cloud_token(settings.instance),
        "max_accounts": 0,
        "active": True,
    }
    called = calls.invoke(calls.Call(loaded, "save_server", (data,), actor=SHELL))
    if not called.result.ok:
        raise UserError(
            f"The demo's server could not be saved: {called.result.message or called.error}"
        )


def _sales(cloud: DemoCloud) -> None:
    for name, (price, config) in PRODUCTS.items():
        if _product(name) is None:
            made = products.save_product(
                actor=SHELL,
                uuid=None,
                name=name,
                module=CLOUD,
                price=price,
                description="Web space in the demo cloud.",
            )
            products.save_config(actor=SHELL, uuid=made.uuid, data=config)
    for buyer in BUYERS:
        client = session().scalar(sa.select(Client).where(Client.email == buyer.email))
        for name, (product_name, fate) in buyer.services.items():
            product = _product(product_name)
            if (
                client is None
                or product is None
                or session().scalar(
                    sa.select(Service.id).where(
                        Service.name == name, Service.client_id == client.id
                    )
                )
            ):
                continue
            data = {
                "domain": name,
                "username": name.replace(".", "-")[:30],
                "password": generated_password(),
            }
            service = services.create_service(
                actor=SHELL,
                client_uuid=client.uuid,
                product_uuid=product.uuid,
                name=name,
                data=_form(data),
            )
            if fate == "broken":
                cloud.store.create({**data, "domain": "somebody.example", "plan": "basic"})
            if fate == "suspended":
                _done(service.uuid, "create")
                _done(service.uuid, "suspend")
            elif fate != "wanted":
                requests.request(actor=SHELL, service_uuid=service.uuid, verb="create")


def _done(service_uuid: str, verb: str) -> None:
    """Asks for a verb, and does its task here and now as a worker would."""
    requests.request(actor=SHELL, service_uuid=service_uuid, verb=verb)
    task = session().scalar(
        sa.select(Task.id)
        .where(Task.service_uuid == service_uuid)
        .order_by(Task.id.desc())
        .limit(1)
    )
    if task is not None:
        entry.run(task)


def _product(name: str) -> Product | None:
    return session().scalar(sa.select(Product).where(Product.name == name, Product.module == CLOUD))


def _form(data: dict[str, str]) -> dict[str, Any]:
    return {**data, "ip_address": ""}
