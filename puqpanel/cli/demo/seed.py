"""The demo data.

Rows are looked up by name or e-mail address before they are created, so that seeding twice changes
nothing.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import click
import sqlalchemy as sa

from puqpanel.cli.context import panel
from puqpanel.cli.demo.cloud import DemoCloud, cloud_token
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
SUPPORT_PERMISSIONS = ("services.provision", "tasks.manage")
"""Permissions of the support role besides viewing."""


class State(Enum):
    """The state in which a demo service is left."""

    PENDING = auto()
    ACTIVE = auto()
    """Created by a worker after the start."""
    FAILED = auto()
    """Creation fails, because another account has the user name."""
    SUSPENDED = auto()


@dataclass(frozen=True)
class DemoProduct:
    """A product and its module configuration."""

    price: str
    location: str
    plan: str
    disk_gb: int
    bandwidth_gb: int


@dataclass(frozen=True)
class DemoClient:
    """A client and its services: domain → product name and state."""

    name: str
    email: str
    company: str
    country: str
    services: dict[str, tuple[str, State]]


PRODUCTS = {
    "Cloud Basic": DemoProduct("4.90", "eu-west", "basic", 10, 100),
    "Cloud Premium": DemoProduct("14.90", "eu-central", "premium", 50, 500),
    "Cloud Enterprise": DemoProduct("89.00", "us-east", "enterprise", 500, 5000),
}
CLIENTS = (
    DemoClient(
        "Anna Berg",
        "anna@example.test",
        "Berg Design AS",
        "NO",
        {
            "berg-design.example": ("Cloud Premium", State.ACTIVE),
            "shop.berg-design.example": ("Cloud Basic", State.ACTIVE),
            "old.berg-design.example": ("Cloud Basic", State.SUSPENDED),
            "new.berg-design.example": ("Cloud Basic", State.PENDING),
        },
    ),
    DemoClient(
        "Tomasz Nowak",
        "tomasz@example.test",
        "",
        "PL",
        {
            "nowak.example": ("Cloud Basic", State.ACTIVE),
            "photos.nowak.example": ("Cloud Basic", State.FAILED),
        },
    ),
    DemoClient(
        "Lumen Labs",
        "it@lumen.example.test",
        "Lumen Labs GmbH",
        "DE",
        {
            "lumen.example": ("Cloud Enterprise", State.ACTIVE),
            "staging.lumen.example": ("Cloud Premium", State.PENDING),
        },
    ),
)


def seed(settings: Settings, cloud_port: int) -> list[dict[str, str]]:
    """Create the demo data that is missing.

    Args:
        settings: Settings of a panel whose schema is up to date.
        cloud_port: Port on 127.0.0.1 where the demo cloud listens.

    Returns:
        The demo accounts, as dictionaries with the keys `who`, `path`, `email` and `password`.
    """
    passwords = _passwords(settings.instance / "demo" / "passwords.json")
    with panel(settings):
        _create_people(passwords)
        _activate_modules(settings)
    with panel(settings):  # a new app, which includes the modules activated above
        if registry.current().get(CLOUD) is not None:
            with _temporary_cloud(settings) as cloud:
                _save_server(settings, cloud.port)
                _create_products()
                _create_services(cloud)
            _save_server(settings, cloud_port)
    write_private(
        settings.instance / "demo" / "cloud.json", json.dumps({"port": cloud_port}) + "\n"
    )
    accounts = (
        ("Staff", "/admin", ADMIN),
        ("Support", "/admin", SUPPORT),
        ("Client", "/client", CLIENTS[0].email),
        ("Client", "/client", CLIENTS[1].email),
    )
    return [
        {"who": role, "path": path, "email": email, "password": passwords[email]}
        for role, path, email in accounts
    ]


def _passwords(path: Path) -> dict[str, str]:
    """Return the passwords by e-mail; generate and save the missing ones.

    Each instance has its own, because a demo may be reachable from the internet.
    """
    try:
        passwords: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        passwords = {}
    emails = [ADMIN, SUPPORT, *(client.email for client in CLIENTS)]
    if missing := [email for email in emails if email not in passwords]:
        passwords |= {email: generated_password() for email in missing}
        write_private(path, json.dumps(passwords, indent=1) + "\n")
    return passwords


def _create_people(passwords: dict[str, str]) -> None:
    if session().scalar(sa.select(Staff.id).where(Staff.email == ADMIN)) is None:
        staff.create_staff(actor=SHELL, email=ADMIN, name="Ada Admin", password=passwords[ADMIN])
    if session().scalar(sa.select(Staff.id).where(Staff.email == SUPPORT)) is None:
        staff.create_staff(
            actor=SHELL,
            email=SUPPORT,
            name="Sam Support",
            password=passwords[SUPPORT],
            role_uuids=[_support_role().uuid],
        )
    for client in CLIENTS:
        if session().scalar(sa.select(Client.id).where(Client.email == client.email)) is None:
            clients.create_client(
                actor=SHELL,
                name=client.name,
                email=client.email,
                company=client.company,
                country=client.country,
                user_password=passwords[client.email],
            )


def _support_role() -> Role:
    role = session().scalar(sa.select(Role).where(Role.name == "Support"))
    if role is not None:
        return role
    permissions = [
        permission.key
        for permission in PANEL_PERMISSIONS
        if permission.key.endswith(".view") or permission.key in SUPPORT_PERMISSIONS
    ]
    return staff.save_role(actor=SHELL, uuid=None, name="Support", permissions=permissions)


def _activate_modules(settings: Settings) -> None:
    rows = {row.key: row for row in module_list.list_modules(settings.modules_dir)}
    for key in MODULES:
        if key not in rows or rows[key].on:
            continue
        module_type, _, name = key.partition("/")
        try:
            modules.activate(
                actor=SHELL,
                modules_dir=settings.modules_dir,
                module_type=module_type,
                name=name,
            )
        except UserError as error:
            click.echo(f"puqpanel: Could not activate {key}: {error}", err=True)


@contextlib.contextmanager
def _temporary_cloud(settings: Settings) -> Iterator[DemoCloud]:
    """Run the demo cloud while seeding.

    The one that runs beside the panel starts later and uses the same accounts.
    """
    cloud = DemoCloud(settings.instance / "demo", cloud_token(settings.instance))
    thread = threading.Thread(
        target=cloud.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield cloud
    finally:
        cloud.shutdown()
        cloud.close()
        thread.join()


def _save_server(settings: Settings, port: int) -> None:
    """Save the demo cloud as a server of the module; its port may have changed."""
    module = registry.current().get(CLOUD)
    assert module is not None
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
    call = calls.invoke(calls.Call(module, "save_server", (data,), actor=SHELL))
    if not call.result.ok:
        raise UserError(f"Could not save the demo server: {call.result.message or call.error}")


def _create_products() -> None:
    for name, demo_product in PRODUCTS.items():
        if _product(name) is not None:
            continue
        product = products.save_product(
            actor=SHELL,
            uuid=None,
            name=name,
            module=CLOUD,
            price=demo_product.price,
            description="Web space in the demo cloud.",
        )
        config = {
            "server_location": demo_product.location,
            "plan_type": demo_product.plan,
            "disk_space": str(demo_product.disk_gb),
            "bandwidth": str(demo_product.bandwidth_gb),
        }
        products.save_config(actor=SHELL, uuid=product.uuid, data=config)


def _create_services(cloud: DemoCloud) -> None:
    for demo_client in CLIENTS:
        client = session().scalar(sa.select(Client).where(Client.email == demo_client.email))
        if client is None:
            continue
        for domain, (product_name, state) in demo_client.services.items():
            product = _product(product_name)
            if product is not None and not _has_service(client, domain):
                _create_service(cloud, client, product, domain, state)


def _create_service(
    cloud: DemoCloud, client: Client, product: Product, domain: str, state: State
) -> None:
    account = {
        "domain": domain,
        "username": domain.replace(".", "-")[:30],
        "password": generated_password(),
    }
    service = services.create_service(
        actor=SHELL,
        client_uuid=client.uuid,
        product_uuid=product.uuid,
        name=domain,
        data={**account, "ip_address": ""},
    )
    if state is State.FAILED:
        cloud.store.create({**account, "domain": "somebody.example", "plan": "basic"})
    if state is State.SUSPENDED:
        _run_now(service.uuid, "create")
        _run_now(service.uuid, "suspend")
    elif state is not State.PENDING:
        requests.request(actor=SHELL, service_uuid=service.uuid, verb="create")


def _run_now(service_uuid: str, verb: str) -> None:
    """Request an action and run its task in this process."""
    requests.request(actor=SHELL, service_uuid=service_uuid, verb=verb)
    task_id = session().scalar(
        sa.select(Task.id)
        .where(Task.service_uuid == service_uuid)
        .order_by(Task.id.desc())
        .limit(1)
    )
    if task_id is not None:
        entry.run(task_id)


def _product(name: str) -> Product | None:
    return session().scalar(sa.select(Product).where(Product.name == name, Product.module == CLOUD))


def _has_service(client: Client, name: str) -> bool:
    query = sa.select(Service.id).where(Service.name == name, Service.client_id == client.id)
    return session().scalar(query) is not None
