"""No service that exists is charged from credit by surprise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_services_stay_as_they_are(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0044", rows=20), engine.connect() as connection:
        services = sa.text("SELECT COUNT(*) FROM services WHERE prepaid")
        assert connection.scalar(services) == 0
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM prepaid_spans")) == 0
    engine.dispose()
