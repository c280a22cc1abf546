"""The page of the nightly integrity check."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, Task
from puqpanel.operations.billing import books_checks
from puqpanel.tasks import heartbeat
from tests.operations.billing.test_converted_taxes import rate
from tests.web.billing.test_exports import query  # noqa: F401
from tests.web.conftest import Browser

PAGE = "/admin/books/"


def test_problems_are_listed(app: Panel, owner: Browser, query: str) -> None:  # noqa: F811
    assert PAGE in owner.get("/admin/documents/").text
    assert "Not checked yet" in owner.get(PAGE).text
    assert "Some checks failed" in owner.get("/admin/health/").text  # nothing runs
    with app.app_context():
        for kind in ("worker", "scheduler"):
            heartbeat.beat(kind, kind, app.generation)
        rate("PLN", "4.2567")
        books_checks.run()
    assert "All checks passed" in owner.get("/admin/health/").text
    assert "1 issued document was verified." in owner.get(PAGE).text
    with app.app_context():
        with transaction():
            session().execute(sa.update(Document).values(notes="Changed by SQL"))
            number = session().scalars(sa.select(Document.number)).one()
        books_checks.run()
    text = owner.get(PAGE).text
    assert number in text and "1 problem was found." in text
    assert "Some checks have warnings" in owner.get("/admin/health/").text
    assert "Its content was changed after it was issued." in text


def test_staff_check_now(app: Panel, owner: Browser) -> None:
    form = {"module": "", "name": "Check the books"}
    assert owner.post("/admin/schedule/run", form).status_code == 302
    with app.app_context():
        (task,) = session().scalars(sa.select(Task)).all()
        assert task.data["entry"] == "Check the books"
