"""The demo data.

Rows are looked up by name or e-mail address before they are created, so that seeding twice changes
nothing.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import sqlalchemy as sa

from puqpanel.cli.context import panel
from puqpanel.cli.demo import books, catalog, year
from puqpanel.cli.demo.cloud import DemoCloud, cloud_token
from puqpanel.cli.staff import generated_password
from puqpanel.domain.errors import UserError
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PANEL_PERMISSIONS
from puqpanel.domain.principals import CLI
from puqpanel.host import calls, registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import session
from puqpanel.infra.private_files import write_private
from puqpanel.infra.settings import Settings
from puqpanel.jobs import entry
from puqpanel.models import Client, Product, Role, Service, Staff, Task
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.catalog import products
from puqpanel.operations.catalog.prices import price_of
from puqpanel.operations.modules import lifecycle, module_list
from puqpanel.operations.oversight import setup
from puqpanel.operations.provisioning import requests, services

CLOUD = "Product/MyCloudService"
MODULES = (CLOUD, "Product/PuqNextcloud", "Plugin/Reports")
ADMIN, SUPPORT = "admin@example.test", "support@example.test"
SUPPORT_PERMISSIONS = ("services.provision", "tasks.manage")
"""Permissions of the support role besides viewing."""


PRODUCTS = {
    "Cloud Basic": ("4.90", "eu-west", "basic", 10, 100),
    "Cloud Premium": ("14.90", "eu-central", "premium", 50, 500),
    "Cloud Enterprise": ("89.00", "us-east", "enterprise", 500, 5000),
}
"""Name → price, and the location, plan, disk space and bandwidth in GB."""
CLIENTS = {
    "anna@example.test": ("Anna Berg", "Berg Design AS", "NO"),
    "tomasz@example.test": ("Tomasz Nowak", "", "PL"),
    "it@lumen.example.test": ("Lumen Labs", "Lumen Labs GmbH", "DE"),
}
"""E-mail → name, company and country."""
SERVICES = (
    ("anna@example.test", "berg-design.example", "Cloud Premium", "active"),
    ("anna@example.test", "shop.berg-design.example", "Cloud Basic", "active"),
    ("anna@example.test", "old.berg-design.example", "Cloud Basic", "suspended"),
    ("anna@example.test", "new.berg-design.example", "Cloud Basic", "pending"),
    ("tomasz@example.test", "nowak.example", "Cloud Basic", "active"),
    ("tomasz@example.test", "photos.nowak.example", "Cloud Basic", "failed"),
    ("it@lumen.example.test", "lumen.example", "Cloud Enterprise", "active"),
    ("it@lumen.example.test", "staging.lumen.example", "Cloud Premium", "pending"),
)
"""E-mail of the client, domain, product and the state to leave the service in.

