"""Imports inside a module by its own address, as the vendor's files write them: of this load,
and of no other.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module, unload
from tests.sample import write_module

MAIN = """
from puqpanel.sdk import Product
from modules.Product.Echo.Services.CloudAPIClient import CloudAPIClient
import Modules.Product.Echo.Services.CloudAPIClient as clients
from Modules.Product.Echo.Services import CloudAPIClient as again


class Echo(Product):
    def parts(self):
        from modules.Product.Echo.Services.CloudAPIClient import WORD
        return CloudAPIClient, clients.CloudAPIClient, again.CloudAPIClient, WORD
"""
CLIENT = "WORD = 'one'\n\n\nclass CloudAPIClient:\n    pass\n"


def test_own_files_by_their_address(tmp_path: Path) -> None:
    folder = write_module(tmp_path, MAIN, files={"Services/CloudAPIClient.py": CLIENT})
    first = load_module(folder, "Product", "Echo")
    made: Any = first.cls()
    one, two, three, word = made.parts()
    assert one is two is three and word == "one"
    assert one.__module__ == f"{first.package}.Services.CloudAPIClient"
    (folder / "Services/CloudAPIClient.py").write_text(CLIENT.replace("one", "two"))
    second: Any = load_module(folder, "Product", "Echo")
    assert second.cls().parts()[3] == "two" and made.parts()[3] == "one"
    assert second.cls().parts()[0] is not one
    assert not any(
        name.split(".")[0] in ("modules", "Modules") and "Echo" in name for name in sys.modules
    )
    unload(first.package, second.package)


@pytest.mark.parametrize(
    "line",
    [
        "from modules.Product.Other.services.x import y",
        "from Modules.Plugin.Echo.x import y",
        "import modules.Product.Echo.nothing as x",
    ],
)
def test_other_modules_stay_unknown(tmp_path: Path, line: str) -> None:
    folder = write_module(
        tmp_path,
        f"{line}\n" + MAIN.replace("from modules", "# "),
        files={"Services/CloudAPIClient.py": CLIENT},
    )
    with pytest.raises(Refused, match=r"Echo\.py"):
        load_module(folder, "Product", "Echo")


def test_a_mistake_keeps_its_line(tmp_path: Path) -> None:
    folder = write_module(
        tmp_path, MAIN + "\n\nnonsense here\n", files={"Services/CloudAPIClient.py": CLIENT}
    )
    with pytest.raises(Refused, match=r"Echo\.py:14"):
        load_module(folder, "Product", "Echo")
