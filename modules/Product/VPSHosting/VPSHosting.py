"""Sells virtual servers at DigitalOcean: what a product and a service hold, and what staff see.

What happens at DigitalOcean stands in services/provisioning.py, what customers see in tabs/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import __, forms

from .forms.products import MadeForm, ProductForm, ServiceForm
from .services import catalog, keys, placement, sizes
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


class VPSHosting(Overview, Console, Snapshots, Monitoring):
    """Virtual servers at DigitalOcean."""

    ProductForm = ProductForm
    ServiceForm = ServiceForm

    # What a product and a service hold

    def get_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """How large its servers are, and where and how they are made."""
        data = data or {}
        numbers = {name: _number(data.get(name), default) for name, default in NUMBERS.items()}
        location = str(data.get("location") or "us-east-1")
        self.product_data = numbers | {
            "location": location if location in sizes.REGIONS else "us-east-1",
            "image_id": str(data.get("image_id") or catalog.DEFAULT),
            "backup_enabled": bool(data.get("backup_enabled") or False),
        }
        return self.product_data

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The server: what was chosen beforehand, and what came of it.

        A password that nobody chose is made by the job, and kept.
        """
        data = data or {}
        self.service_data = {
            "hostname": str(data.get("hostname") or ""),
            "image_id": str(
                data.get("image_id") or self.product_data.get("image_id") or catalog.DEFAULT
            ),
            "ssh_keys": keys.lines(data.get("ssh_keys")),
            "root_password": str(data.get("root_password") or ""),
            "ip_address": str(data.get("ip_address") or ""),
            "server_id": str(data.get("server_id") or ""),
        }
        return self.service_data

    def save_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What staff entered.

        The texts' fields are enough: what they do not have keeps its value.
        """
        more = {name: self.product_data[name] for name in ("image_id", "account", "snapshot_limit")}
        return super().save_product_data(more | dict(data or {}))

    def get_product_page(self) -> str:
        """The fields, and what they come down to at DigitalOcean."""
        try:
            size = None if self.errors else sizes.smallest(sizes.wish_of(self.product_data))
        except (sizes.WishError, ValueError):
            size = None
        region = sizes.REGIONS.get(str(self.product_data["location"]), "")
        return (
            self.view("admin_area.product", {"size": size, "region": region})
            + super().get_product_page()
        )

    def get_service_page(self) -> str:
        """The fields; once a server was asked for, where it is, and what it was made with."""
        server = placement.find(self._uuid)
        if server is None or server.sent_at is None:
            return super().get_service_page()
        console = control_panel(server.server_id) if server.server_id else ""
        facts = self.view(
            "admin_area.service",
            {"server": server, "size": sizes.BY_SLUG.get(server.size), "console": console},
        )
        return facts + forms.render(self, MadeForm, self.service_data, self.errors)

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What was chosen for a server. Once one was asked for, it stays."""
        server = placement.find(self._uuid)
        if server is None or server.sent_at is None:
            # Who names no image gets the product's, not the form's first one.
            return super().save_service_data(
                {"image_id": self.service_data["image_id"], **dict(data or {})}
            )
        sent, kept = (
            dict(data or {}),
            {
                name: self.service_data[name]
                for name in ("hostname", "image_id", "ssh_keys", "root_password")
            },
        )
        wrong = {}
        for name, value in kept.items():
            given = (
                keys.lines(sent.get(name))
                if name == "ssh_keys"
                else str(sent.get(name) or "").strip()
            )
            if given and given != value:
                wrong[name] = [__("A server keeps what it was made with.")]
        if wrong:
            return {
                "status": "error",
                "message": __("This was not saved."),
                "errors": wrong,
                "code": 422,
            }
        return {"status": "success", "data": kept, "code": 200}

    # What the customer sees

    def get_client_area_menu_config(self) -> dict[str, dict[str, str]]:
        """The four tabs."""
        return {
            "general": {"name": "Overview", "template": "client_area.overview"},
            "console": {"name": "Console", "template": "client_area.console"},
            "snapshots": {"name": "Snapshots", "template": "client_area.snapshots"},
            "monitoring": {"name": "Monitoring", "template": "client_area.monitoring"},
        }

    # What staff see

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Who may look at accounts and images, and who may change them."""
        return [
            {
                "name": "View accounts",
                "key": "view-accounts",
                "description": "See accounts at DigitalOcean, how full they are, and the images",
            },
            {
                "name": "Manage accounts",
                "key": "manage-accounts",
                "description": (
                    "Add, change, test and delete accounts, and refresh and switch images"
                ),
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """One entry; images are reached from the accounts."""
        active = [route["name"] for route in self.admin_web_routes()]
        return [
            {
                "title": "DigitalOcean",
                "link": "accounts",
                "active_links": active,
                "permission": "view-accounts",
                "icon": "fas fa-server",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """The two lists, the form pairs of accounts, and what is done to images."""
        routes = [
            _route("get", "accounts", "accounts", "AccountsController@index", "view-accounts"),
            _route("post", "accounts/{id}/test", "accounts.test", "AccountsController@test"),
            _route("get", "images", "images", "ImagesController@index", "view-accounts"),
            _route("post", "images/refresh", "images.refresh", "ImagesController@refresh"),
            _route("post", "images/{id}/switch", "images.switch", "ImagesController@switch"),
        ]
        for page, address in (
            ("add", "accounts/add"),
            ("edit", "accounts/{id}"),
            ("remove", "accounts/{id}/delete"),
        ):
            routes.append(
                _route("get", address, f"accounts.{page}", f"AccountsController@{page}_form")
            )
            routes.append(
                _route(
                    "post", address, f"accounts.{page}.submit", f"AccountsController@{page}_submit"
                )
            )
        return routes


def _number(value: Any, default: int) -> int:
    """A whole number as it was stored, whoever stored it."""
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
