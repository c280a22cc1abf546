"""A client's service in every status: a clear notice, no provider errors, no unusable tabs."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.operations.provisioning import services
from tests.conftest import STAFF
from tests.sample import PASSWORD, activate, make_service, write_module
from tests.web.conftest import Browser

MODULE = """
    from puqpanel.sdk import Product

    class Echo(Product):
        def getClientAreaMenuConfig(self):
            return {"general": {"name": "General", "template": "client_area.general"}, "files": {"name": "Files", "template": "client_area.general"}}

        def controllerClientGeneralSecret(self, request):
            return "hunter2"
"""
REASON = "The cloud at 10.0.0.7 says: no room on node fra-3."
Look = Callable[..., tuple[TestResponse, TestResponse, int]]


@pytest.fixture
def look(settings: Settings, tmp_path: Path) -> Look:
    """Return the service's page, the home page and the status code of a call of the first tab."""
    write_module(
        tmp_path / "modules",
        MODULE,
        files={"views/client_area/general.html": "<p>the module's tab</p>"},
    )
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    app = live.ensure()
    with app.app_context():
        activate(app, STAFF)
    dismantle(app)
    app = live.ensure()
    with app.app_context():
        uuid = make_service(STAFF).uuid
    browser: Browser = contextvars.Context().run(
        Browser(app).sign_in, "astrid@lumen.test", "/client", PASSWORD
    )

    def look(status: str, provision: str, **values: Any) -> tuple[TestResponse, TestResponse, int]:
        with app.app_context(), transaction():
            service = services.find_service(uuid)
            service.failure = REASON
            for name, value in {"status": status, "provision_status": provision, **values}.items():
                setattr(service, name, value)
        call = browser.get(f"/client/services/{uuid}/general/api/secret")
        return (
            browser.get(f"/client/services/{uuid}", follow_redirects=True),
            browser.get("/client/"),
            call.status_code,
        )

    return look


@pytest.mark.parametrize(
    ("status", "provision", "verb", "sentence"),
    [
        ("pending", "pending", "", ""),
        ("pending", "processing", "create", "Your service is being set up."),
        ("pending", "failed", "create", "Setup is taking longer than expected."),
        ("active", "completed", "create", ""),
        ("active", "processing", "change_package", "Your service is being updated."),
        ("active", "failed", "suspend", ""),
        ("active", "failed", "change_package", "Your current package stays active until then."),
        ("suspended", "suspended", "suspend", "This service is suspended."),
    ],
)
def test_usable_service_shows_its_tab_and_a_notice(
    look: Look, status: str, provision: str, verb: str, sentence: str
) -> None:
    page, home, _ = look(status, provision, verb=verb)
    assert page.status_code == 200
    assert ("the module's tab" in page.text, sentence in page.text) == (True, True)
    assert (">Files</a>" in page.text) == (status == "active"), (
        "a service that is not active has only its first tab"
    )
    assert REASON not in page.text + home.text
    assert "fra-3" not in page.text + home.text


@pytest.mark.parametrize(
    ("status", "provision", "sentence"),
    [
        ("terminated", "terminated", "This service has ended."),
        ("cancelled", "pending", "This service was cancelled."),
        ("fraud", "suspended", "This service is suspended."),
        ("active", "not_found", "This service is currently unavailable."),
    ],
)
def test_closed_service_shows_the_plan_instead_of_tabs(
    look: Look, status: str, provision: str, sentence: str
) -> None:
    page, home, call = look(status, provision)
    assert (page.status_code, call) == (200, 404)
    assert ("the module's tab" in page.text, sentence in page.text, ">Plan</h2>" in page.text) == (
        False,
        True,
        True,
    )
    assert "fra-3" not in page.text + home.text
    assert "raud" not in page.text + home.text
