"""The checker: each rule finds what it is for, with file and line, and leaves alone what is
right.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from textwrap import dedent

import pytest

from puqpanel.host import checks, discover
from puqpanel.host.checks import Finding, Severity
from puqpanel.host.checks.spelling import VALIDATOR
from puqpanel.infra.settings import ROOT
from tests.sample import write_module


def look(
    tmp_path: Path,
    main: str = "",
    *,
    type: str = "Product",
    files: dict[str, str] | None = None,
    config: str = "",
) -> dict[str, list[Finding]]:
    """The findings about a module, by rule."""
    source = main or f"from puqpanel.sdk import {type}\n\n\nclass Echo({type}):\n    pass\n"
    folder = write_module(tmp_path, source, type=type, files=files)
    if config:
        (folder / "config.py").write_text(config)
    ((_, found),) = checks.check([discover.Found(type, "Echo", folder)])
    by_rule: dict[str, list[Finding]] = {}
    for finding in found:
        by_rule.setdefault(finding.rule, []).append(finding)
    return by_rule


def of_class(body: str, type: str = "Product", imports: str = "") -> str:
    """A main file with this in its class."""
    indented = "\n".join(
        "    " + line if line else "" for line in dedent(body).strip().splitlines()
    )
    return (
        f"from puqpanel.sdk import DB, Event, Result, {type}, Service, Task, Validator, __,"
        f" json_error\n{imports}\n\n\nclass Echo({type}):\n{indented}\n"
    )


BODY = {
    "missing-job-method": (
        "def create(self):\n    return {'status': 'success'}",
        (
            "def create(self):\n    return super().create()\ndef create_job(self):\n    return"
            " {'status': 'success'}"
        ),
    ),
    "unknown-job": (
        (
            "def create_job(self):\n    Task.add('ModuleJob', 'Module', {'module': self, 'method':"
            " 'chekJob'})\ndef check_job(self):\n    pass"
        ),
        (
            "def create_job(self):\n    Task.add('ModuleJob', 'Module', {'module': self, 'method':"
            " 'check_job'})\ndef check_job(self):\n    pass"
        ),
    ),
    "orphan-tab-method": (
        (
            "def get_client_area_menu_config(self):\n    return {}\ndef variables_general(self):\n "
            "   return {}"
        ),
        "def helper(self):\n    return {}",
    ),
    "panel-event": (
        "def create_job(self):\n    Event.dispatch('service.created', {})",
        "def create_job(self):\n    Event.dispatch('echo.created', {})",
    ),
    "vendor-spelling": (
        "def createJob(self):\n    self.logInfo('x')",
        "def create_job(self):\n    self.log_info('x')",
    ),
    "misspelt-hook": (
        "def terminate_job(self):\n    return Result.success()",
        (
            "def termination_job(self):\n    return Result.success()\ndef create_jobs(self):\n   "
            " return self.creates_job()\ndef creates_job(self):\n    return Task.add('ModuleJob',"
            " 'Module', {'module': self, 'method': 'create_jobs'})"
        ),
    ),
    "unknown-validator-rule": (
        (
            "def save_product_data(self, data=None):\n    return Validator.make(data, {'a':"
            " 'required|intger|min:1'})"
        ),
        (
            "def save_product_data(self, data=None):\n    return Validator.make(data, {'a':"
            " 'required|integer|regex:/^a|b$/|max:9'})"
        ),
    ),
    "secret-logged": (
        (
            "def create_job(self):\n    self.log_info('made', f\"with"
            " {self.service_data['password']}\")"
        ),
        (
            "def create_job(self):\n    self.log_info('made', {'user':"
            " self.service_data['username'], 'has': bool(self.service_data.get('password'))})"
        ),
    ),
    "swallows-timeout": (
        (
            "def create_job(self):\n    try:\n        pass\n    except:\n        return {'status':"
            " 'error'}"
        ),
        (
            "def create_job(self):\n    try:\n        pass\n    except BaseException:\n       "
            " raise\n    except Exception:\n        pass"
        ),
    ),
    "secret-without-address": (
        "class ServerForm:\n    host = forms.StringField()\n    password = forms.SecretField()",
        (
            "class ServerForm:\n    host = forms.StringField()\n    password ="
            " forms.SecretField()\ndef save(self, form, server):\n    forms.keep_secrets(form,"
            " server)"
        ),
    ),
    "missing-timeout": (
        "def create_job(self):\n    import requests\n    return requests.get('https://x.test')",
        (
            "def create_job(self):\n    import requests\n    return requests.get('https://x.test',"
            " timeout=5)"
        ),
    ),
    "ends-the-process": (
        "def create_job(self):\n    import os\n    os._exit(1)",
        "def create_job(self):\n    raise ValueError('no')",
    ),
    "background-thread": (
        "def create_job(self):\n    import threading\n    threading.Thread(target=print).start()",
        "def create_job(self):\n    pass",
    ),
    "blocking-sleep": (
        "def variables_general(self):\n    import time\n    time.sleep(2)",
        "def create_job(self):\n    import time\n    time.sleep(2)",
    ),
    "shared-state": (
        "cache = {}",
        "PLANS = {'a': 1}\nrepeatable = ('create_job',)\nfillable = ['name']",
    ),
    "sql-from-values": (
        (
            'def create_job(self):\n    DB.select(f"x")\n    self.db.execute(f"DELETE FROM a WHERE'
            " b = '{self.service_uuid}'\")"
        ),
        (
            "def create_job(self):\n    self.db.execute('DELETE FROM a WHERE b = :b', {'b':"
            " self.service_uuid})"
        ),
    ),
    "raw-sql": (
        "def create_job(self):\n    DB.raw('now()')",
        "def create_job(self):\n    DB.table('a').where('b', 1).first()",
    ),
    "deactivate-drops-data": (
        (
            "def deactivate(self):\n    from puqpanel.sdk import Schema\n   "
            " Schema.dropIfExists('a')\n    return 'success'"
        ),
        "def deactivate(self):\n    return 'success'",
    ),
    "missing-template": (
        "def create_job(self):\n    return self.view('client_area.nowhere')",
        "def create_job(self):\n    return self.view(self.name)",
    ),
    "panel-internals": (
        "def create_job(self):\n    from puqpanel.models import Service",
        "def create_job(self):\n    from puqpanel.sdk.http import Answer",
    ),
    "absolute-import": (
        "def create_job(self):\n    from modules.Product.Other import forms",
        "def create_job(self):\n    import json",
    ),
    "secret-in-code": ("API_KEY = 'a8f5f167f44f4964e6c998dee827110c'", "API_KEY = 'the key to it'"),
    "unescaped-output": (
        (
            "def create_job(self):\n    from markupsafe import Markup\n    return"
            " Markup(f'<b>{self.name}')"
        ),
        (
            "def create_job(self):\n    from markupsafe import Markup\n    return"
            " Markup('<b>{}').format(self.name)"
        ),
    ),
}

BODY |= {
    "tls-not-verified": (
        "def f(self):\n    import requests\n    requests.get('https://x', timeout=3, verify=False)",
        "def f(self):\n    import requests\n    requests.get('https://x', timeout=3, verify='/ca.pem')",
    ),
    "shell-command": (
        "def f(self, name):\n    import subprocess\n    subprocess.run(f'ls {name}', shell=True, timeout=3)",
        "def f(self, name):\n    import subprocess\n    subprocess.run(['ls', name], shell=False, timeout=3)",
    ),
    "plain-password": (
        "def f(self, password):\n    DB.table('a').insert({'password': password})",
        "def f(self, password):\n    from puqpanel.sdk import encrypt\n    DB.table('a').insert({'password': encrypt(password), 'token': None})",
    ),
    "job-without-return": (
        "def create_job(self):\n    if self.name:\n        return Result.success()",
        "def create_job(self):\n    try:\n        self.log_info('a')\n    except ValueError:\n        raise\n    else:\n        return Result.success()\ndef suspend_job(self):\n    raise NotImplementedError",
    ),
    "save-returns-data": (
        "def save_product_data(self, data=None):\n    return data",
        "def save_product_data(self, data=None):\n    return {'status': 'success', 'data': data}",
    ),
    "answers-true": (
        "def activate(self):\n    return True",
        "def activate(self):\n    return 'success'\ndef update(self):\n    return super().update()",
    ),
    "settings-without-page": (
        "def save_product_data(self, data=None):\n    return Result.success(data)",
        "def save_product_data(self, data=None):\n    return Result.success(data)\ndef get_product_page(self):\n    return ''",
    ),
    "unknown-status": (
        "def f(self):\n    Service.find('a').set_provision_status('complete')",
        "def f(self):\n    Service.find('a').set_provision_status('completed')",
    ),
    "setting-never-saved": (
        "def save_product_data(self, data=None):\n    return Result.success({'plan': 1})\ndef f(self):\n    return self.product_data['plna']",
        "def save_product_data(self, data=None):\n    return Result.success({'plan': 1})\ndef f(self):\n    return self.product_data['plan']",
    ),
    "unknown-method": (
        "def f(self):\n    self.log_inf('a')\n    return Service.fnd('a')",
        "def f(self):\n    self.log_info('a')\n    return Service.find('a')",
    ),
    "wrong-arguments": (
        "def f(self):\n    return Service.find('a', 'b')",
        "def f(self):\n    self.log_info('a', {}, {})\n    return Service.find('a') or Result.success({}) or Result.error('b')",
    ),
}


@pytest.mark.parametrize("rule", BODY)
def test_a_rule_finds_what_it_is_for_and_nothing_else(rule: str, tmp_path: Path) -> None:
    wrong, right = BODY[rule]
    found = look(tmp_path / "wrong", of_class(wrong)).get(rule, [])
    assert found, f"{rule} found nothing"
    assert all(one.file == "Echo.py" and one.line > 4 and one.message and one.fix for one in found)
    assert rule not in look(tmp_path / "right", of_class(right))


TEMPLATES = {
    "template-syntax": ("{% if x %}never ended", "{% if x %}{% endif %}"),
    "unescaped-output": ("<p>{{ name|safe }}</p>", "<p>{{ name }} is safe</p>"),
    "blocked-by-policy": ('<button onclick="go()">Go</button>', "<button data-go>Go</button>"),
    "form-without-token": (
        '<form method="post"><button>Go</button></form>',
        '<form method="post">{{ page.token() }}<button>Go</button></form>',
    ),
    "missing-template": (
        '{% include "client_area/nowhere.html" %}',
        '{% import "panel/macros/page.html" as page %}',
    ),
    "missing-asset": (
        "<img src=\"{{ asset('logo.png') }}\">",
        "<img src=\"{{ asset('there.png') }}\">",
    ),
}


@pytest.mark.parametrize("rule", TEMPLATES)
def test_a_rule_about_templates(rule: str, tmp_path: Path) -> None:
    path, (wrong, right) = "views/client_area/general.html", TEMPLATES[rule]
    files = {"views/assets/there.png": "x"}
    (found,) = look(tmp_path / "wrong", files={path: f"\n{wrong}\n", **files})[rule]
    assert (found.file, found.line) == (path, 2 if rule != "template-syntax" else found.line)
    assert rule not in look(tmp_path / "right", files={path: right, **files})


@pytest.mark.parametrize(
    "piece",
    [
        "<script>go()</script>",
        '<a href="javascript:go()">x</a>',
        "<style>p{}</style>",
        '<p style="color:red">x</p>',
        '<script src="https://cdn.test/x.js"></script>',
    ],
)
def test_what_the_browser_will_not_run(piece: str, tmp_path: Path) -> None:
    assert "blocked-by-policy" in look(tmp_path, files={"views/a.html": piece})


def test_a_script_with_the_nonce_is_run(tmp_path: Path) -> None:
    assert "blocked-by-policy" not in look(
        tmp_path, files={"views/a.html": '<script nonce="{{ nonce() }}">go()</script>'}
    )


def test_declarations_that_get_a_module_refused_are_all_named(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        of_class(
            """
        def admin_web_routes(self):
            return [
                {"method": "get", "uri": "a", "name": "a", "controller": "A@a"},
                {"method": "get", "uri": "b", "name": "b", "permission": "", "controller": "A@b"},
            ]
        def admin_sidebar(self):
            return [{"title": "A", "link": "/admin/a", "permission": "a"}]
        def scheduler(self):
            return [{"name": "one", "method": "run", "cron": "every day"}, {"name": "two", "method": "gone", "every": "5m"}]
        """,
            "Plugin",
        ),
        type="Plugin",
        files={
            "hooks.py": (
                "from puqpanel.sdk import Hook\nHOOKS = [Hook('service.created_failed', print)]\n"
            )
        },
    )
    assert [one.line for one in found["route-without-permission"]] == [8, 9]
    assert "is not a route" in found["sidebar-without-route"][0].message
    assert {one.message for one in found["bad-schedule"]} >= {
        "“every day” is not a valid cron expression.",
        "scheduler() names gone(), which Echo does not define.",
    }
    assert found["unknown-event"][0].file == "hooks.py"
    assert "did you mean service.create_failed?" in found["unknown-event"][0].message
    assert "refused" not in found  # the rule that found the same fault has its severity
    assert [one.rule for some in found.values() for one in some if one.severity == "refused"] != []


def test_secrets_in_the_configuration(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        config=(
            'CONFIG = {\n    "name": "Echo", "version": "1.0.0",\n    "api_key": "abcdef",\n   '
            ' "other": "sk_live_abc",\n    "password": "",\n}\n'
        ),
    )
    assert [(one.line, one.severity) for one in found["secret-in-config"]] == [
        (3, Severity.ERROR),
        (4, Severity.ERROR),
    ]


def test_a_refusal_has_its_place(tmp_path: Path) -> None:
    (found,) = look(
        tmp_path, "from puqpanel.sdk import Product\n\nclass Echo(Product:\n    pass\n"
    )["refused"]
    assert (found.file, found.line) == ("Echo.py", 3)
    assert "syntax error" in found.message


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(3)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "def f(): f()\nf()",
        "print('x' * 10**6)",
    ],
)
def test_a_hostile_module_costs_its_own_findings(code: str, tmp_path: Path) -> None:
    write_module(
        tmp_path,
        code + "\n" + "from puqpanel.sdk import Product\nclass Bad(Product): pass\n",
        name="Bad",
    )
    write_module(
        tmp_path, "from puqpanel.sdk import Product\nclass Good(Product): pass\n", name="Good"
    )
    found = {
        one.name: findings
        for one, findings in checks.check(
            [
                discover.Found("Product", name, tmp_path / "Product" / name)
                for name in ("Bad", "Good")
            ]
        )
    }
    assert not any(finding.severity in checks.ERRORS for finding in found["Good"])
    harmless = code.startswith("print")
    assert any(finding.rule == "refused" for finding in found["Bad"]) is not harmless
    assert any(finding.rule == "ends-the-process" for finding in found["Bad"]) is (
        "os." in code or "sys." in code
    )


def test_a_module_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("puqpanel.host.checks.inspection.SECONDS", 1.5)
    found = look(tmp_path, "import time\ntime.sleep(60)\n")
    assert "did not finish loading" in found["refused"][0].message
    assert "work-at-import" in found


def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    folder = write_module(tmp_path, "from puqpanel.sdk import Product\nclass Echo(Product): pass\n")
    (folder / "out.py").symlink_to("/etc/passwd")
    (folder / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (folder / "long.py").write_text("x = '" + "a" * 1_000_000 + "'")
    (folder / "bytes.py").write_bytes(b"\xff\xfe\x00")
    import os

    os.mkfifo(folder / "pipe.py")
    source = checks.read(folder, "Product", "Echo")
    assert {code.path for code in source.code} == {"Echo.py", "config.py", "deep.py", "bytes.py"}
    list(checks.static(source))


def test_a_line_that_is_right_says_so(tmp_path: Path) -> None:
    body = (
        "def create_job(self):\n    import requests\n    return requests.get('https://x.test')  #"
        " check: off {}"
    )
    assert "missing-timeout" not in look(
        tmp_path / "a", of_class(body.format("missing-timeout, it is ours"))
    )
    assert "missing-timeout" not in look(tmp_path / "b", of_class(body.format("")))
    assert "missing-timeout" in look(tmp_path / "c", of_class(body.format("raw-sql")))


def test_translations(tmp_path: Path) -> None:
    files = {
        "lang/en.py": "LANG = {}\n",
        "lang/pl.py": 'LANG = {"Hello": "Witaj"}\n',
        "lang/de.py": "import os\nLANG = dict(os.environ)\n",
        "views/client_area/a.html": (
            '<h1>{{ __("Hello") }}</h1>\n<p>{{ __("Bye") }}</p>\n<p>Plain words</p>'
        ),
    }
    found = look(tmp_path, files=files)
    assert [(one.file, one.line) for one in found["untranslated-text"]] == [
        ("views/client_area/a.html", 3)
    ]
    assert [one.file for one in found["missing-translation"]] == ["lang/pl.py"]
    assert [one.file for one in found["language-file"]] == ["lang/de.py"]
    assert found["untranslated-text"][0].severity is Severity.HINT


def test_catalogs(tmp_path: Path) -> None:
    entries = {"Hello :name": "Witaj :nazwa", "Gone": "Nie ma"}
    lines = [f'msgid "{text}"\nmsgstr "{polish}"\n' for text, polish in entries.items()]
    files = {
        "lang/pl.po": 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        + "\n".join(lines),
        "views/client_area/a.html": '<h1>{{ __("Hello :name") }}</h1>',
    }
    found = look(tmp_path, files=files)
    assert [one.line for one in found["other-placeholders"]] == [4]
    assert [one.line for one in found["unused-translation"]] == [7]
    fix = found["unused-translation"][0].fix
    assert fix == "Remove it; `puqpanel module texts Echo` does that."
    assert "language-file" not in found


def test_the_rules_of_the_validator_are_those_of_the_validator() -> None:
    from puqpanel.sdk.rules import PLAIN, TAKES_VALUE

    assert VALIDATOR == PLAIN | TAKES_VALUE


def test_every_rule_says_why_and_what_to_do() -> None:
    assert len(checks.RULES) > 35
    for made in checks.RULES.values():
        assert len(made.why) > 40
        assert made.why.endswith(".")
        assert made.fix or made.id in ("refused", "load-warning")
        assert made.id == made.id.lower()


def test_findings_are_stable_as_json(tmp_path: Path) -> None:
    found = look(tmp_path, of_class("cache = {}"))["shared-state"][0]
    assert json.loads(json.dumps(asdict(found))) == {
        "module": "Product/Echo",
        "rule": "shared-state",
        "severity": "warning",
        "file": "Echo.py",
        "line": 6,
        "message": "Echo.cache is shared by all instances.",
        "fix": checks.RULES["shared-state"].fix,
    }


@pytest.mark.parametrize(
    "module", [pytest.param(one, id=one.name) for one in discover.scan(ROOT / "modules")]
)
def test_the_projects_own_modules_have_no_errors(module: discover.Found) -> None:
    ((_, found),) = checks.check([module])
    assert [finding for finding in found if finding.severity in checks.ERRORS] == []


def test_what_the_loader_takes_and_notices(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        of_class("""
            def get_client_area_menu_config(self):
                return {"general": {"name": "General", "template": "client_area.general"}}
            def admin_web_routes(self):
                return [{"method": "get", "uri": "a", "name": "a", "permission": "see", "controller": "A@a"}]
            def admin_sidebar(self):
                return [{"title": "A", "link": "a", "active_links": ["b"], "permission": "see"}]
            """),
        files={
            "views/client_area/general.html": "x",
            "controllers/A.py": "class A:\n    def a(self, request):\n        return 'a'\n",
        },
    )
    assert "refused" not in found
    assert {"tab-without-variables", "undeclared-permission", "load-warning"} <= set(found)


def test_what_is_missing_is_a_hint(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        files={"views/client_area/general.html": "x"},
        config='CONFIG = {"name": "Echo", "version": "1.0.0"}\n',
    )
    hints = {"no-tests", "no-provider", "no-languages", "incomplete-config"}
    assert hints <= set(found)
    assert all(found[rule][0].severity is Severity.HINT for rule in hints)
    assert found["incomplete-config"][0].message == "CONFIG has no description and no author."


@pytest.mark.parametrize(
    ("type", "name", "meant"),
    [
        ("Product", "create_jobs", "create_job"),
        ("Product", "suspendjob", "suspend_job"),
        ("Product", "cancel_job", "cancellation_job"),
        ("Payment", "on_payment_sucess", "on_payment_success"),
        ("Plugin", "schedule", "scheduler"),
        ("Product", "admin_side_bar", "admin_sidebar"),
    ],
)
def test_a_hook_that_is_nearly_spelt_right_is_named(
    type: str, name: str, meant: str, tmp_path: Path
) -> None:
    found = look(tmp_path, of_class(f"def {name}(self):\n    return {{}}", type), type=type)[
        "misspelt-hook"
    ]
    assert [one.message for one in found] == [
        f"{name}() is not a hook and is never called. Did you mean {meant}()?"
    ]


@pytest.mark.parametrize(("more", "count"), [("", 1), ("\nSettingsForm = object", 0)])
def test_a_derived_settings_form_is_named(more: str, count: int, tmp_path: Path) -> None:
    body = f"def getModuleData(self, data={{}}):\n    return {{'sandbox': False}}{more}"
    found = look(tmp_path, of_class(body, "Payment"), type="Payment").get("derived-settings", [])
    messages = ["The settings form is derived from getModuleData()."] * count
    assert [one.message for one in found] == messages


def test_every_rule_has_a_test() -> None:
    text = Path(__file__).read_text()
    assert [rule for rule in checks.RULES if f'"{rule}"' not in text] == []


def test_sessions_need_a_timeout_with_each_request(tmp_path: Path) -> None:
    body = (
        "def create_job(self):\n    import requests\n    self.web = requests.Session()\n   "
        " self.web.headers.get('a')\n    self.web.get('/a', timeout=3)\n    return"
        " self.web.post('/b')"
    )
    assert [one.line for one in look(tmp_path, of_class(body))["missing-timeout"]] == [11]


def test_a_modules_own_address_is_only_worth_a_hint(tmp_path: Path) -> None:
    found = look(
        tmp_path, of_class("def create_job(self):\n    from modules.Product.Echo.services import x")
    )["absolute-import"]
    assert [(one.severity, one.message) for one in found] == [
        (Severity.HINT, "modules.Product.Echo.services is part of this module.")
    ]


def test_a_variable_that_the_template_is_not_given(tmp_path: Path) -> None:
    body = "def variables_general(self):\n    return self.view('client_area.general', {'usage': 1})"
    for name, expected in (("usgae", 1), ("usage", 0), ("errors", 0)):
        files = {"views/client_area/general.html": f"<p>\n{{{{ {name} }}}}</p>"}
        found = look(tmp_path / name, of_class(body), files=files).get("undefined-variable", [])
        assert [(one.line, one.message) for one in found] == [
            (2, "The template is not given “usgae”. Did you mean “usage”?")
        ] * expected


def test_a_variable_that_a_tab_is_not_given(tmp_path: Path) -> None:
    body = (
        "def get_client_area_menu_config(self):\n    return {'general': {'name': 'a', 'template':"
        " 'client_area.general'}}\ndef variables_general(self):\n    return {'disk': 1}"
    )
    files = {
        "views/client_area/general.html": "{% for x in disk %}{{ x }}{{ tab }}{{ ram }}{% endfor %}"
    }
    found = look(tmp_path, of_class(body), files=files)["undefined-variable"]
    assert [one.message for one in found] == ["The template is not given “ram”."]


def test_a_module_that_drops_its_tables_is_known_before(tmp_path: Path) -> None:
    for body, expected in zip(BODY["deactivate-drops-data"], (True, False), strict=True):
        folder = write_module(tmp_path / str(expected), of_class(body))
        assert checks.drops_data(folder, "Product", "Echo") is expected


def test_a_live_key_in_the_code_is_an_error(tmp_path: Path) -> None:
    body = "def f(self):\n    return self.client('sk_live_4eC39HqLyjWDarjtT1zdp7dc')"
    ((found),) = look(tmp_path / "live", of_class(body))["secret-in-code"]
    assert found.severity is Severity.ERROR
    mild = look(tmp_path / "test", of_class(body.replace("client('sk_live_", "client(a='sk_test_")))
    assert mild["secret-in-code"][0].severity is Severity.WARNING


def test_one_fault_is_reported_once(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        of_class(
            "def scheduler(self):\n    return [{'name': 'a', 'method': 'f', 'cron': 'daily'}]"
        ),
        files={"tests/test_echo.py": "", "tests/provider.py": ""},
    )
    assert "refused" not in found
    assert [one.severity for one in found["bad-schedule"]][:1] == [Severity.REFUSED]
    found = look(tmp_path / "two", of_class("pass"), files={"views/page.html": "\n{% if x %}"})
    (one,) = found["template-syntax"]
    assert ("refused" in found, one.severity, one.line) == (False, Severity.REFUSED, 2)


def test_suggestions_keep_the_spelling_of_the_author(tmp_path: Path) -> None:
    body = (
        "def createJob(self):\n    Task.add('ModuleJob', 'Module', {'module': self, 'method':"
        " 'createJbo'})\n    return Result.success()\ndef create(self):\n    return None\n"
        "def terminateJob(self):\n    return Result.success()"
    )
    found = look(tmp_path, of_class(body))
    assert "Did you mean createJob()?" in found["unknown-job"][0].message
    assert "Did you mean terminationJob()?" in found["misspelt-hook"][0].message


def test_suggestions_for_a_class_in_python_style(tmp_path: Path) -> None:
    task = "Task.add('ModuleJob', 'Module', {'module': self, 'method': 'suspendJbo'})"
    body = f"def create_job(self):\n    {task}\n    return Result.success()\ndef observe(self):\n    return {{}}"
    found = look(tmp_path, of_class(body))["unknown-job"]
    assert found[0].message.endswith("Did you mean suspend_job()?")


def test_an_event_with_a_misspelt_prefix_is_a_warning(tmp_path: Path) -> None:
    hooks = (
        "from puqpanel.sdk import Hook\nHOOKS = [Hook('servcie.created', print),"
        " {'event': 'tasks.failed', 'listener': print}, Hook('echo.made', print),"
        " Hook('taks.failed', print)]\n"
    )
    dispatches = "def f(self):\n    Event.dispatch('taks.failed', {})"
    found = look(tmp_path, of_class(dispatches), files={"hooks.py": hooks})["unknown-event"]
    assert [(one.severity, one.message) for one in found] == [
        (
            Severity.WARNING,
            "The panel has no event “servcie.created”; did you mean service.create_succeeded?",
        ),
        (Severity.WARNING, "The panel has no event “tasks.failed”; did you mean task.failed?"),
    ]
