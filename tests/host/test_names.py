"""Either spelling: the nearest definition wins under both names, and two different ones in one
class are refused.
"""

from __future__ import annotations

from typing import Any

import pytest

from puqpanel.host.contract import names
from puqpanel.host.contract.base import ModuleBase
from puqpanel.sdk import Product


def test_every_documented_name_has_one_python_name() -> None:
    # toISOString and toIso8601String are one
    assert len(set(names.NAMES.values())) >= len(names.NAMES) - 2
    assert not set(names.NAMES) & set(names.NAMES.values())
    assert all(vendor != python for vendor, python in names.NAMES.items())


@pytest.mark.parametrize(
    ("vendor", "python"),
    [
        ("adminWebRoutes", "admin_web_routes"),
        ("change_packageJob", "change_package_job"),
        ("createJob", "create_job"),
        ("getClientAreaMenuConfig", "get_client_area_menu_config"),
        ("controllerClient_consoleGet", "controller_client_console_get"),
        ("controllerClient_filesGetURLList", "controller_client_files_get_url_list"),
        ("controllerClient_server_infoGet", "controller_client_server_info_get"),
        ("runChecks", "runChecks"),
        ("statusCheckJob", "statusCheckJob"),
        ("create", "create"),
    ],
)
def test_python_name(vendor: str, python: str) -> None:
    assert names.python_name(vendor) == python


def test_keys() -> None:
    assert names.python_keys({"maxExceptions": 1, "server_id": "7"}) == {
        "max_exceptions": 1,
        "server_id": "7",
    }


class Vendor(Product):
    def getProductData(self, data: Any = None) -> Any:
        return {"from": "vendor", **(data or {})}

    def createJob(self) -> Any:
        return {"status": "success", "message": "vendor"}

    def controllerClient_consoleGet(self, request: Any) -> Any:
        return {"success": True}


class Child(Vendor):
    def create_job(self) -> Any:
        return {"status": "success", "message": "child", "above": super().createJob()["message"]}


class GrandChild(Child):
    def createJob(self) -> Any:
        return super().create_job() | {"message": "grandchild"}


def test_an_override_in_one_spelling_replaces_both() -> None:
    for cls, message in ((Vendor, "vendor"), (Child, "child"), (GrandChild, "grandchild")):
        module: Any = cls()
        assert module.createJob()["message"] == module.create_job()["message"] == message
    assert GrandChild().create_job()["above"] == "vendor"  # type: ignore[index]
    assert Vendor().get_product_data({"a": 1}) == {"from": "vendor", "a": 1}
    assert Vendor().controller_client_console_get(None) == {"success": True}  # type: ignore[attr-defined]


def test_super_reaches_ours_in_either_spelling() -> None:
    class Asks(Product):
        def adminSidebar(self) -> Any:
            return [*super().adminSidebar(), *super().admin_sidebar(), {"title": "x"}]  # type: ignore[misc]

    assert Asks().admin_sidebar() == [{"title": "x"}]


def test_a_mixin_counts() -> None:
    class Logs:
        def createJob(self) -> str:
            return "mixin"

    class Mixed(Logs, Product):
        pass

    assert Mixed().create_job() == "mixin"


def test_both_spellings_in_one_class_are_refused() -> None:
    with pytest.raises(
        names.BothSpellings, match="Twice defines both createJob and create_job; keep one"
    ):
        type("Twice", (ModuleBase,), {"createJob": lambda self: 1, "create_job": lambda self: 2})

    def one(self: Any) -> int:
        return 1

    same: Any = type("Same", (ModuleBase,), {"createJob": one, "create_job": one})
    assert same().createJob() == 1


def test_accessors_become_properties_and_back() -> None:
    @names.bind
    class Invoice:
        due_amount = property(lambda self: 5)

    @names.bind
    class Theirs:
        def getDueAmountAttribute(self) -> int:
            return 7

    assert Invoice().getDueAmountAttribute() == 5  # type: ignore[attr-defined]
    assert Theirs().due_amount == 7  # type: ignore[attr-defined]


class Tabs(Product):
    def controllerClient_filesGet(self, request: Any) -> None: ...
    def controllerClient_filesGetList(self, request: Any) -> None: ...
    def controller_client_files_old_get(self, request: Any) -> None: ...
    def controller_client_fileManager_get(self, request: Any) -> None: ...
    def _controller_client_files_secret(self) -> None: ...


@pytest.mark.parametrize(
    ("tab", "verb", "method"),
    [
        ("files", "get", "controller_client_files_get"),
        ("files", "get_list", "controller_client_files_get_list"),
        ("files", "old_get", None),
        ("files_old", "get", "controller_client_files_old_get"),
        ("fileManager", "get", "controller_client_fileManager_get"),
        ("files", "secret", None),
        ("files", "__class__", None),
        ("files", "Get", None),
        ("files", "", None),
        ("files", "../get", None),
    ],
)
def test_client_methods(tab: str, verb: str, method: str | None) -> None:
    assert names.client_method(Tabs, tab, verb, ["files", "files_old", "fileManager"]) == method
