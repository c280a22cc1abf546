"""Modules from folders: what loads, under which names, and what is left of it after unloading."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import weakref
from pathlib import Path

import pytest

from puqpanel.host import discover, registry
from puqpanel.host.loader import load_module, unload
from tests.sample import write_module

SMALLEST = "from puqpanel.sdk import {0}\n\n\nclass {1}({0}):\n    pass\n"


@pytest.mark.parametrize("kind", ["Product", "Plugin", "Payment", "Notification"])
def test_the_smallest_module_of_each_type_loads(tmp_path: Path, kind: str) -> None:
    folder = write_module(tmp_path, SMALLEST.format(kind, "Small"), type=kind, name="Small")
    loaded = load_module(folder, kind, "Small")
    assert (loaded.key, loaded.slug, loaded.blueprint) == (
        f"{kind}/Small",
        f"{kind.lower()}_small",
        f"mod_{kind.lower()}_small",
    )
    assert loaded.cls.module_config("version") == "1.0.0"
    assert loaded.warnings == ()
    unload(loaded.package)


def test_modules_of_a_generation_load_in_one_thread_that_ends(tmp_path: Path) -> None:
    names = ("One", "Two", "Three")
    for name in names:
        source = "import threading\n" + SMALLEST.format("Plugin", name)
        write_module(
            tmp_path, f"{source}    thread = threading.current_thread()\n", type="Plugin", name=name
        )
    found = registry.load(tmp_path, [("Plugin", name, "1.0.0") for name in names])
    (thread,) = {vars(module.cls)["thread"] for module in found.modules.values()}
    assert thread is not threading.current_thread() and thread.name == "load Three"
    assert not thread.is_alive()
    registry.dispose(found)


RICH = """
    import logging
    from puqpanel.sdk import Product
    from .services.CloudClient import CloudClient
    from .models.tables import Base, Server

    log = logging.getLogger(__name__)

    class Rich(Product):
        def client(self):
            return CloudClient(self.config("api.url"))
