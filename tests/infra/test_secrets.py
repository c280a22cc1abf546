"""Concurrent creation of keys, and field names that are masked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from puqpanel.infra import crypto
from puqpanel.infra.redact import MASK, redact, secret_name


def test_concurrent_processes_create_one_key(tmp_path: Path) -> None:
    for number in range(20):
        folder, barrier, created = tmp_path / str(number), threading.Barrier(4), []

        def start(
            folder: Path = folder,
            barrier: threading.Barrier = barrier,
            created: list[tuple[str, str]] = created,
        ) -> None:
            barrier.wait()
            crypto.make_keys(folder)
            created.append(
                (crypto.read_keys(crypto.key_file(folder))[0], crypto.session_key(folder))
            )

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(created)) == 1 and len(created) == 4
        assert sorted(path.name for path in folder.iterdir()) == ["secrets.key", "session.key"]


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "root_pass",
        "db_pwd",
        "user_pin",
        "rootPass",
        "admin-pw",
        "accesshash",
        "API_KEY",
        "pin",
        "bank_iban",
        "wg_psk",
    ],
)
def test_secret_field_names_are_masked(name: str) -> None:
    assert redact({name: "hunter2"}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    [
        "passenger",
        "bypass",
        "compass",
        "spinning",
        "ping",
        "shipping",
        "domain",
        "username",
        "path",
        "power",
    ],
)
def test_similar_field_names_are_not_masked(name: str) -> None:
    assert not secret_name(name)
