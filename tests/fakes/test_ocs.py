"""The fake server follows the documentation of the real API."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import requests

from tests.fakes.ocs import Dialect, OcsServer
from tests.fakes.ocs_schema import problems

HEADERS = {"OCS-APIRequest": "true"}


@pytest.fixture
def cloud() -> Iterator[OcsServer]:
    """A running server."""
    with OcsServer() as one:
        yield one


def ask(cloud: OcsServer, method: str, path: str, **form: object) -> tuple[int, object]:
    """Send a request as the administrator; return the API's code and data."""
    answer = requests.request(
        method,
        f"{cloud.url}/ocs/v1.php/cloud{path}",
        params={"format": "json"},
        data=form,
        headers=HEADERS,
        auth=(cloud.admin, cloud.password),
        timeout=5,
    )
    ocs = answer.json()["ocs"]
    return ocs["meta"]["statuscode"], ocs["data"]


def test_the_lifecycle_of_a_user(cloud: OcsServer) -> None:
    new = {"userid": "nc_1", "password": "long-enough-1", "groups[]": "customers", "quota": "5 GB"}
    assert ask(cloud, "POST", "/users", **new) == (100, {"id": "nc_1"})
    assert ask(cloud, "POST", "/users", **new)[0] == 102
    code, data = ask(cloud, "GET", "/users/nc_1")
    assert isinstance(data, dict)
    assert (code, data["enabled"], data["groups"], data["quota"]["quota"]) == (
        100,
        True,
        ["customers"],
        5 * 1024**3,
    )
    assert [ask(cloud, "PUT", "/users/nc_1/disable")[0] for _ in "ab"] == [100, 100]
    assert not cloud.users["nc_1"].enabled
    assert ask(cloud, "PUT", "/users/nc_1/enable")[0] == 100
    assert ask(cloud, "PUT", "/users/nc_1", key="quota", value="none")[0] == 100
    assert ask(cloud, "DELETE", "/users/nc_1/groups", groupid="customers")[0] == 100
    assert ask(cloud, "POST", "/users/nc_1/groups", groupid="customers")[0] == 100
    assert (ask(cloud, "DELETE", "/users/nc_1")[0], cloud.customers) == (100, {})


def test_invalid_requests_are_refused(cloud: OcsServer) -> None:
    assert ask(cloud, "POST", "/users", userid="a", password="short")[0] == 107
    assert ask(cloud, "POST", "/users", userid="a/b", password="long-enough-1")[0] == 101
    assert (
        ask(
            cloud,
            "POST",
            "/users",
            **{"userid": "a", "password": "long-enough-1", "groups[]": "none"},
        )[0]
        == 104
    )
    assert cloud.customers == {}
    assert (
        ask(cloud, "POST", "/users", userid="a", password="long-enough-1", quota="much")[0] == 101
    )
    assert list(cloud.customers) == ["a"], "as on the real one, the user has been made by then"
    missing = [
        ask(cloud, *call)[0]
        for call in (("GET", "/users/x"), ("DELETE", "/users/x"), ("PUT", "/users/x/disable"))
    ]
    assert missing == [404, 998, 101]
    assert ask(cloud, "GET", "/nothing")[0] == 998


def test_header_credentials_and_permissions(cloud: OcsServer) -> None:
    url = f"{cloud.url}/ocs/v1.php/cloud/users"
    assert requests.get(url, auth=(cloud.admin, cloud.password), timeout=5).status_code == 412
    wrong = requests.get(url, headers=HEADERS, auth=(cloud.admin, "no"), timeout=5)
    assert (wrong.status_code, ElementTree.fromstring(wrong.text).findtext("meta/statuscode")) == (
        401,
        "997",
    )
    ask(cloud, "POST", "/users", userid="plain", password="long-enough-1")
    plain = requests.get(url, headers=HEADERS, auth=("plain", "long-enough-1"), timeout=5)
    assert ElementTree.fromstring(plain.text).findtext("meta/statuscode") == "403"


def test_responses_are_xml_unless_json_is_requested(cloud: OcsServer) -> None:
    url = f"{cloud.url}/ocs/v1.php/cloud/users/{cloud.admin}"
    answer = requests.get(url, headers=HEADERS, auth=(cloud.admin, cloud.password), timeout=5)
    tree = ElementTree.fromstring(answer.text)
    assert (tree.findtext("meta/statuscode"), tree.findtext("data/enabled")) == ("100", "1")
    assert [one.text for one in tree.findall("data/groups/element")] == ["admin"]
    asked = {**HEADERS, "Accept": "application/json"}
    assert (
        requests.get(url, headers=asked, auth=(cloud.admin, cloud.password), timeout=5).json()[
            "ocs"
        ]["meta"]["status"]
        == "ok"
    )


def test_dialects() -> None:
    with OcsServer(dialect=Dialect(json=False, missing=998, root="/nextcloud")) as cloud:
        url = f"{cloud.url}/nextcloud/ocs/v1.php/cloud/users/x?format=json"
        answer = requests.get(url, headers=HEADERS, auth=(cloud.admin, cloud.password), timeout=5)
        assert ElementTree.fromstring(answer.text).findtext("meta/statuscode") == "998"
        assert (
            requests.get(
                f"{cloud.url}/ocs/v1.php/cloud/users", headers=HEADERS, timeout=5
            ).status_code
            == 404
        )


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("POST", "/users", {"userid": "a", "password": "long-enough-1", "display": "A"}),
        ("PUT", "/users/panel-admin", {"key": "quota", "value": "1 GB", "format": "json", "a": ""}),
        ("GET", "/users", {"group": "customers"}),
    ],
)
def test_requests_that_are_not_described_fail_the_test(
    method: str, path: str, form: dict[str, str]
) -> None:
    server = OcsServer().start()
    ask(server, method, path, **form)
    with pytest.raises(AssertionError):
        server.stop()


@pytest.mark.parametrize("field", ["quota", "phone", "backendCapabilities", "lastLogin"])
def test_responses_are_held_against_the_description(cloud: OcsServer, field: str) -> None:
    _code, user = ask(cloud, "GET", f"/users/{cloud.admin}")
    assert isinstance(user, dict)
    whole = {"ocs": {"meta": {"status": "ok", "statuscode": 100}, "data": user}}
    assert not problems("GET", "/cloud/users/x", set(), whole)
    del user[field]
    assert problems("GET", "/cloud/users/x", set(), whole)
