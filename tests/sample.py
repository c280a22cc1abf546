"""Sample modules, clients and services."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from puqpanel.domain.principals import Principal
from puqpanel.infra.db import transaction
from puqpanel.models import Client, Service, User
from puqpanel.operations.accounts import clients
from puqpanel.operations.catalog import products
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.provisioning import services

PASSWORD = "a-long-password"
SELLER = {"street": "ul. Morska 14", "city": "Gdynia", "tax_number": "5260250274"}
"""What a company needs, beside its name and country, to issue documents."""


def write_module(
    base: Path,
    source: str,
    *,
    type: str = "Product",
    name: str = "Echo",
    version: str = "1.0.0",
    files: dict[str, str] | None = None,
) -> Path:
    """Write a module.

    Args:
        base: The modules directory.
        source: Source of the module's main file.
        type: Module type.
        name: Module name.
        version: Module version.
        files: Further files: path → text.
    """
    folder = base / type / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(dedent(source))
    (folder / "config.py").write_text(
        f'CONFIG = {{"name": "{name}", "description": "A test module", "version": "{version}",'
        ' "author": "Tests", "icon": "fas fa-flask"}\n'
    )
    for path, text in (files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(dedent(text))
    return folder


def activate(panel: Any, actor: Principal, name: str = "Echo", type: str = "Product") -> None:
    """Activate a module; it takes effect in the next app."""
    lifecycle.activate(
        actor=actor, modules_dir=panel.settings.modules_dir, module_type=type, name=name
    )


def make_client(
    actor: Principal, name: str = "Lumen Atelier", email: str = "astrid@lumen.test"
) -> tuple[Client, User]:
    """Create a client with a user that owns it."""
    client = clients.create_client(actor=actor, name=name, email=email, user_password=PASSWORD)
    return client, clients.find_client(client.uuid).members[0].user


def make_service(
    actor: Principal,
    module: str = "Product/Echo",
    config: dict[str, Any] | None = None,
    client: Client | None = None,
) -> Service:
    """Create a pending service of a module's product."""
    owner = client or make_client(actor)[0]
    product = products.save_product(
        actor=actor, uuid=None, name="Cloud 10", module=module, price="9.90"
    )
    with transaction():
        product = products.find_product(product.uuid)
        product.config, product.configured = config or {}, True
    return services.create_service(
        actor=actor, client_uuid=owner.uuid, product_uuid=product.uuid, name="files.lumen.test"
    )
