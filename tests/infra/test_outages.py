"""Errors of the real drivers are recognized as outages."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import db, session, transaction
from puqpanel.infra.outages import Outage, outage
from puqpanel.models import Setting
from tests.conftest import BACKEND

pytestmark = pytest.mark.skipif(BACKEND == "sqlite", reason="SQLite has no locks of rows")
TIMEOUT = {
    "postgresql": "SET LOCAL lock_timeout = '200ms'",
    "mariadb": "SET SESSION innodb_lock_wait_timeout = 1",
}


def test_a_lock_that_was_waited_for_too_long(panel: Panel) -> None:
    with transaction() as current:
        current.add(Setting(name="a", value=""))
    change = sa.update(Setting).values(value="x").where(Setting.name == "a")
    with db.engine.connect() as other:
        other.execute(change)
        with pytest.raises(sa.exc.OperationalError) as error, transaction():
            session().execute(sa.text(TIMEOUT[BACKEND]))
            session().execute(change)
        other.rollback()
    assert outage(error.value) is Outage.BUSY


def test_an_error_of_a_statement_is_no_outage(panel: Panel) -> None:
    with pytest.raises(sa.exc.DBAPIError) as error, transaction():
        session().execute(sa.text("SELECT no_such_column FROM settings"))
    assert outage(error.value) is None
