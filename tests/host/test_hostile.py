"""Modules that hang, break out or answer nonsense: each costs itself, with a sentence, and
leaves the process as it was.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from puqpanel.host import discover, registry
from puqpanel.host.containment import load_timeout
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.contract.result import Result
from puqpanel.host.loader import load_module, unload
from puqpanel.host.logs import as_text
from puqpanel.host.sanitize import jsonable
from tests.sample import write_module

HEAD = "import os, socket, sys, time\nfrom puqpanel.sdk import Product\n"
SOUND = HEAD + "class Echo(Product):\n    pass\n"
LOOP = "while not os.path.exists('{stop}'):\n    pass\n"
"""It ends with its test, so that its thread does not slow down later ones."""


@pytest.fixture
def stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The file whose existence ends code that hangs; its deadline is short."""
    # Long enough for a sound module on a busy machine.
    monkeypatch.setattr(load_timeout, "LOAD_SECONDS", 2.0)
    load_timeout._hung.clear()  # what hung in another test shortens the wait
    path = tmp_path_factory.mktemp("stop") / "now"
    yield path
    path.touch()
    load_timeout._hung.clear()


@pytest.mark.parametrize(
    "source",
    [
        HEAD + LOOP,
        HEAD + "while not os.path.exists('{stop}'):\n    time.sleep(0.05)\n" + SOUND,
        HEAD
        + "class Echo(Product):\n    def __init__(self):\n        "
        + LOOP.replace("\n    ", "\n            "),
        HEAD
        + "class Echo(Product):\n    def admin_sidebar(self):\n        "
        + LOOP.replace("\n    ", "\n            "),
        HEAD
        + "try:\n    "
        + LOOP.replace("\n    ", "\n        ")
        + "except Exception:\n    pass\n"
        + SOUND,
    ],
)
def test_a_load_that_does_not_end_is_given_up_and_not_tried_again(
    tmp_path: Path, stop: Path, source: str
) -> None:
    runs = stop.with_name("runs")
    counted = f"with open('{runs}', 'a') as runs: runs.write('.')\n" + source.replace(
        "{stop}", str(stop)
    )
    folder = write_module(tmp_path, counted)
    sound = write_module(tmp_path, SOUND.replace("Echo", "Sound"), name="Sound")
    found = registry.load(tmp_path, [("Product", "Echo", "1.0.0"), ("Product", "Sound", "1.0.0")])
    assert found.refused == {
        "Product/Echo": (
            "Loading Echo did not finish within 2 seconds; look for an infinite loop or a"
            " blocking call."
        )
    }
    assert list(found.modules) == ["Product/Sound"]
    with pytest.raises(Refused, match="did not finish"):
        load_module(folder, "Product", "Echo")
    assert discover.look(folder, "Product", "Echo").error.startswith("Loading Echo did not finish")
    assert runs.read_text() == "."
    (folder / "Echo.py").write_text(SOUND + "# mended\n")
    unload(load_module(folder, "Product", "Echo").package)
    registry.dispose(found)
    assert sound.is_dir()


def test_configs_that_hang_or_are_huge(tmp_path: Path, stop: Path) -> None:
    for name, text in {
        "Hangs": "import os\n" + LOOP.replace("{stop}", str(stop)),
        "Huge": "CONFIG = {'name': 'x', 'version': '1'}\n#" + "x" * 5_000_000,
        "Latin": "CONFIG = {'name': 'caf\xe9', 'version': '1'}",
    }.items():
        folder = write_module(tmp_path, SOUND.replace("Echo", name), name=name)
        (folder / "config.py").write_text(text, "latin-1")
    (tmp_path / "Product/Latin/config.py").write_text(
        "# -*- coding: latin-1 -*-\nCONFIG = {'name': 'caf\xe9', 'version': '1'}\n", "latin-1"
    )
    write_module(tmp_path, SOUND)
    for _ in range(2):
        found = {one.name: one for one in discover.scan(tmp_path)}
        assert (
            found["Hangs"].error
            == "config.py did not finish within 2 seconds; look for an infinite loop or a"
            " blocking call."
        )
        assert found["Huge"].error == "config.py is larger than 256 KB."
        assert found["Latin"].config["name"] == "café"
        assert found["Echo"].error == ""


