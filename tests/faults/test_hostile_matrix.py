"""A hostile module in a running panel: whatever it does, wherever, everybody else's pages
answer and everybody else's work goes on.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.cli.running import Up, puqpanel, wait_for
from tests.sample import write_module

pytestmark = pytest.mark.faults
ACTS = {
    "raises": "raise ValueError('no')",
    "base": "raise type('Odd', (BaseException,), dict())()",
    "leaves": "sys.exit(3)",
    "dies": "os._exit(3)",
    "crashes": "os.kill(os.getpid(), signal.SIGSEGV)",
    "recurses": "return {name}(*given)",
    "leaks": "KEPT.extend(open(os.devnull) for _ in range(300)); return {{'status': 'success'}}",
}
HEAD = (
    "import os, signal, sys, threading, time\nfrom puqpanel.sdk import Hook, Plugin, Event,"
    " Task\n\nKEPT = []\n"
)
FUNCTIONS = "".join(
    f"def {name}(*given):\n    {code.format(name=name)}\n" for name, code in ACTS.items()
)
BAD = (
    HEAD
    + FUNCTIONS
    + """
def hangs(*given):
    while True:
        time.sleep(1)

class Bad(Plugin):
    def admin_web_routes(self):
        return [{"method": "get", "uri": one, "name": one, "permission": "view", "controller": f"PageController@{one}"} for one in NAMES]
    def admin_api_routes(self):
        return [{"method": "get", "uri": one, "name": one, "permission": "view", "controller": f"PageController@{one}"} for one in NAMES]
    def api_webhook_get(self, request):
        return globals()[request.args["act"]]()
    def scheduler(self):
        return [{"name": one, "method": one, "every": 2, "timeout": 2} for one in JOBS if SCHEDULED]

NAMES = [*ACTS, "hangs", "queue", "shown"]
JOBS = [*ACTS, "hangs"]
for one in JOBS:
    setattr(Bad, one, lambda self, one=one: globals()[one]())
""".replace("*ACTS", "*" + repr(list(ACTS)))
)
PAGE = """
from puqpanel.sdk import Event, view_admin_module
from .. import Bad as module

class PageController:
    def queue(self, request):
        Event.dispatch("bad.happened", {})
        return "queued"
    def shown(self, request):
        return view_admin_module("Plugin", "Bad", "page", {"act": getattr(module, request.args["act"])})

for one in [*ACTS, "hangs"]:
    setattr(PageController, one, lambda self, request, one=one: getattr(module, one)())
""".replace("*ACTS", "*" + repr(list(ACTS)))
HOOKS = (
    "from puqpanel.sdk import Hook\nfrom . import Bad as module\nHOOKS = [Hook('bad.happened',"
    f" getattr(module, one)) for one in {list(ACTS)!r}]\n"
)
GOOD = """
    from puqpanel.sdk import Hook, Plugin

    class Good(Plugin):
        def admin_web_routes(self):
            return [{"method": "get", "uri": "page", "name": "page", "permission": "view", "controller": "PageController@page"}]
        def scheduler(self):
            return [{"name": "beats", "method": "beats", "every": 1}]
        def beats(self):
            self.log_info("beat")
            return {"status": "success"}
        def heard(self, payload):
            self.log_info("heard")
