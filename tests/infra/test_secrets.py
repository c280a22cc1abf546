"""Keys that several processes make at once, and the names under which secrets are masked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from puqpanel.infra import crypto
from puqpanel.infra.redact import MASK, redact, secret_name


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    for number in range(20):
        folder, barrier, found = tmp_path / str(number), threading.Barrier(4), []

        def start(
            folder: Path = folder,
            barrier: threading.Barrier = barrier,
            found: list[tuple[str, str]] = found,
        ) -> None:
            barrier.wait()
            crypto.make_keys(folder)
            found.append((crypto.read_keys(crypto.key_file(folder))[0], crypto.session_key(folder)))

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1 and len(found) == 4
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
def test_what_stands_under_a_secret_name_is_masked(name: str) -> None:
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
def test_what_only_looks_like_one_is_not(name: str) -> None:
    assert not secret_name(name)
