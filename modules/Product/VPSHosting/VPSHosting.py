"""Sell virtual servers at DigitalOcean: the data of products and services, and the staff pages.

The provisioning jobs are in services/provisioning.py, the customer's tabs in tabs/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import __, forms

from .forms.products import CreatedForm, ProductForm, ServiceForm
from .services import catalog, keys, placement, sizes
from .services.provisioning import BACKUP_POLICIES
from .tabs.console import Console, control_panel
from .tabs.monitoring import Monitoring
from .tabs.overview import Overview
from .tabs.snapshots import Snapshots

NUMBERS = {
    "cpu_cores": 1,
    "ram_mb": 1024,
    "disk_gb": 25,
    "bandwidth_gb": 1000,
    "account": 0,
    "snapshot_limit": 3,
}
DEFAULT_LOCATION = "us-east-1"
FIXED_FIELDS = ("hostname", "image_id", "ssh_keys", "root_password")


class VPSHosting(Overview, Console, Snapshots, Monitoring):
    """Virtual servers at DigitalOcean."""

    ProductForm = ProductForm
    ServiceForm = ServiceForm

    # Data of a product and of a service

    def get_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the product's size, location, image and limits."""
        data = data or {}
        location = str(data.get("location") or DEFAULT_LOCATION)
        plan = str(data.get("backup_plan") or "")
        self.product_data = {
            **{name: _number(data.get(name), default) for name, default in NUMBERS.items()},
            "location": location if location in sizes.REGIONS else DEFAULT_LOCATION,
            "image_id": str(data.get("image_id") or catalog.DEFAULT),
            "backup_enabled": bool(data.get("backup_enabled") or False),
            "backup_plan": plan if plan in BACKUP_POLICIES else "daily",
        }
        return self.product_data

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what was chosen for the server, and its address once it exists."""
        data = data or {}
        default_image = self.product_data.get("image_id") or catalog.DEFAULT
        self.service_data = {
            "hostname": str(data.get("hostname") or ""),
            "image_id": str(data.get("image_id") or default_image),
            "ssh_keys": keys.parse_lines(data.get("ssh_keys")),
            "root_password": str(data.get("root_password") or ""),
            "ip_address": str(data.get("ip_address") or ""),
            "server_id": str(data.get("server_id") or ""),
        }
        return self.service_data

    def save_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Validate what staff entered.

        The fields of the vendor documentation suffice; the others keep their value if missing.
        """
        optional = ("image_id", "account", "snapshot_limit", "backup_plan")
        current = {name: self.product_data[name] for name in optional}
        return super().save_product_data(current | dict(data or {}))

    def get_product_page(self) -> str:
        """Return the fields and the matching size at DigitalOcean."""
        try:
            size = None if self.errors else sizes.smallest(sizes.requirements_of(self.product_data))
        except (sizes.SizeError, ValueError):
            size = None  # saved before the present sizes; saving the form again explains it
        region = sizes.REGIONS.get(str(self.product_data["location"]), "")
        summary = self.view("admin_area.product", {"size": size, "region": region})
        return summary + super().get_product_page()

    def get_service_page(self) -> str:
        """Return the fields; once the server was requested, its details and read-only fields."""
        server = placement.find(self._uuid)
        if server is None or server.sent_at is None:
            return super().get_service_page()
        console = control_panel(server.server_id) if server.server_id else ""
        details = self.view(
            "admin_area.service",
            {"server": server, "size": sizes.BY_SLUG.get(server.size), "console": console},
        )
        return details + forms.render(self, CreatedForm, self.service_data, self.errors)

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Validate what was entered; nothing can change once the server was requested."""
        server = placement.find(self._uuid)
        if server is None or server.sent_at is None:
            # Without an image, use the product's instead of the form's default.
            default = {"image_id": self.service_data["image_id"]}
            return super().save_service_data(default | dict(data or {}))
        current = {name: self.service_data[name] for name in FIXED_FIELDS}
        errors = {}
        for name, value in (data or {}).items():
            if name == "ssh_keys":
                entered: Any = keys.parse_lines(value)
            else:
                entered = str(value or "").strip()
            if name in current and entered and entered != current[name]:
                errors[name] = [__("Can't be changed after creation.")]
        if errors:
            return {
                "status": "error",
                "message": __("The service was not saved."),
                "errors": errors,
                "code": 422,
            }
        return {"status": "success", "data": current, "code": 200}

    # Client area

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """Return the tabs of a service."""
        return {
            "general": {"name": "Overview", "template": "client_area.overview"},
            "console": {"name": "Console", "template": "client_area.console"},
            "snapshots": {"name": "Snapshots", "template": "client_area.snapshots"},
            "monitoring": {"name": "Monitoring", "template": "client_area.monitoring"},
        }

    # Admin area

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions for viewing and managing accounts and images."""
        return [
            {
                "name": "View accounts",
                "key": "view-accounts",
                "description": "View DigitalOcean accounts, their server counts and images",
            },
            {
                "name": "Manage accounts",
                "key": "manage-accounts",
                "description": "Add, edit, test and delete accounts, and manage images",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry; the accounts page links to the images."""
        return [
            {
                "title": "DigitalOcean",
                "link": "accounts",
                "active_links": [route["name"] for route in self.admin_web_routes()],
                "permission": "view-accounts",
                "icon": "fas fa-server",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the lists, the forms of accounts, and the actions on images."""
        view = "view-accounts"
        routes = [
            _route("get", "accounts", "accounts", "AccountsController@index", view),
            _route("post", "accounts/{id}/test", "accounts.test", "AccountsController@test"),
            _route("get", "images", "images", "ImagesController@index", view),
            _route("post", "images/refresh", "images.refresh", "ImagesController@refresh"),
            _route("post", "images/{id}/switch", "images.switch", "ImagesController@switch"),
        ]
        pages = {"add": "accounts/add", "edit": "accounts/{id}", "remove": "accounts/{id}/delete"}
        for page, uri in pages.items():
            name, action = f"accounts.{page}", f"AccountsController@{page}"
            routes.append(_route("get", uri, name, f"{action}_form"))
            routes.append(_route("post", uri, f"{name}.submit", f"{action}_submit"))
        return routes


def _number(value: Any, default: int) -> int:
    """Return a number that was stored as text or as a number."""
    text = str(value if value is not None else "").strip()
    return int(text) if text.isdecimal() and len(text) < 10 else default


def _route(
    method: str, uri: str, name: str, controller: str, permission: str = "manage-accounts"
) -> dict[str, Any]:
    return {
        "method": method,
        "uri": uri,
        "name": name,
        "controller": controller,
        "permission": permission,
    }
