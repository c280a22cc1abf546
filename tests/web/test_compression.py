"""Compressed pages: which are, and that their length reveals nothing to other sites."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace

import pytest

from puqpanel.app import Panel, create_app
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.web.compression import MOST_PADDING, gzipped
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

ACCEPTED = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(
    "path", ["/admin/services", "/admin/clients", "/admin/tasks", "/admin", "/admin/modules"]
)
@pytest.mark.usefixtures("shop")
def test_pages_are_compressed(owner: Browser, path: str) -> None:
    plain = owner.get(path, follow_redirects=True)
    answer = owner.get(path, headers=ACCEPTED, follow_redirects=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    for each in (plain, answer):
        assert "Accept-Encoding" in each.vary
        assert each.headers["Content-Length"] == str(len(each.data))
    assert gzip.decompress(answer.data).decode().startswith("<!doctype html>")
    assert len(answer.data) < 15 * 1024


@pytest.mark.parametrize(
    "site, compressed",
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)],
)
def test_what_another_site_requests_is_not(visitor: Browser, site: str, compressed: bool) -> None:
    answer = visitor.get("/admin/signin", headers={**ACCEPTED, "Sec-Fetch-Site": site})
    assert answer.status_code == 200
    assert ("Content-Encoding" in answer.headers) == compressed


def test_the_length_is_random() -> None:
    page = b"<p>the same page</p>" * 200
    packed = [gzipped(page) for _ in range(200)]
    assert all(gzip.decompress(each) == page for each in packed)
    lengths = {len(each) for each in packed}
    assert len(lengths) > 30
    assert max(lengths) - min(lengths) <= MOST_PADDING


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_clients_without_gzip_get_plain_pages(visitor: Browser, accepted: str) -> None:
    answer = visitor.get("/admin/signin", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert answer.text.startswith("<!doctype html>")


def test_small_and_other_answers_stay(visitor: Browser) -> None:
    for path in ("/favicon.ico", "/brand.css", "/"):
        assert "Content-Encoding" not in visitor.get(path, headers=ACCEPTED).headers


@pytest.fixture
def developing(settings: Settings) -> Iterator[Panel]:
    app = create_app(replace(settings, dev=True))
    yield app
    dismantle(app)


def test_server_timing_under_dev(developing: Panel, visitor: Browser) -> None:
    assert "Server-Timing" not in visitor.get("/admin/signin").headers
    answer = developing.test_client().get("/admin/signin")
    timing = answer.headers["Server-Timing"]
    assert 'statements"' in timing
    parts = dict(part.strip().split(";", 1) for part in timing.split(","))
    assert set(parts) == {"db", "app"}
    number = int(timing.partition('desc="')[2].split()[0])
    assert 1 <= number < 10
