"""The contract suite: a correct module passes, and each defect fails its probe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.infra.settings import ROOT
from puqpanel.sdk.testing import Line, run_suite
from puqpanel.sdk.testing.contract import probes
from tests.sample import write_module

PROVIDER = """
    from contextlib import contextmanager
    from puqpanel.sdk.testing import Provider, Reply, Supply

    class Cloud(Provider):
        def __init__(self):
            super().__init__()
            self.accounts = {}

        def work(self, request):
            name = request.path.rpartition("/")[2]
            if request.method == "GET":
                return Reply.of({"name": name, **self.accounts[name]}) if name in self.accounts else Reply.of({}, 404)
            if request.method == "POST":
                name = f"a{len(self.accounts) + 1}" if name == "new" else name
                self.accounts.setdefault(name, {"state": "active"})
            if request.method == "PUT" and name in self.accounts:
                self.accounts[name]["state"] = request.json["state"]
            if request.method == "DELETE":
                self.accounts.pop(name, None)
            return Reply.of({"name": name})

    @contextmanager
    def provider():
        with Cloud() as cloud:
            yield Supply(faults=cloud, product={"url": cloud.url}, service={"username": "lumen", "api_key": "opensesame-1"},
                         accounts=lambda: {name: one["state"] for name, one in cloud.accounts.items()})
"""
GOOD = """
    from puqpanel.sdk import Product, Result, http

    class Echo(Product):
        repeatable = ("create_job", "suspend_job", "unsuspend_job", "termination_job", "change_package_job")

        def _ask(self, method, path, **options):
            answer = http.session(self.product_data["url"]).request(method, path, **options)
            if answer.ok and isinstance(answer.data, dict) and answer.data.get("name"):
                return Result.success()
            return Result.error(answer.error or "It cannot be read.", retry=False)

        def create_job(self):
            return self._ask("POST", self.service_data["username"])

        def suspend_job(self):
            return self._ask("PUT", self.service_data["username"], json={"state": "suspended"})

        def unsuspend_job(self):
            return self._ask("PUT", self.service_data["username"], json={"state": "active"})

        def change_package_job(self):
            return self._ask("PUT", self.service_data["username"], json={"state": "active"})

        def termination_job(self):
            return self._ask("DELETE", self.service_data["username"])

        def observe(self):
            seen = http.session(self.product_data["url"]).get(self.service_data["username"], expected=(404,))
            return {"exists": seen.ok, "suspended": seen.ok and seen.data["state"] == "suspended"}
"""


def card(tmp_path: Path, source: str, *only: str, provider: str = PROVIDER) -> dict[str, Line]:
    """Return the outcomes of a module's probes by name."""
    folder = write_module(
        tmp_path, source, files={"tests/provider.py": provider} if provider else None
    )
    return {line.probe: line for line in run_suite(folder, only)}


def test_correct_module_passes_every_probe(tmp_path: Path) -> None:
    lines = card(tmp_path, GOOD)
    assert [line for line in lines.values() if line.outcome == "failed"] == []
    assert sum(line.outcome == "passed" for line in lines.values()) > 30
    assert {line.probe for line in lines.values() if line.outcome == "not tested"} == {
        "migrations down and up",
        "admin pages respond",
        "admin pages require sign-in",
        "client tabs",
        "client tabs without the provider",
        "scheduled jobs twice",
        "malformed events",
    }


def test_a_tab_that_fails_names_the_error_and_its_place(tmp_path: Path) -> None:
    folder = write_module(
        tmp_path,
        GOOD
        + """
        def get_client_area_menu_config(self):
            return {"general": {"name": "General", "template": "client_area.general"}}

        def variables_general(self):
            return {}
""",
        files={
            "tests/provider.py": PROVIDER,
            "views/client_area/general.html": "<p>\n{{ server.name }}</p>",
        },
    )
    [line] = run_suite(folder, ("client tabs",))
    assert line.outcome == "failed"
    assert "UndefinedError: 'server' is undefined (views/client_area/general.html:2)" in (
        line.message
    )


BROKEN = {
    "create twice": (
        'self._ask("POST", self.service_data["username"])',
        'self._ask("POST", "new")',
        "2 accounts",
    ),
    "create while the provider returns garbage": (
        'if answer.ok and isinstance(answer.data, dict) and answer.data.get("name"):',
        "if answer.ok:",
        "succeeded although",
    ),
    "create while the provider returns 500": (
        'return Result.error(answer.error or "It cannot be read.", retry=False)',
        "return Result.success()",
        "succeeded although",
    ),
    "suspend while the provider returns 500": (
        'return Result.error(answer.error or "It cannot be read.", retry=False)',
        'raise KeyError("x")',
        "raised",
    ),
    "create while the provider completes but drops the connection": (
        'self._ask("POST", self.service_data["username"])',
        'self._ask("POST", "new")',
        "2 accounts",
    ),
    "create with a worker crash": (
        'self._ask("POST", self.service_data["username"])',
        'self._ask("POST", "new")',
        "2 accounts",
    ),
    "observe matches the provider": ('"exists": seen.ok', '"exists": True', "still reports"),
    "full lifecycle": (
        '{"state": "suspended"}',
        '{"state": "active"}',
        "After suspend the account",
    ),
    "no secret in the log": (
        "def create_job(self):\n",
        (
            "def create_job(self):\n            self.log_info('making', 'with ' +"
            " self.service_data['api_key'])\n"
        ),
        "The module log contains",
    ),
    "module check": (
        "def create_job(self):\n",
        (
            "def create_job(self):\n            import os; os.kill\n            os._exit\n         "
            "   None and os.kill(1, 2)\n"
        ),
        "reports errors: 1",
    ),
    "activated twice": (
        "repeatable = (",
        "def activate(self):\n            return 'not today'\n        repeatable = (",
        "not today",
    ),
    "product and service forms": (
        "repeatable = (",
        (
            "def save_product_data(self, data=None):\n            return {'a':"
            " data['url'].strip()}\n        repeatable = ("
        ),
        "raised",
    ),
}


