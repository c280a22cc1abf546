"""The cache of modules' compiled code: never out of date, and harmless when it is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module, unload
from puqpanel.infra import code_cache
from tests.sample import write_module

ECHO = """
from puqpanel.sdk import Product


class Echo(Product):
    word = "one"
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(code_cache, "_folder", "")
    code_cache.use(tmp_path / "instance")
    yield tmp_path / "instance/cache/modules"
    code_cache.compiled.cache_clear()


def word(folder: Path) -> str:
    code_cache.compiled.cache_clear()  # as in a new process
    loaded = load_module(folder, "Product", "Echo")
    unload(loaded.package)
    return str(vars(loaded.cls)["word"])


def test_an_edit_of_the_same_size_and_time_is_loaded(tmp_path: Path) -> None:
    folder = write_module(tmp_path, ECHO)
    assert word(folder) == word(folder) == "one"
    path = folder / "Echo.py"
    before = path.stat()
    path.write_text(ECHO.replace("one", "two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert word(folder) == "two"


def test_code_is_read_from_the_cache(tmp_path: Path) -> None:
    folder = write_module(tmp_path, ECHO)
    path, source = str(folder / "Echo.py"), (folder / "Echo.py").read_bytes()
    assert code_cache.find(path, source) is None
    word(folder)
    assert code_cache.find(path, source).co_filename == path
    assert code_cache.find(path, source + b" ") is None
    other = compile(ECHO.replace("one", "kept"), path, "exec")
    code_cache.keep(path, source, other)
    assert word(folder) == "kept"


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_or_missing_entry_is_compiled_again(
    tmp_path: Path, cache: Path, damage: bytes | None
) -> None:
    folder = write_module(tmp_path, ECHO, files={"views/a.html": "<p>{{ word }}</p>"})
    word(folder)
    entries = list(cache.iterdir())
    assert len(entries) == 3  # config.py, Echo.py and the check of the templates
    for entry in entries:
        content = entry.read_bytes()
        entry.write_bytes(content[:-1] + b"\xff" if damage is None else damage)
    assert word(folder) == "one"
    for entry in entries:
        entry.unlink()
    cache.rmdir()  # also without its folder
    assert word(folder) == "one"


def test_broken_templates_are_refused_after_sound_ones(tmp_path: Path) -> None:
    folder = write_module(tmp_path, ECHO, files={"views/a.html": "<p>{{ word }}</p>"})
    assert word(folder) == "one"
    (folder / "views/a.html").write_text("<p>{{ word  </p>")
    for _ in range(2):
        with pytest.raises(Refused, match=r"views/a\.html has a syntax error"):
            word(folder)
