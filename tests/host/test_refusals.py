"""Every load rule: what breaks it is refused with one sentence that says what to fix."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module
from tests.sample import write_module

HEAD = "from puqpanel.sdk import *\n"
CONTROLLER = {
    "controllers/PageController.py": (
        "class PageController:\n    def index(self, request):\n        return 'x'\n\n    def"
        " _secret(self):\n        pass\n"
    )
}


def body(**hooks: str) -> str:
    lines = "\n".join(
        f"    def {name}(self):\n        return {value}" for name, value in hooks.items()
    )
    return f"{HEAD}\nclass Echo(Product):\n{lines or '    pass'}\n"


def route(**more: str) -> dict[str, str]:
    return {
        "method": "get",
        "uri": "servers",
        "permission": "view",
        "name": "servers",
        "controller": "PageController@index",
        **more,
    }


def routes(*entries: dict[str, str]) -> str:
    return body(admin_web_routes=repr(list(entries)))


TWO = (
    "class Echo(Product):\n    def createJob(self):\n        return 1\n\n    def"
    " create_job(self):\n        return 2\n"
)
CASES = {
    "syntax": ("def broken(:\n", "Echo.py has a syntax error: invalid syntax (Echo.py:1)."),
    "import": (
        "import nothing_of_that_name\n",
        (
            "Echo.py does not load: ModuleNotFoundError: No module named 'nothing_of_that_name'"
            " (Echo.py:1)."
        ),
    ),
    "raise": (
        "\n\nraise ValueError('two\\nlines')\n",
        "Echo.py does not load: ValueError: two lines (Echo.py:3).",
    ),
    "exit": ("import sys\nsys.exit(3)\n", "Echo.py does not load: SystemExit: 3 (Echo.py:2)."),
    "recursion": (
        "def f():\n    f()\nf()\n",
        "Echo.py does not load: RecursionError: maximum recursion depth exceeded",
    ),
    "interrupt": (
        "raise KeyboardInterrupt\n",
        "Echo.py does not load: KeyboardInterrupt (Echo.py:1).",
    ),
    "replaced module": (
        "import sys\nsys.modules[__name__] = 5\n",
        "Echo() does not load: TypeError: vars() argument must have __dict__ attribute.",
    ),
    "frozen class": (
        HEAD + "class M(type):\n    def __setattr__(c, n, v):\n        raise OSError('no')\nclass"
        " Echo(Product, metaclass=M):\n    pass\n",
        "Echo() does not load: OSError: no (Echo.py:4).",
    ),
    "own file from the top": (
        "from controllers.PageController import PageController\n",
        (
            "Echo.py does not load: ModuleNotFoundError: No module named 'controllers' (Echo.py:1);"
            " use from .controllers import …."
        ),
    ),
    "silent error": (
        (
            "class Odd(BaseException):\n    def __str__(self):\n        raise RuntimeError\nraise"
            " Odd\n"
        ),
        "Echo.py does not load: Odd (Echo.py:4).",
    ),
    "no class": (
        "x = 1\n",
        "Echo.py defines no class Echo: folder, file and class share one name.",
    ),
    "other class": (
        HEAD + "class Ecco(Product):\n    pass\n",
        "Echo.py defines no class Echo; it defines Ecco: folder",
    ),
    "an alias": (HEAD + "Echo = Product\n", "Echo.py defines no class Echo: folder"),
    "no base": ("class Echo:\n    pass\n", "The class Echo must extend puqpanel.sdk.Product."),
    "wrong base": (
        HEAD + "class Echo(Plugin):\n    pass\n",
        "The class Echo extends Plugin but is in modules/Product/; extend Product.",
    ),
    "constructor": (
        HEAD
        + "class Echo(Product):\n    def __init__(self):\n        super().__init__()\n        raise"
        " OSError('no')\n",
        "Echo() does not load: OSError: no (Echo.py:5).",
    ),
    "both spellings": (HEAD + TWO, "Echo defines both createJob and create_job; keep one of them."),
    "permissions no list": (
        body(admin_permissions="{}"),
        "admin_permissions() must return a list of dictionaries.",
    ),
    "permissions raise": (
        body(admin_permissions="1 / 0"),
        "admin_permissions() failed: ZeroDivisionError: division by zero.",
    ),
    "permissions exit": (
        body(admin_permissions="exit(3)"),
        "Echo() does not load: SystemExit: 3 (Echo.py:5).",
    ),
    "permission without key": (
        body(admin_permissions="[{'name': 'x'}]"),
        "An entry of admin_permissions() has no “key”.",
    ),
    "permission key": (
        body(admin_permissions="[{'name': 'x', 'key': 'a b'}]"),
        "The permission key “a b” may contain only letters",
    ),
    "permission twice": (
        body(admin_permissions="[{'name': 'x', 'key': 'a'}] * 2"),
        "admin_permissions() declares the key “a” twice.",
    ),
    "no permission": (routes(route(permission="")), "The route “servers” has no “permission”."),
    "method": (
        routes(route(method="fetch")),
        "The route “servers” has the method “fetch”; use get, post, put or delete.",
    ),
    "uri": (
        routes(route(uri="../etc")),
        "The route “servers” has the uri “../etc”; use plain segments",
    ),
    "uri twice": (
        routes(route(uri="a/{id}/{id}")),
        "The route “servers” has the uri “a/{id}/{id}”; use plain segments",
    ),
    "uri converter": (
        routes(route(uri="<path:x>")),
        "The route “servers” has the uri “<path:x>”; use plain",
    ),
    "name": (routes(route(name="a/b")), "The route name “a/b” may contain only letters"),
    "same name": (
        routes(route(), route(uri="other")),
        "The route name “servers” is used twice in admin_web_routes()",
    ),
    "same endpoint": (
        routes(route(name="a.b"), route(name="a_b", uri="other")),
        "The route name “a_b” is used twice in admin_web_routes()",
    ),
    "same address": (
        routes(route(uri="a/{x}"), route(uri="a/{y}", name="two")),
        "The route “two” has the same method and uri (get a/{y})",
    ),
    "controller form": (
        routes(route(controller="PageController.index")),
        "The route “servers” has the controller “PageController.index”; write it",
    ),
    "controller file": (
        routes(route(controller="NoController@index")),
        "A route points to NoController, but controllers/NoController.py does not exist.",
    ),
    "controller method": (
        routes(route(controller="PageController@show")),
        (
            "The route “servers” points to PageController@show, but PageController has no public"
            " method show."
        ),
    ),
    "controller private": (
        routes(route(controller="PageController@_secret")),
        "The route “servers” points to PageController@_secret, but",
    ),
    "sidebar link": (
        body(admin_sidebar="[{'title': 'Diagnostics', 'link': 'diag', 'permission': 'x'}]"),
        (
            "The sidebar entry “Diagnostics” links to “diag”, but admin_web_routes() has no route"
            " of that name."
        ),
    ),
    "tabs no dict": (
        body(get_client_area_menu_config="[]"),
        "get_client_area_menu_config() must return a dictionary",
    ),
    "tab no dict": (
        body(get_client_area_menu_config="{'general': 'x'}"),
        "The tab “general” must be a dictionary with a name and a template.",
    ),
    "tab key": (
        body(get_client_area_menu_config="{'a/b': {}}"),
        "The tab key “a/b” must begin with a letter",
    ),
    "tab template": (
        body(get_client_area_menu_config="{'general': {'name': 'G'}}"),
        "The tab “general” has no “template”.",
    ),
    "tab file": (
        body(
            get_client_area_menu_config=(
                "{'general': {'name': 'G', 'template': 'client_area.general'}}"
            )
        ),
        (
            "The tab “general” has the template “client_area.general”, but"
            " views/client_area/general.html does not exist."
        ),
    ),
    "tab out": (
        body(get_client_area_menu_config="{'general': {'name': 'G', 'template': '../../config'}}"),
        "The tab “general” has the template “../../config”, but",
    ),
    "tabs raise": (
        body(get_client_area_menu_config="self.service_data['x']"),
        "get_client_area_menu_config() failed when called without a service: KeyError: 'x'.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(tmp_path: Path, case: str) -> None:
    source, sentence = CASES[case]
    folder = write_module(tmp_path, source, files=CONTROLLER)
    with pytest.raises(Refused) as refusal:
        load_module(folder, "Product", "Echo")
    text = str(refusal.value)
    assert text.startswith(sentence)
    assert "\n" not in text
    assert "Traceback" not in text


CONFIGS = {
    "no CONFIG": ("config = {}\n", "config.py defines no CONFIG = {…} dictionary."),
    "no version": ("CONFIG = {'name': 'x'}\n", "CONFIG in config.py has no “version” text."),
    "number as version": (
        "CONFIG = {'name': 'x', 'version': 0.1}\n",
        'The “version” in config.py is the number 0.1; it must be a string: "0.1".',
    ),
    "tuple as version": (
        "CONFIG = {'name': 'x', 'version': (1, 0)}\n",
        "The “version” in config.py is a tuple; it must be a string.",
    ),
    "number as name": (
        "CONFIG = {'name': 24, 'version': '1.0.0'}\n",
        'The “name” in config.py is the number 24; it must be a string: "24".',
    ),
    "no name": ("CONFIG = {'version': '1'}\n", "CONFIG in config.py has no “name” text."),
    "version": (
        "CONFIG = {'name': 'x', 'version': 'new'}\n",
        "The version “new” in config.py is not a version such as 1.0.0.",
    ),
    "syntax": ("CONFIG = {\n", "config.py has a syntax error: '{' was never closed (config.py:1)."),
    "raises": (
        "1 / 0\n",
        "config.py does not load: ZeroDivisionError: division by zero (config.py:1).",
    ),
    "exits": ("raise SystemExit\n", "config.py does not load: SystemExit (config.py:1)."),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_refused_config(tmp_path: Path, case: str) -> None:
    source, sentence = CONFIGS[case]
    folder = write_module(tmp_path, body())
    (folder / "config.py").write_text(source)
    with pytest.raises(Refused) as refusal:
        load_module(folder, "Product", "Echo")
    assert str(refusal.value) == sentence


def test_refused_files(tmp_path: Path) -> None:
    folder = write_module(tmp_path, body())
    (folder / "config.py").unlink()
    with pytest.raises(Refused, match=r"config.py is missing"):
        load_module(folder, "Product", "Echo")
    (folder / "Echo.py").rename(folder / "echo.py")
    with pytest.raises(
        Refused,
        match=(
            r"The file Echo.py is missing; rename echo.py: folder, file and class share one name."
        ),
    ):
        load_module(folder, "Product", "Echo")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (
            b"\n{% if x %}never ended",
            "views/admin/page.html has a syntax error: Unexpected end of template.",
        ),
        (
            b"{% trans %}x{% endtrans %}",
            "views/admin/page.html has a syntax error: Encountered unknown tag 'trans'",
        ),
        (b"caf\xe9", "views/admin/page.html cannot be parsed: UnicodeDecodeError: "),
        (b"{{ " + b"(" * 5000 + b" }}", "views/admin/page.html cannot be parsed: RecursionError"),
    ],
)
def test_refused_templates(tmp_path: Path, template: bytes, sentence: str) -> None:
    folder = write_module(tmp_path, body(), files={"views/assets/notes.html": "{% not Jinja"})
    load_module(folder, "Product", "Echo")
    page = folder / "views" / "admin" / "page.html"
    page.parent.mkdir()
    page.write_bytes(template)
    with pytest.raises(Refused) as refusal:
        load_module(folder, "Product", "Echo")
    assert str(refusal.value).startswith(sentence.removesuffix("."))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "def index(:\n",
            (
                "controllers/BadController.py has a syntax error: invalid syntax"
                " (controllers/BadController.py:1)."
            ),
        ),
        (
            "raise SystemExit(3)\n",
            (
                "controllers/BadController.py does not load: SystemExit: 3"
                " (controllers/BadController.py:1)."
            ),
        ),
        (
            "x = 1\n",
            (
                "A route points to BadController, but controllers/BadController.py defines no class"
                " BadController."
            ),
        ),
    ],
)
def test_refused_controllers(tmp_path: Path, source: str, sentence: str) -> None:
    folder = write_module(
        tmp_path,
        routes(route(controller="BadController@index")),
        files={"controllers/BadController.py": source},
    )
    with pytest.raises(Refused) as refusal:
        load_module(folder, "Product", "Echo")
    assert str(refusal.value) == sentence


def test_sidebar_permission_nobody_declares(tmp_path: Path) -> None:
    entry = {"title": "Servers", "link": "servers", "permission": "manage-servers"}
    source = body(admin_web_routes=repr([route()]), admin_sidebar=repr([entry]))
    with pytest.raises(
        Refused,
        match=(
            r"The sidebar entry “Servers” needs the permission “manage-servers”, which the module"
            r" does not declare."
        ),
    ):
        load_module(write_module(tmp_path, source, files=CONTROLLER), "Product", "Echo")
    source = body(
        admin_web_routes=repr([route(uri="s/{id}")]),
        admin_sidebar=repr([entry | {"permission": "view"}]),
    )
    with pytest.raises(Refused, match="links to “servers”; it must be a get route"):
        load_module(write_module(tmp_path, source, files=CONTROLLER), "Product", "Echo")


def test_what_is_right_is_read(tmp_path: Path) -> None:
    source = dedent("""
        from puqpanel.sdk import Product

        class Echo(Product):
            def admin_permissions(self):
                return [{"name": "View", "key": "view", "description": "See"}]

            def admin_web_routes(self):
                return [
                    {"method": "GET", "uri": "/servers", "permission": "view", "name": "servers.index", "controller": "PageController@index"},
                    {"method": "post", "uri": "servers/{id}", "permission": "Product-Echo-view", "name": "servers.edit", "controller": "PageController@index"},
                ]

            def admin_api_routes(self):
                return [{"method": "get", "uri": "servers", "permission": "view", "name": "servers.index", "controller": "PageController@index"}]

            def admin_sidebar(self):
                return [{"title": "Servers", "link": "servers.index", "active_links": ["servers.index", "servers.edit"], "permission": "view"}]

            def get_client_area_menu_config(self):
                return {"general": {"name": "General", "template": "client_area.general"}}

            def variables_general(self):
                return {}
    """)
    loaded = load_module(
        write_module(
            tmp_path, source, files={**CONTROLLER, "views/client_area/general.html": "hi"}
        ),
        "Product",
        "Echo",
    )
    assert [(r.method, r.rule, r.endpoint, r.permission) for r in loaded.routes] == [
        ("get", "servers", "servers_index", "Product-Echo-view"),
        ("post", "servers/<id>", "servers_edit", "Product-Echo-view"),
        ("get", "servers", "api_servers_index", "Product-Echo-view"),
    ]
    assert [(p.key, p.name, p.group) for p in loaded.permissions] == [
        ("Product-Echo-view", "View", "Echo")
    ]
    assert loaded.sidebar[0].active_endpoints == ("servers_index", "servers_edit")
    assert [(t.key, t.name) for t in loaded.tabs] == [("general", "General")]
    assert loaded.warnings == ()
