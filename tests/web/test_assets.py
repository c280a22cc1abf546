"""Static files of the packages: cached, and limited to their folders."""

from __future__ import annotations

import gzip
import re
import zlib

import brotli
import pytest

from puqpanel.infra.settings import Settings
from puqpanel.web import assets, precompressed
from puqpanel.web.assets import kits
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite


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


@pytest.fixture
def compressed(settings: Settings) -> None:
    precompressed.prepare(settings.instance, assets.compressible())


UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}


@pytest.mark.parametrize(
    "accepted, encoding",
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip;q=0", None),
    ],
)
@pytest.mark.usefixtures("compressed")
def test_a_client_gets_the_encoding_it_prefers(
    visitor: Browser, accepted: str, encoding: str | None
) -> None:
    page = visitor.get("/admin/signin").text
    for address in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
        plain = visitor.get(address)
        answer = visitor.get(address, headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == encoding, address
        assert UNPACK[encoding](answer.data) == plain.data
        assert answer.headers["Content-Length"] == str(len(answer.data))
        assert "Accept-Encoding" in answer.vary
        assert "Accept-Encoding" in plain.vary
        assert answer.mimetype == plain.mimetype
        assert "immutable" in answer.headers["Cache-Control"]
        again = visitor.get(
            address,
            headers={"Accept-Encoding": accepted, "If-None-Match": answer.headers["ETag"]},
        )
        assert again.status_code == 304
        assert encoding is None or answer.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.usefixtures("compressed")
def test_compressed_assets_are_small(visitor: Browser) -> None:
    page = visitor.get("/admin/signin").text
    named = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    sizes = [len(visitor.get(each, headers={"Accept-Encoding": "br"}).data) for each in named]
    assert sum(sizes) < 120_000


def test_other_versions_are_deleted(settings: Settings) -> None:
    old = settings.instance / "assets" / "panel-old" / "css" / "base.css.br"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    precompressed.prepare(settings.instance, assets.compressible())
    assert not old.exists()
    (copy,) = (settings.instance / "assets").glob("panel-*/mark.svg.br")
    before = copy.stat().st_mtime_ns
    precompressed.prepare(settings.instance, assets.compressible())
    assert copy.stat().st_mtime_ns == before


def test_without_room_files_are_sent_as_they_are(visitor: Browser, settings: Settings) -> None:
    (settings.instance / "assets").write_text("in the way")
    precompressed.prepare(settings.instance, assets.compressible())
    address = f"/assets/panel/{kits()['panel'].version}/css/base.css"
    answer = visitor.get(address, headers={"Accept-Encoding": "br"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_an_empty_copy_is_made_again(visitor: Browser, settings: Settings) -> None:
    files = assets.compressible()
    precompressed.prepare(settings.instance, files)
    (kit, version, name), *_ = files
    copy = precompressed.copy_of(settings.instance, kit, version, name, "gzip")
    copy.write_bytes(b"")  # as after a power failure
    precompressed.prepare(settings.instance, files)
    assert zlib.decompress(copy.read_bytes(), 31) == files[kit, version, name].read_bytes()
    assert {path.suffix for path in copy.parent.iterdir()} <= {".br", ".gz"}
