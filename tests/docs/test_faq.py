"""What the troubleshooting page says that the panel says, the panel says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from puqpanel.domain.errors import UserError
from puqpanel.host.containment import load_timeout
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module
from puqpanel.infra import queue
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.operations.modules import crashes
from puqpanel.operations.oversight import health
from tests.sample import write_module

FAQ = " ".join((ROOT / "docs" / "faq.md").read_text("utf-8").split())
PRODUCT = "from puqpanel.sdk import Product\nclass Echo(Product):\n    pass\n"
ROUTE = {
    "method": "get",
    "uri": "servers",
    "name": "servers",
    "permission": "see",
    "controller": "ServersController@index",
}
CONTROLLER = {
    "controllers/ServersController.py": (
        "class ServersController:\n    def index(self, request):\n        return ''\n"
    )
}


def product(hook: str, answer: object, more: str = "") -> str:
    return (
        f"from puqpanel.sdk import Product\nclass Echo(Product):\n    def {hook}(self):\n       "
        f" return {answer!r}\n{more}"
    )


REFUSED = [
    (
        "import forms\n" + PRODUCT,
        {"forms.py": ""},
        (
            "Echo.py does not load: ModuleNotFoundError: No module named 'forms' (Echo.py:1); use"
            " from .forms import …."
        ),
    ),
    (
        PRODUCT.replace("Echo", "Ecko"),
        {},
        "Echo.py defines no class Echo; it defines Ecko: folder, file and class share one name.",
    ),
    (
        PRODUCT.replace("Product", "Plugin"),
        {},
        "The class Echo extends Plugin but is in modules/Product/; extend Product.",
    ),
    (
        PRODUCT,
        {"config.py": 'CONFIG = {"name": "Echo"}'},
        "CONFIG in config.py has no “version” text.",
    ),
    (
        PRODUCT,
        {"config.py": 'CONFIG = {"name": "Echo", "version": 0.1}'},
        'The “version” in config.py is the number 0.1; it must be a string: "0.1".',
    ),
    ("x = (\n", {}, "Echo.py has a syntax error: '(' was never closed (Echo.py:1)."),
    (
        PRODUCT.replace(
            "    pass",
            "    def getProductData(self, data): ...\n    def get_product_data(self, data): ...",
        ),
        {},
        "Echo defines both getProductData and get_product_data; keep one of them.",
    ),
    (
        product(
            "get_client_area_menu_config",
            {"general": {"name": "General", "template": "client_area.general"}},
        ),
        {},
        (
            "The tab “general” has the template “client_area.general”, but"
            " views/client_area/general.html does not exist."
        ),
    ),
    (
        product(
            "admin_web_routes",
            [{key: value for key, value in ROUTE.items() if key != "permission"}],
        ),
        CONTROLLER,
        "The route “servers” has no “permission”.",
    ),
    (
        product("admin_web_routes", [ROUTE | {"controller": "ServersController@list"}]),
        CONTROLLER,
        (
            "The route “servers” points to ServersController@list, but ServersController has no"
            " public method list."
        ),
    ),
    (
        product(
            "admin_web_routes",
            [ROUTE],
            "    def admin_sidebar(self):\n        return"
            f" {[{'title': 'Servers', 'link': 'server', 'permission': 'see'}]!r}\n",
        ),
        CONTROLLER,
        (
            "The sidebar entry “Servers” links to “server”, but admin_web_routes() has no route of"
            " that name."
        ),
    ),
    (
        PRODUCT,
        {"hooks.py": "from puqpanel.sdk import Hook\nHOOKS = [Hook('service.created', print)]"},
        (
            "hooks.py: The panel has no event “service.created”; did you mean"
            " service.create_succeeded?"
        ),
    ),
    (
        PRODUCT,
        {"hooks.py": "hooks = []"},
        "hooks.py defines no HOOKS = [Hook(event, listener, priority), …] list.",
    ),
    (
        PRODUCT,
        {"hooks.py": "from puqpanel.sdk import Hook\nHOOKS = [Hook('service.create', 'heard')]"},
        "hooks.py: service.create calls heard(), but the class Echo has no such method.",
    ),
    (
        product("scheduler", [{"name": "tidy", "method": "create_job", "cron": "every day"}]),
        {},
        (
            "The entry “tidy” of scheduler() has the cron expression “every day”; use five fields such"
            " as */5 * * * * (minute, hour, day, month, weekday)."
        ),
    ),
    (
        product("scheduler", [{"name": "tidy", "method": "create_job"}]),
        {},
        "The entry “tidy” of scheduler() needs either “cron” or “every”.",
    ),
    (
        product("scheduler", [{"name": "tidy", "method": "tidy", "every": "1d"}]),
        {},
        "The entry “tidy” of scheduler() calls tidy(), but the class Echo has no such method.",
    ),
]


@pytest.mark.parametrize(
    ("source", "files", "says"), REFUSED, ids=[says[:40] for _, _, says in REFUSED]
)
def test_what_is_refused(tmp_path: Path, source: str, files: dict[str, str], says: str) -> None:
    folder = write_module(tmp_path, source, files=files)
    with pytest.raises(Refused) as refused:
        load_module(folder, "Product", "Echo")
    assert str(refused.value) == says
    assert says in FAQ


def test_files_of_another_name(tmp_path: Path) -> None:
    folder = write_module(tmp_path, PRODUCT)
    (folder / "Echo.py").rename(folder / "echo.py")
    with pytest.raises(Refused) as refused:
        load_module(folder, "Product", "Echo")
    assert str(refused.value) in FAQ
    (folder / "echo.py").rename(folder / "Echo.py")
    (folder / "config.py").unlink()
    with pytest.raises(Refused) as refused:
        load_module(folder, "Product", "Echo")
    assert str(refused.value) in FAQ


def test_one_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_timeout, "LOAD_SECONDS", 0.3)
    folder = write_module(tmp_path, "import time\nwhile True:\n    time.sleep(0.01)\n")
    with pytest.raises(Refused) as refused:
        load_module(folder, "Product", "Echo")
    assert "did not finish within 0.3 seconds" in str(refused.value)
    assert str(refused.value).replace("0.3", "10") in FAQ


@pytest.fixture
def alone(settings: Settings) -> Iterator[Settings]:
    """A panel of which nothing runs, with a queue server that is away."""
    url = queue.server_url()
    queue.use_server("redis://127.0.0.1:1/0")
    yield replace(settings, redis_url="redis://127.0.0.1:1/0")
    queue.use_server(url)


def test_what_doctor_says(alone: Settings) -> None:
    found = {check.name: check for check in health.look(alone).checks}
    assert str(found["workers"].text) in FAQ
    assert str(found["schedule"].text) in FAQ
    assert "The queue server (PUQPANEL_REDIS_URL) does not respond" in str(found["queue"].text)
    assert "The queue server (PUQPANEL_REDIS_URL) does not respond" in FAQ


def test_what_a_parked_task_says() -> None:
    from puqpanel.jobs import modules
    from puqpanel.operations.modules import availability

    source = Path(str(availability.__file__)).read_text("utf-8")
    for text in ("The module %(key)s is not active.", "The module %(key)s needs an update."):
        assert text in source
        assert f"{text} {modules.RESUMES}".replace("%(key)s", "Product/Echo") in FAQ


def test_what_a_module_that_ends_processes_says() -> None:
    assert str(crashes.AT_IMPORT) in FAQ


def test_what_else_it_quotes(tmp_path: Path) -> None:
    from puqpanel.host import languages
    from puqpanel.operations.modules import availability
    from puqpanel.operations.provisioning import reconciliation
    from puqpanel.sdk import Task
    from puqpanel.sdk.testing import SERVICE, Lab
    from puqpanel.web import errors

    assert str(errors.MESSAGES[403][1]) in FAQ
    changed = (
        "Version %(disk)s is installed, but %(recorded)s is active; update the module. Its"
        " services can't be managed until then."
    )
    assert changed in _texts(Path(str(availability.__file__)))
    assert changed % {"recorded": "1.0.0", "disk": "1.1.0"} in FAQ
    for module, text in (
        (reconciliation, "The operation was in progress, but its task no longer exists."),
        (health, "Skipped, because the tables are not up to date."),
    ):
        assert text in _texts(Path(str(module.__file__)))
        assert text in FAQ
    folder = write_module(tmp_path, PRODUCT, files={"lang/pl.po": "msgid text\n"})
    (problem,) = languages.read(folder).problems
    assert problem.startswith("lang/pl.po, line 1: it is not a gettext catalog")
    assert "“lang/pl.po, line 1: it is not a gettext catalog”" in FAQ
    (folder / "lang/pl.po").unlink()
    with Lab(folder) as lab, pytest.raises(UserError) as refused:
        Task.add("ModuleJob", "Module", {"module": lab.module(SERVICE), "method": "create_jobb"})
    assert str(refused.value) in FAQ


def _texts(file: Path) -> str:
    """Return a source with the parts of its long texts joined."""
    return re.sub(r'"\n\s*f?"', "", file.read_text("utf-8"))