"""
FILES = {
    "services/CloudClient.py": (
        "from ..models.tables import Server\n\n\nclass CloudClient:\n    def __init__(self, url):\n"
        "        self.url = url\n        self.model = Server\n"
    ),
    "models/tables.py": (
        """
        from puqpanel.sdk import db
        import sqlalchemy as sa

        Base = db.declarative_base()

        class Group(Base):
            __tablename__ = "groups"
            uuid = sa.Column(sa.String(36), primary_key=True)

        class Server(Base):
            __tablename__ = "mod_product_rich_servers"
            id = sa.Column(sa.Integer, primary_key=True)
            group_uuid = sa.Column(sa.ForeignKey("groups.uuid"))
            service_uuid = sa.Column(sa.ForeignKey(db.service_uuid))
    """
    ),
}


def test_relative_imports_tables_and_fresh_names(tmp_path: Path) -> None:
    folder = write_module(tmp_path, RICH, name="Rich", files=FILES)
    one, two = load_module(folder, "Product", "Rich"), load_module(folder, "Product", "Rich")
    assert one.package != two.package
    assert one.cls is not two.cls
    server = one.cls().client().model  # type: ignore[attr-defined]
    assert server.__table__.name == "mod_product_rich_servers"
    assert {key.target_fullname for key in server.__table__.foreign_keys} == {
        "mod_product_rich_groups.uuid",
        "services.uuid",
    }
    assert not list(folder.rglob("*.pyc"))
    unload(one.package)
    unload(two.package)


def test_unloading_leaves_nothing(tmp_path: Path) -> None:
    folder = write_module(tmp_path, RICH, name="Rich", files=FILES)
    loaded = load_module(folder, "Product", "Rich")
    package, cls = loaded.package, weakref.ref(loaded.cls)
    root = package.split(".")[0]
    assert any(name.startswith(package) for name in sys.modules)
    del loaded
    unload(package)
    gc.collect()
    assert not [name for name in sys.modules if name.startswith(root)]
    assert not [name for name in logging.Logger.manager.loggerDict if name.startswith(root)]
    assert cls() is None


def test_an_edit_of_the_same_size_within_a_second_is_seen(tmp_path: Path) -> None:
    source = "from puqpanel.sdk import Product\n\n\nclass Echo(Product):\n    answer = {}\n"
    folder = write_module(tmp_path, source.format(1))
    stamp = (folder / "Echo.py").stat()
    assert load_module(folder, "Product", "Echo").cls.answer == 1  # type: ignore[attr-defined]
    write_module(tmp_path, source.format(2))
    os.utime(folder / "Echo.py", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert load_module(folder, "Product", "Echo").cls.answer == 2  # type: ignore[attr-defined]


def test_folders_as_the_vendor_writes_them(tmp_path: Path) -> None:
    source = """
        from puqpanel.sdk import Product
        from .Services.Client import Client

        class puqThing(Product):
            def adminWebRoutes(self):
                return [{"method": "get", "uri": "servers", "permission": "view-servers", "name": "servers", "controller": "ThingController@servers"}]
    """
    files = {
        "Controllers/ThingController.py": (
            "class ThingController:\n    def servers(self, request):\n        return 'ok'\n"
        ),
        "Services/Client.py": "class Client:\n    pass\n",
    }
    loaded = load_module(
        write_module(tmp_path, source, name="puqThing", files=files), "Product", "puqThing"
    )
    assert loaded.routes[0].permission == "Product-puqThing-view-servers"
    assert [p.key for p in loaded.permissions] == ["Product-puqThing-view-servers"]
    assert len(loaded.warnings) == 2
    assert "lower-case" in loaded.warnings[0]
    assert "admin_permissions() does not declare" in loaded.warnings[1]


def test_restricted_by_version_order(tmp_path: Path) -> None:
    folder = write_module(
        tmp_path, SMALLEST.format("Plugin", "Small"), type="Plugin", name="Small", version="1.10"
    )
    for recorded, restricted in (
        ("", False),
        ("1.10", False),
        ("1.10.0", False),
        ("1.9", True),
        ("1.11", True),
    ):
        assert load_module(folder, "Plugin", "Small", recorded).restricted is restricted


def test_a_refused_module_stops_no_other(tmp_path: Path) -> None:
    write_module(tmp_path, SMALLEST.format("Plugin", "Good"), type="Plugin", name="Good")
    write_module(tmp_path, SMALLEST.format("Plugin", "GOOD"), type="Plugin", name="GOOD")
    write_module(tmp_path, "raise SystemExit(3)\n", type="Plugin", name="Leaves")
    wanted = [("Plugin", name, "1.0.0") for name in ("Leaves", "Good", "GOOD", "Absent")]
    found = registry.load(tmp_path, wanted, generation=7)
    assert list(found.modules) == ["Plugin/Good"]
    assert found.refused["Plugin/Leaves"] == "Leaves.py does not load: SystemExit: 3 (Leaves.py:1)."
    assert "differ only in case" in found.refused["Plugin/GOOD"]
    assert "does not exist" in found.refused["Plugin/Absent"]
    registry.dispose(found)


def test_scan_reads_configs_and_imports_nothing(tmp_path: Path) -> None:
    write_module(tmp_path, "raise RuntimeError('imported')\n", name="Echo", version="2.1")
    (tmp_path / "Product" / "not a module").mkdir()
    (tmp_path / "Product" / "__pycache__").mkdir()
    (tmp_path / "Elsewhere" / "Thing").mkdir(parents=True)
    echo, other = discover.scan(tmp_path)
    assert (echo.key, echo.version, echo.error, echo.config["icon"]) == (
        "Product/Echo",
        "2.1",
        "",
        "fas fa-flask",
    )
    assert "StudlyCase" in other.error


def test_config_is_read_only_callable_and_forgiving(tmp_path: Path) -> None:
    folder = write_module(tmp_path, SMALLEST.format("Product", "Echo"))
    (folder / "config.py").write_text(
        "import os\nCONFIG = {'name': 'E', 'version': '1', 'logo': os.path.dirname(__file__) +"
        " '/views/l.png', 'api': {'url': 'u', 'hosts': ['a']}}\n"
    )
    config = load_module(folder, "Product", "Echo").cls().config
    assert config("api.url") == config["api"]["url"] == config.get("api.url") == "u"
    assert config["nothing"] is config("nothing") is config("api.nothing.more") is None
    assert config("nothing", 3) == 3
    config["api"]["hosts"].append("b")
    assert config("api")("hosts") == ["a"]
    assert config("logo") == f"{folder}/views/l.png"
    with pytest.raises(TypeError):
        config["name"] = "x"  # type: ignore[index]