@pytest.mark.parametrize("probe", BROKEN)
def test_broken_module_fails_its_probe(probe: str, tmp_path: Path) -> None:
    before, after, says = BROKEN[probe]
    assert before in GOOD
    line = card(tmp_path, GOOD.replace(before, after), probe)[probe]
    assert (line.outcome, says in line.message) == ("failed", True), line


def test_probes_need_a_provider(tmp_path: Path) -> None:
    lines = card(tmp_path, GOOD, provider="")
    assert lines["full lifecycle"] == Line(
        "full lifecycle",
        "not tested",
        "There is no tests/provider.py.",
        lines["full lifecycle"].seconds,
    )
    assert lines["activated twice"].outcome == "passed"
    assert not [
        line
        for line in lines.values()
        if "while the provider" in line.probe and line.outcome != "not tested"
    ]


def test_refused_module_fails(tmp_path: Path) -> None:
    (line,) = card(tmp_path, "class Other: pass", "activated twice").values()
    assert line.outcome == "failed"
    assert "The module was refused" in line.message


CHANNEL = """
    from puqpanel.sdk import Notification, Result, http

    class Echo(Notification):
        def send(self, data):
            if not data.get("to"):
                return Result.error("Nobody to send it to.", retry=False)
            answer = http.session(self.module_data["url"]).post("send", json={"to": data["to"]})
            return Result.success() if answer.ok and answer.data else Result.error(answer.error or "It cannot be read.")
"""
CHANNEL_PROVIDER = """
    from contextlib import contextmanager
    from puqpanel.sdk.testing import Provider, Reply, Supply

    @contextmanager
    def provider():
        with Provider(lambda request: Reply.of({"id": 1})) as channel:
            yield Supply(faults=channel, settings={"url": channel.url})
"""


def of_type(tmp_path: Path, type: str, source: str, provider: str, *only: str) -> dict[str, Line]:
    files = {"tests/provider.py": provider} if provider else None
    return {
        line.probe: line
        for line in run_suite(write_module(tmp_path, source, type=type, files=files), only)
    }


def test_notification_channel(tmp_path: Path) -> None:
    good = of_type(tmp_path / "good", "Notification", CHANNEL, CHANNEL_PROVIDER)
    assert [line for line in good.values() if line.outcome == "failed"] == []
    assert {"sending", "sending invalid messages", "sending while the channel fails"} <= {
        line.probe for line in good.values() if line.outcome == "passed"
    }
    deaf = of_type(
        tmp_path / "deaf",
        "Notification",
        CHANNEL.replace("if answer.ok and answer.data", "if True"),
        CHANNEL_PROVIDER,
    )
    assert (
        deaf["sending while the channel fails"].message == "During 500 the message counted as sent."
    )
    rash = of_type(
        tmp_path / "rash",
        "Notification",
        CHANNEL.replace('data.get("to")', 'data["to"]'),
        CHANNEL_PROVIDER,
    )
    assert rash["sending invalid messages"].outcome == "failed"


def test_payment_gateway(tmp_path: Path) -> None:
    source = """
        from puqpanel.sdk import Payment, json_success

        class Echo(Payment):
            def get_client_area_html(self, data=None):
                return str(data["invoice"].due_amount)

            def api_webhook_post(self, request):
                return json_success({"id": request.get_json()["id"]})
    """
    lines = of_type(tmp_path, "Payment", source, "")
    assert lines["client page on a sample invoice"].outcome == "passed"
    assert lines["webhook with invalid data"].outcome == "failed"
    assert "returned 500" in lines["webhook with invalid data"].message
    assert lines["refund"].message == "The module has no refund()."


def test_plugin(tmp_path: Path) -> None:
    source = """
        from puqpanel.sdk import Plugin

        class Echo(Plugin):
            runs = 0

            def scheduler(self):
                return [{"name": "Once", "method": "once", "every": "1h"}]

            def once(self):
                type(self).runs += 1
                return {"status": "success"} if self.runs < 2 else {"status": "error", "message": "There it is already."}

            def hear(self, payload):
                return payload["service_uuid"]
    """
    folder = write_module(
        tmp_path,
        source,
        type="Plugin",
        files={
            "hooks.py": (
                "from puqpanel.sdk import Hook\nHOOKS = [Hook('service.create_failed', 'hear')]\n"
            )
        },
    )
    lines = {line.probe: line for line in run_suite(folder)}
    assert lines["scheduled jobs twice"].message == "“Once”, second run: There it is already."
    assert lines["malformed events"].outcome == "failed"