ODD = {
    "raises in str": (
        (
            "class E(BaseException):\n    def __str__(self): raise SystemExit\n    @property\n   "
            " def __traceback__(self): raise SystemExit\nraise E\n"
        ),
        "Echo.py does not load: E, whose message cannot be read.",
    ),
    "odd name": (
        "raise ModuleNotFoundError(name=5)\n",
        "Echo.py does not load: ModuleNotFoundError",
    ),
    "odd syntax error": (
        "e = SyntaxError('x'); e.filename = 5; raise e\n",
        "Echo.py does not load: SyntaxError",
    ),
    "long syntax error": (
        "e = SyntaxError('x' * 10**6); e.filename = 'f'; raise e\n",
        "Echo.py has a syntax error: xxx",
    ),
    "no text": (
        "raise ValueError('a\\x00\\n\\ud800b')\n",
        "Echo.py does not load: ValueError: a� �b (Echo.py:3).",
    ),
    "no object": (SOUND + "sys.modules[__name__] = object()\n", "Echo() does not load: TypeError"),
    "built as nothing": (
        "class Echo(Product):\n    def __new__(cls): return None\n",
        "Echo() does not load: AttributeError",
    ),
    "a coroutine": (
        "class Echo(Product):\n    def admin_sidebar(self): yield {}\n",
        "admin_sidebar() must return a list of dictionaries.",
    ),
    "too many": (
        (
            "class Echo(Product):\n    def admin_permissions(self): return [{'key': str(i)} for i"
            " in range(100_000)]\n"
        ),
        "admin_permissions() returns 100000 entries; at most 500 are allowed.",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_refusals_are_one_short_sentence(tmp_path: Path, case: str) -> None:
    source, sentence = ODD[case]
    before = {
        name: module for name, module in sys.modules.items() if not name.startswith("puqmod_")
    }
    with pytest.raises(Refused) as refusal:
        load_module(write_module(tmp_path, HEAD + source), "Product", "Echo")
    text = str(refusal.value)
    assert text.startswith(sentence)
    assert len(text) <= 600
    text.encode()
    assert [name for name, module in before.items() if sys.modules.get(name) is not module] == []


def test_whatever_lies_among_the_modules(tmp_path: Path) -> None:
    write_module(tmp_path, SOUND)
    base = tmp_path / "Product"
    (base / "README.md").write_text("hello")
    (base / "Loop").symlink_to(base / "Loop")
    (base / "Gone").symlink_to(tmp_path / "nowhere")
    (base / "Round").mkdir()
    (base / "Round" / "Round.py").symlink_to("Round.py")
    (base / "a b<i>").mkdir()
    os.mkdir(os.fsencode(base) + b"/caf\xe9")  # no UTF-8
    (tmp_path / "Plugin").write_text("a file")
    (tmp_path / "Payment").symlink_to(tmp_path / "Payment")
    found = {one.name: one.error for one in discover.scan(tmp_path)}
    assert sorted(found) == ["Echo", "Round", "a b<i>", "caf�"]
    assert found["Echo"] == ""
    assert (
        found["caf�"]
        == "The folder name “caf�” is not StudlyCase letters and digits; rename folder, file and"
        " class."
    )
    assert found["Round"].startswith("The f")
    for name in ("Loop", "Gone", "Round", "../Product/Echo", "caf\udce9"):
        with pytest.raises(Refused):
            load_module(base / name, "Product", name)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become somebody else")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    base = Path("/tmp") / f"pq-{os.getpid()}"
    try:
        for name in ("Closed", "Shut"):
            write_module(base, SOUND.replace("Echo", name), name=name)
        (base / "Product/Closed").chmod(0)
        (base / "Product/Shut/config.py").chmod(0)
        os.seteuid(65534)
        found = {one.name: one.error for one in discover.scan(base)}
        nothing = discover.scan(Path("/root"))
    finally:
        os.seteuid(0)
        shutil.rmtree(base)
    assert nothing == []
    assert (
        found["Closed"]
        == "The folder Closed cannot be read (Permission denied); check its owner and permissions."
    )
    assert found["Shut"].startswith(
        "config.py does not load: PermissionError: [Errno 13] Permission denied"
    )


def test_nonsense_in_answers() -> None:
    round_: dict[str, Any] = {"n": float("nan"), "t": "a\x00\ud800", (1, 2): {1, 2}}
    round_["self"] = round_
    answer = Result.of(
        {
            "status": "error",
            "message": "x" * 10**6 + "\x00",
            "errors": {"f": ["\ud800"]},
            "data": round_,
        }
    )
    assert len(answer.message) == 4000
    assert answer.errors == {"f": ["�"]}
    assert answer.as_dict()["data"] == {"n": None, "t": "a��", "(1, 2)": [1, 2], "self": "…"}
    assert jsonable({"a": [1, None, True, 1.5, "ü\n"]}) == {"a": [1, None, True, 1.5, "ü\n"]}
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    jsonable(deep)
    assert as_text("a\ud800\x07b") == "a��b"