"""


@pytest.fixture
def up(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Up]:
    modules, instance = tmp_path / "modules", tmp_path / "instance"
    write_module(
        modules,
        BAD + f"SCHEDULED = {getattr(request, 'param', True)}\n",
        type="Plugin",
        name="Bad",
        files={
            "controllers/PageController.py": PAGE,
            "hooks.py": HOOKS,
            "views/page.html": "{{ act() }}",
        },
    )
    write_module(
        modules,
        GOOD,
        type="Plugin",
        name="Good",
        files={
            "controllers/PageController.py": (
                "class PageController:\n    def page(self, request):\n        return 'all is well"
                " here'\n"
            ),
            "hooks.py": (
                "from puqpanel.sdk import Hook\nHOOKS = [Hook('bad.happened', 'heard', -10)]\n"
            ),
        },
    )
    running = Up(instance, PUQPANEL_MODULES_DIR=str(modules))
    running.ready()
    for name in ("Bad", "Good"):
        said = puqpanel(instance, "module", "activate", name, PUQPANEL_MODULES_DIR=str(modules))
        assert said.returncode == 0, said.stderr
    yield running
    running.destroy()


class Staff:
    """Staff with a browser."""

    def __init__(self, up: Up) -> None:
        self.at = up.address
        self.http = requests.Session()
        password = re.findall(r"admin@example\.test +(\S+)", up.output)[-1]
        token = re.findall(
            r'name="csrf_token"[^>]*value="([^"]+)"', self.get("/admin/signin").text
        )[0]
        answer = self.http.post(
            self.at + "/admin/signin",
            data={"csrf_token": token, "email": "admin@example.test", "password": password},
            timeout=20,
        )
        assert answer.status_code == 200, answer.status_code

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.at + path, timeout=60)

    def suffers(self, path: str) -> None:
        """Opens a page of the bad module; it may be answered or cut off."""
        with contextlib.suppress(requests.RequestException):
            self.get(path)

    def press(self, path: str) -> None:
        """Sends a form of a page of staff."""
        token = re.findall(
            r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"',
            self.get("/admin/modules/").text,
        )[0]
        assert (
            self.http.post(self.at + path, data={"csrf_token": token}, timeout=60).status_code
            == 200
        )

    def all_is_well(self) -> bool:
        """Whether everybody else's pages answer; a connection may be cut where its process was
        just ended, and is tried again as browsers do.
        """
        for path, text in (
            ("/admin/", "Dashboard"),
            ("/admin/modules/Plugin/Good/page", "all is well here"),
            ("/client/signin", "Sign in"),
        ):
            for _ in range(3):
                with contextlib.suppress(requests.ConnectionError):
                    answer = self.get(path)
                    break
            else:
                return False
            if answer.status_code != 200 or text not in answer.text:
                return False
        return True


def count(up: Up, action: str) -> int:
    with contextlib.closing(sqlite3.connect(up.instance / "puqpanel.db", timeout=20)) as database:
        return int(
            database.execute(
                "SELECT COUNT(*) FROM module_log WHERE name = 'Good' AND action = ?", [action]
            ).fetchone()[0]
        )


def states(up: Up) -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(up.instance / "puqpanel.db", timeout=20)) as database:
        rows = database.execute(
            "SELECT name, CASE WHEN circuit_open_reason <> '' THEN 'failing' ELSE status END FROM modules"
        ).fetchall()
    return dict(rows)


@pytest.mark.parametrize(
    ("place", "acts"),
    [
        ("/admin/modules/Plugin/Bad/{act}", list(ACTS)),
        ("/admin/modules/Plugin/Bad/shown?act={act}", ["raises", "dies", "recurses"]),
        ("/webhooks/Plugin/Bad?act={act}", ["base", "leaves", "crashes"]),
    ],
    ids=["page", "template", "webhook"],
)
@pytest.mark.parametrize("up", [False], indirect=True, ids=[""])
def test_in_a_page(up: Up, place: str, acts: list[str]) -> None:
    staff = Staff(up)
    for act in acts:
        staff.suffers(place.format(act=act))
        assert staff.all_is_well(), act
        if states(up)["Bad"] != "active":
            staff.press("/admin/modules/switch/Plugin/Bad/reload")
        assert states(up)["Bad"] == "active"
    threading.Thread(target=staff.suffers, args=(place.format(act="hangs"),), daemon=True).start()
    for _ in range(3):
        assert staff.all_is_well(), "hangs"
    before = count(up, "beat")
    wait_for(lambda: count(up, "beat") > before, what="the good module's work")
    assert states(up)["Good"] == "active"


def test_in_work(up: Up) -> None:
    """Every act as scheduled work at once, and as listeners: the good module's beats and its
    listener go on.
    """
    staff = Staff(up)
    wait_for(lambda: states(up)["Bad"] in ("failing", "error"), 120, what="the breaker")
    before = count(up, "beat")
    wait_for(lambda: count(up, "beat") > before + 2, 120, what="the good module's work")
    assert staff.all_is_well()
    assert "queued" in staff.get("/admin/modules/Plugin/Bad/queue").text
    wait_for(lambda: count(up, "heard") == 1, 120, what="the good module's listener")
    assert states(up)["Good"] == "active"
