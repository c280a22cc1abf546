"""Key rotation of every secret, in batches, during concurrent writes."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from puqpanel.app import Panel
from puqpanel.infra import crypto
from puqpanel.infra.db import engine_for, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Product
from puqpanel.operations.system import rotation


@pytest.fixture
def own_keys(panel: Panel, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Keys of this test only; those of the run are shared."""
    instance = tmp_path / "instance"
    shutil.copytree(settings.keys_dir.resolve(), instance / "keys")
    crypto.use_keys(instance / "keys")
    yield dataclasses.replace(settings, instance=instance)
    crypto.use_keys(settings.keys_dir)


def products(count: int) -> None:
    with transaction() as session:
        session.add_all(
            Product(name=f"P{number}", slug=f"p{number}", config={"secret": number})
            for number in range(count)
        )


def raw(settings: Settings) -> list[str]:
    with engine_for(settings.database_url).connect() as connection:
        return list(
            connection.execute(sa.text("select config from products order by id")).scalars()
        )


def test_rotation_re_encrypts_every_secret(
    own_keys: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 7)
    products(30)
    before = raw(own_keys)
    crypto.add_key(own_keys.keys_dir)
    tally = rotation.rotate(own_keys)
    assert tally.older >= 30
    assert tally.alien == 0
    newest = Fernet(crypto.read_keys(crypto.key_file(own_keys.keys_dir))[0])
    assert [newest.decrypt(token.encode()) for token in raw(own_keys)] == [
        b'{"secret": %d}' % number for number in range(30)
    ]
    assert not set(before) & set(raw(own_keys))
    assert rotation.rotate(own_keys).older == 0


def test_rotation_finds_secrets_in_plain_columns_of_modules(own_keys: Settings) -> None:
    engine = engine_for(own_keys.database_url)
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        connection.execute(
            sa.text(
                "create table mod_product_x_servers (a varchar(20), b varchar(20), password text,"
                " primary key (a, b))"
            )
        )
        for number in range(5):
            connection.execute(
                sa.text("insert into mod_product_x_servers values (:a, 'b', :p)"),
                {"a": str(number), "p": crypto.encrypt("secret")},
            )
        connection.execute(
            sa.text("insert into mod_product_x_servers values ('plain', 'b', 'no secret')")
        )
    crypto.add_key(own_keys.keys_dir)
    rotation.rotate(own_keys)
    crypto.drop_old_keys(own_keys.keys_dir)
    with engine.connect() as connection:
        texts = connection.execute(sa.text("select a, password from mod_product_x_servers")).all()
    assert {text for name, text in texts if name == "plain"} == {"no secret"}
    crypto.use_keys(own_keys.keys_dir)
    assert {crypto.decrypt(text) for name, text in texts if name != "plain"} == {"secret"}


def test_rotation_handles_tables_without_primary_key(
    own_keys: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    with transaction() as session:
        session.add(Product(name="gAAAA is what I call it", slug="gaaaa"))
    engine = engine_for(own_keys.database_url)
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        connection.execute(sa.text("create table mod_product_x_notes (kept text)"))
        for number in range(5):
            connection.execute(
                sa.text("insert into mod_product_x_notes values (:p)"),
                {"p": crypto.encrypt(f"secret {number}")},
            )
    crypto.add_key(own_keys.keys_dir)
    tally = rotation.rotate(own_keys)
    assert (tally.alien, rotation.rotate(own_keys).older) == (0, 0)
    crypto.drop_old_keys(own_keys.keys_dir)
    crypto.use_keys(own_keys.keys_dir)
    with engine.connect() as connection:
        kept = connection.execute(sa.text("select kept from mod_product_x_notes")).scalars().all()
    assert sorted(crypto.decrypt(token) for token in kept) == [
        f"secret {number}" for number in range(5)
    ]


def test_rotation_loses_no_concurrent_change(
    own_keys: Settings, app: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 3)
    products(20)
    stop, written = threading.Event(), [0]

    def write() -> None:
        with app.app_context():
            while not stop.is_set():
                written[0] += 1
                with transaction() as session:
                    session.execute(
                        sa.update(Product)
                        .where(Product.name == "P7")
                        .values(config={"secret": 1000 + written[0]})
                    )

    writer = threading.Thread(target=write)
    writer.start()
    crypto.add_key(own_keys.keys_dir)
    for _ in range(3):
        rotation.rotate(own_keys)
    stop.set()
    writer.join()
    rotation.rotate(own_keys)
    crypto.drop_old_keys(own_keys.keys_dir)
    crypto.use_keys(own_keys.keys_dir)
    with app.app_context(), transaction() as session:
        values = dict(session.execute(sa.select(Product.name, Product.config)).all())
    assert values["P7"] == {"secret": 1000 + written[0]}
    assert values["P3"] == {"secret": 3}