Active ones are created by a worker after the start. A failed one cannot be created, because another
account has its user name.
"""


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
        if not setup.state().dismissed:
            setup.dismiss(actor=CLI)
        _activate_modules(settings)
    with panel(settings):  # a new app, which includes the modules activated above
        books.create_company()
        module = registry.current().get(CLOUD)
        if module is not None:
            with _temporary_cloud(settings) as cloud:
                _save_server(settings, module, cloud.port)
                _create_products()
                catalog.complete(tuple(PRODUCTS), CLOUD)
                year.create()
                _create_services(cloud)
            _save_server(settings, module, cloud_port)
        books.create_documents()
    write_private(
        settings.instance / "demo" / "cloud.json", json.dumps({"port": cloud_port}) + "\n"
    )
    accounts = (
        ("Staff", "/admin", ADMIN),
        ("Support", "/admin", SUPPORT),
        ("Client", "/client", "anna@example.test"),
        ("Client", "/client", "tomasz@example.test"),
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
    if missing := [email for email in (ADMIN, SUPPORT, *CLIENTS) if email not in passwords]:
        passwords |= {email: generated_password() for email in missing}
        write_private(path, json.dumps(passwords, indent=1) + "\n")
    return passwords


def _create_people(passwords: dict[str, str]) -> None:
    known = set(session().scalars(sa.select(Staff.email).union(sa.select(Client.email))))
    if ADMIN not in known:
        staff.create_staff(actor=CLI, email=ADMIN, name="Ada Admin", password=passwords[ADMIN])
    if SUPPORT not in known:
        staff.create_staff(
            actor=CLI,
            email=SUPPORT,
            name="Sam Support",
            password=passwords[SUPPORT],
            role_uuids=[_support_role().uuid],
        )
    for email, (name, company, country) in CLIENTS.items():
        if email not in known:
            clients.create_client(
                actor=CLI,
                name=name,
                email=email,
                company=company,
                country=country,
                user_password=passwords[email],
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
    return staff.save_role(actor=CLI, uuid=None, name="Support", permissions=permissions)


def _activate_modules(settings: Settings) -> None:
    rows = {row.key: row for row in module_list.list_modules(settings.modules_dir)}
    for key in MODULES:
        if key not in rows or rows[key].on:
            continue
        module_type, _, name = key.partition("/")
        try:
            lifecycle.activate(
                actor=CLI,
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
    threading.Thread(target=cloud.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield cloud
    finally:
        cloud.shutdown()
        cloud.close()


def _save_server(settings: Settings, module: LoadedModule, port: int) -> None:
    """Save the demo cloud as a server of the module; its port may have changed."""
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
    call = calls.invoke(calls.Call(module, "save_server", (data,), actor=CLI))
    if not call.result.ok:
        raise UserError(f"Could not save the demo server: {call.result.message or call.error}")


def _create_products() -> None:
    for name, (price, location, plan, disk_gb, bandwidth_gb) in PRODUCTS.items():
        if _product(name) is not None:
            continue
        product = products.save_product(
            actor=CLI,
            uuid=None,
            name=name,
            module=CLOUD,
            price=price,
            description="Web space in the demo cloud.",
        )
        config = {
            "server_location": location,
            "plan_type": plan,
            "disk_space": str(disk_gb),
            "bandwidth": str(bandwidth_gb),
        }
        products.save_config(actor=CLI, uuid=product.uuid, data=config)


def _create_services(cloud: DemoCloud) -> None:
    for email, domain, product_name, state in SERVICES:
        client = (
            session()
            .scalars(sa.select(Client).where(Client.email == email).order_by(Client.id))
            .first()
        )
        product = _product(product_name)
        if client is None or product is None:
            continue
        known = sa.select(Service.id).where(Service.name == domain, Service.client_id == client.id)
        if session().scalar(known) is None:
            _create_service(cloud, client, product, domain, state)


def _create_service(
    cloud: DemoCloud, client: Client, product: Product, domain: str, state: str
) -> None:
    account = {
        "domain": domain,
        "username": domain.replace(".", "-")[:30],
        "password": generated_password(),
    }
    service = services.create_service(
        actor=CLI,
        client_uuid=client.uuid,
        product_uuid=product.uuid,
        price_uuid=price_of(product, client.currency, Period.MONTHLY).uuid,
        name=domain,
        data={**account, "ip_address": ""},
    )
    if state == "failed":
        cloud.store.create({**account, "domain": "somebody.example", "plan": "basic"})
    if state == "suspended":
        _run_now(service.uuid, "create")
        _run_now(service.uuid, "suspend")
    elif state != "pending":
        requests.request(actor=CLI, service_uuid=service.uuid, verb="create")


def _run_now(service_uuid: str, verb: str) -> None:
    """Request an action and run its task in this process."""
    requests.request(actor=CLI, service_uuid=service_uuid, verb=verb)
    newest = sa.select(sa.func.max(Task.id)).where(Task.about("service", service_uuid))
    entry.run(session().scalars(newest).one())


def _product(name: str) -> Product | None:
    return session().scalar(sa.select(Product).where(Product.name == name, Product.module == CLOUD))
