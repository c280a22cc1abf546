"""The pages of modules in Polish have no English text left."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.host.checks import catalogs
from puqpanel.operations.accounts import staff
from tests.i18n.test_modules import MODULES
from tests.modules.conftest import served
from tests.modules.test_pages import IsolatedBrowser
from tests.sample import PASSWORD

__all__ = ["served"]
PANEL = {"Back"}
"""Texts of the panel's own macros, which its own catalog translates."""
PAGES = {
    "PuqNextcloud": ("servers", "server-groups", "server-groups/add", "servers/add"),
    "MyCloudService": ("servers", "servers/add"),
}


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.texts.add(" ".join(data.split()))


@pytest.mark.parametrize("name", PAGES)
def test_no_english_is_left(served: Panel, name: str) -> None:
    staff.create_staff(actor=AUTOMATION, email="owner@panel.test", name="O", password=PASSWORD)
    browser = IsolatedBrowser(served).sign_in("owner@panel.test", password=PASSWORD)
    catalog = catalogs.read(MODULES / "Product" / name / "lang" / "pl.po")
    english = {m.id for m in catalog if isinstance(m.id, str) and m.id and m.string != m.id}
    polish = {m.string for m in catalog if isinstance(m.id, str)}
    for page in PAGES[name]:
        shown = browser.get(
            f"/admin/modules/Product/{name}/{page}",
            headers={"Accept-Language": "pl"},
            follow_redirects=True,
        )
        assert shown.status_code == 200
        parser = _Texts()
        parser.feed(re.search(r"<main.*?</main>", shown.text, re.DOTALL)[0])  # type: ignore[index]
        assert parser.texts & polish
        assert (parser.texts & english) - PANEL == set()
