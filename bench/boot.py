"""CPU time of startup compared with bare imports, and per module compared with a bare blueprint.

Both sides run in their own processes, once before they are measured, so that both have compiled
code: .pyc files, and those of modules' files in the panel's own cache.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from bench.measure import backend, figure, interleaved, temporary_panel
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.models import Module

MODULE = '''"""A module with a page, a permission and a tab."""
from puqpanel.sdk import Product


class {name}(Product):
    def create_job(self):
        return {{"status": "success"}}

    def admin_permissions(self):
        return [{{"name": "View", "key": "view", "description": "View it"}}]

    def admin_sidebar(self):
        return [{{"title": "Page", "link": "page", "active_links": ["page"], "permission": "view"}}]

    def admin_web_routes(self):
        return [
            {{
                "method": "get",
                "uri": "page",
                "permission": "view",
                "name": "page",
                "controller": "PageController@page",
            }}
        ]

    def get_client_area_menu_config(self):
        return {{"general": {{"name": "General", "template": "client_area.general"}}}}

    def variables_general(self):
        return {{}}
'''
CONTROLLER = """class PageController:
    def page(self, request):
        return "a page"
"""
CONFIG = """CONFIG = {{
    "name": "{name}",
    "version": "1.0.0",
    "description": "",
    "author": "",
    "icon": "fas fa-cube",
}}
"""
ROUNDS = 11
"""Rounds per number of modules: a difference between two starts varies more than a start."""
WITHOUT = ("PYTHONDONTWRITEBYTECODE",)
"""Environment variables that would make each process compile all files again."""
BARE_IMPORTS = (
    "import flask, flask_sqlalchemy, flask_login, flask_wtf, wtforms, flask_limiter, rq, redis,"
    " alembic, cryptography.fernet, requests, argon2, structlog"
)
# The same files, imported without the panel and registered as blueprints.
BARE_MODULES = """
import importlib.util, sys, time
from pathlib import Path
from flask import Blueprint, Flask
from puqpanel.sdk import Product
begin = time.process_time()
app = Flask("bare")
for folder in sorted((Path(sys.argv[1]) / "Product").iterdir()):
    parts = []
    controller = folder / "controllers" / "PageController.py"
    for path in (folder / "config.py", folder / f"{folder.name}.py", controller):
        spec = importlib.util.spec_from_file_location(f"bare_{folder.name}_{path.stem}", path)
        part = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(part)
        parts.append(part)
    instance = getattr(parts[1], folder.name)()
    blueprint = Blueprint(folder.name, folder.name)
    for route in instance.admin_web_routes():
        rule = f"/admin/modules/Product/{folder.name}/{route['uri']}"
        blueprint.add_url_rule(rule, route["name"], parts[2].PageController().page)
    app.register_blueprint(blueprint)
print(time.process_time() - begin)
"""
OURS = """
import sys, time
from puqpanel.infra.settings import Settings
import puqpanel.app, puqpanel.sdk, puqpanel.web.register
begin = time.process_time()
app = puqpanel.app.create_app(Settings.load())
print(time.process_time() - begin)
"""
OURS_WHOLE = (
    "from puqpanel.infra.settings import Settings; import puqpanel.app;"
    " puqpanel.app.create_app(Settings.load())"
)


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure startup without modules, and the time that each of 10, 100 and 1,000 modules adds.

    Args:
        n: Use only this number of modules.
        database: URL of an empty database; by default, SQLite.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pqb-") as empty,
        temporary_panel(database, Path(empty)) as settings,
    ):
        _cpu(OURS_WHOLE, settings), _cpu(BARE_IMPORTS, settings)
        ours, bare = interleaved(
            lambda: _cpu(OURS_WHOLE, settings), lambda: _cpu(BARE_IMPORTS, settings)
        )
        yield figure(
            "startup without modules", backend(settings.database_url), ours, bare, "s", 1.3
        )
    for count in (n,) if n else (10, 100, 1000):
        with (
            tempfile.TemporaryDirectory(prefix="pqb-") as folder,
            temporary_panel(database, Path(folder)) as settings,
        ):
            _write(Path(folder), count)
            _install(settings, count)
            _added(settings), _inner(BARE_MODULES, settings, folder)
            ours, bare = interleaved(
                lambda settings=settings: _added(settings),
                lambda settings=settings, folder=folder: _inner(BARE_MODULES, settings, folder),
                rounds=ROUNDS,
            )
            yield figure(
                f"startup time per module, of {count:,}",
                backend(settings.database_url),
                ours / count * 1000,
                bare / count * 1000,
                "ms",
                1.3,
            )


def _write(base: Path, count: int) -> None:
    for number in range(count):
        name = f"Bench{number:04d}"
        folder = base / "Product" / name
        for path, text in (
            (f"{name}.py", MODULE.format(name=name)),
            (
                "config.py",
                CONFIG.format(name=name),
            ),
            ("controllers/PageController.py", CONTROLLER),
            ("views/client_area/general.html", "<p>General</p>\n"),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)


def _added(settings: Settings) -> float:
    """Return the CPU seconds that the modules add: both starts in turn, under the same load."""
    seconds = []
    for status in ("inactive", "active"):
        with (
            engine_for(settings.database_url)
            .connect()
            .execution_options(panel_write=True) as connection,
            connection.begin(),
        ):
            connection.execute(sa.update(Module).values(status=status))
        seconds.append(_inner(OURS, settings))
    without, with_modules = seconds
    return with_modules - without


def _install(settings: Settings, count: int) -> None:
    rows = [
        {
            "type": "Product",
            "name": f"Bench{number:04d}",
            "version": "1.0.0",
            "status": "inactive",
            "reason": "",
        }
        for number in range(count)
    ]
    with (
        engine_for(settings.database_url)
        .connect()
        .execution_options(panel_write=True) as connection,
        connection.begin(),
    ):
        connection.execute(sa.insert(Module), rows)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in WITHOUT},
        "PYTHONPYCACHEPREFIX": str(settings.instance / "pycache"),
        "PUQPANEL_INSTANCE": str(settings.instance),
        "PUQPANEL_DATABASE_URL": settings.database_url,
        "PUQPANEL_REDIS_URL": settings.redis_url,
        "PUQPANEL_MODULES_DIR": str(settings.modules_dir),
        "PYTHONPATH": str(ROOT),
    }


def _run(code: str, settings: Settings, *arguments: str) -> str:
    completed = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=_environment(settings),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return completed.stdout


def _cpu(code: str, settings: Settings) -> float:
    """Return the CPU seconds of a process that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(code, settings)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _inner(code: str, settings: Settings, *arguments: str) -> float:
    return float(_run(code, settings, *arguments))
