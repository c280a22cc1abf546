"""Products whose module's settings are saved count as configured."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra import crypto
from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, upgraded

CONFIGS = [{}, {"a": 1}, {"plan": "basic", "disk": 10}, "unreadable"]


def test_products_with_saved_settings_are_configured(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())

    def config(number: int) -> str:
        value = CONFIGS[number % len(CONFIGS)]
        return value if isinstance(value, str) else crypto.encrypt(json.dumps(value))

    with (
        upgraded(engine, "0011", rows=40, values={"products.config": config}),
        engine.connect() as connection,
    ):
        rows = connection.execute(sa.text("SELECT id, configured FROM products")).all()
        assert len(rows) == 40
        assert {number: bool(configured) for number, configured in rows} == {
            number: CONFIGS[number % len(CONFIGS)] != {} for number in range(FIRST, FIRST + 40)
        }
    engine.dispose()