@pytest.mark.parametrize(
    ("job", "left"),
    [
        ("SEEN.append(1)", "Echo.SEEN"),
        ("type(self).runs += 1", "Echo.Echo.runs"),
        ("size(self, len(SEEN) + id(self))", "Echo.size"),
        ("os.environ['ECHO'] = os.environ.get('ECHO', '') + 'x'", "the environment"),
        ("KNOWN.setdefault('pattern', 1)", ""),
    ],
)
def test_jobs_that_leave_something_in_memory_are_found(
    tmp_path: Path, job: str, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHO", "")
    source = f"""
        import functools, os
        from puqpanel.sdk import Plugin

        SEEN, KNOWN = [], {{}}

        @functools.lru_cache
        def size(of, number):
            return number

        class Echo(Plugin):
            runs = 0

            def scheduler(self):
                return [{{"name": "Once", "method": "once", "every": "1h"}}]

            def once(self):
                {job}
                return {{"status": "success"}}
    """
    folder = write_module(tmp_path, source, type="Plugin")
    [line] = run_suite(folder, ["jobs leave nothing in memory"])
    assert line.outcome == ("failed" if left else "passed"), line.message
    assert left in line.message


def test_suite_runs_in_the_modules_own_pytest(tmp_path: Path) -> None:
    suite = """
        from pathlib import Path
        from puqpanel.sdk.testing import ContractSuite

        class TestContract(ContractSuite):
            folder = Path(__file__).parents[1]
    """
    folder = write_module(
        tmp_path, GOOD, files={"tests/provider.py": PROVIDER, "tests/test_echo.py": suite}
    )
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:playwright",
            "-p",
            "no:cacheprovider",
            str(folder / "tests"),
            "-k",
            "life or twice",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout
    assert "1 skipped" in run.stdout


def test_every_type_has_its_probes() -> None:
    names = {
        kind: {one.name for one in probes(kind)}
        for kind in ("Product", "Plugin", "Payment", "Notification")
    }
    assert "create with a worker crash" in names["Product"] - names["Plugin"]
    assert "refund" in names["Payment"] - names["Notification"]
    assert "sending" in names["Notification"] - names["Payment"]
    assert set.intersection(*names.values()) >= {
        "activated twice",
        "admin pages respond",
        "scheduled jobs twice",
        "malformed events",
        "jobs leave nothing in memory",
    }


@pytest.mark.parametrize(
    ("good", "broken", "sentence"),
    [
        ('"exists": seen.ok', '"exists": seen.http_code', "exists and suspended as True or False"),
        ('"suspended": seen.ok and', '"suspended": "yes" or', "exists and suspended as True"),
        (
            '"suspended": seen.ok and seen.data["state"] == "suspended"',
            '"suspended": False',
            "After suspend the service is suspended, but observe() reports",
        ),
        (
            '"exists": seen.ok,',
            '"exists": seen.ok, "data": {"account": "lumen"},',
            "differ from the data of the service: account",
        ),
        ('"exists": seen.ok,', '"exists": seen.ok, "data": ["lumen"],', "data as a dictionary"),
    ],
)
def test_what_is_wrong_with_observe(tmp_path: Path, good: str, broken: str, sentence: str) -> None:
    assert good in GOOD
    probe = "observe matches the provider"
    line = card(tmp_path, GOOD.replace(good, broken), probe)[probe]
    assert (line.outcome, sentence in line.message) == ("failed", True), line.message


def test_a_step_that_fails_is_reported_once(tmp_path: Path) -> None:
    before = 'return self._ask("POST", self.service_data["username"])'
    assert before in GOOD
    lines = card(tmp_path, GOOD.replace(before, before.removeprefix("return ")))
    failed = {name: line.message for name, line in lines.items() if line.outcome == "failed"}
    assert list(failed) == ["module check", "full lifecycle"]
    assert failed["full lifecycle"].endswith(
        "create_job() must return a Result such as Result.success(...), but returned None."
    )
    assert lines["suspend twice"].outcome == "not tested"
    assert lines["suspend twice"].message == "Needs create, which failed in “full lifecycle”."
    # a probe that runs on its own reports the failure itself
    alone = card(tmp_path, GOOD.replace(before, before.removeprefix("return ")), "suspend twice")
    assert alone["suspend twice"].outcome == "failed"


def test_an_activation_that_fails_is_reported_once(tmp_path: Path) -> None:
    source = GOOD.replace(
        "repeatable = (", "def activate(self): return True\n        repeatable = ("
    )
    lines = card(tmp_path, source)
    failed = {name: line.message for name, line in lines.items() if line.outcome == "failed"}
    assert failed == {
        "activated twice": 'activate() failed: activate() must return "success", but returned True.'
    }
