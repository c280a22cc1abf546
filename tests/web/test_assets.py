"""Static files of the packages: cached, and limited to their folders."""

from __future__ import annotations

import re

import pytest

from puqpanel.web.assets import kits
from tests.web.conftest import Browser


def test_every_referenced_file_exists_and_is_cached(visitor: Browser) -> None:
    page = visitor.get("/admin/signin").text
    named = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    assert len(named) >= 12
    for address in named:
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"], address
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert answer.mimetype in ("text/css", "text/javascript", "image/svg+xml"), address


def test_icon_fonts_exist(visitor: Browser) -> None:
    base = f"/assets/icons/{kits()['icons'].version}/"
    sheet = visitor.get(base + "css/all.min.css").text
    fonts = set(re.findall(r"\.\./(webfonts/fa-[a-z]+-\d+\.woff2)", sheet))
    assert fonts
    for font in fonts:
        assert visitor.get(base + font).mimetype == "font/woff2"


@pytest.mark.parametrize(
    "name",
    [
        "../app.py",
        "..%2fassets.py",
        "css/../../assets.py",
        "%2e%2e/assets.py",
        "/etc/passwd",
        "css/..%5c..%5cassets.py",
        "css",
        "",
        "nothing.css",
        "a%00b",
    ],
)
def test_paths_cannot_leave_the_folder(visitor: Browser, name: str) -> None:
    assert visitor.get(
        f"/assets/panel/{kits()['panel'].version}/{name}", follow_redirects=True
    ).status_code in (404, 400)


def test_an_old_version_is_served_but_not_cached(visitor: Browser) -> None:
    answer = visitor.get("/assets/panel/old/mark.svg")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]
    assert visitor.get("/assets/other/1/mark.svg").status_code == 404
