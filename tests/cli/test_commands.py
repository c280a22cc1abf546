"""Every command for people: what it says, what a script reads, and what a mistake gets."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from puqpanel.cli import COMMANDS
from tests.cli.running import puqpanel


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def migrated(instance: Path) -> Path:
    assert puqpanel(instance, "db", "upgrade").returncode == 0
    return instance


def test_help_names_every_command_and_every_command_has_help(instance: Path) -> None:
    said = puqpanel(instance, "--help")
    assert said.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in said.stdout
        one = puqpanel(instance, name, "--help")
        assert one.returncode == 0, one.stderr
        assert len(one.stdout) > 150
    assert not instance.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["up", "--port", "many"],
        ["staff", "create"],
        ["module", "check"],
        ["bench", "nonsense"],
    ],
)
def test_a_command_called_wrongly_is_exit_code_2(instance: Path, arguments: list[str]) -> None:
    said = puqpanel(instance, *arguments)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "sentence"),
    [
        (
            ["doctor"],
            {"PUQPANEL_PORT": "many"},
            "PUQPANEL_PORT must be a whole number from 0 to 65535, not “many”.",
        ),
        (
            ["web"],
            {"PUQPANEL_DATABASE_URL": "oracle://x"},
            "PUQPANEL_DATABASE_URL must begin with sqlite",
        ),
        (
            ["web"],
            {"PUQPANEL_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/x"},
            "The database cannot be used: ",
        ),
        (["web"], {}, "The database is not up to date; run: puqpanel db upgrade"),
        (["worker"], {}, "The database is not up to date; run: puqpanel db upgrade"),
        (["scheduler"], {}, "The database is not up to date; run: puqpanel db upgrade"),
        (["module", "list"], {}, "The database is not up to date; run: puqpanel db upgrade"),
        (["module", "check", "Nothing"], {}, "There is no module Nothing."),
        (["keys", "status"], {}, "The database is not up to date; run: puqpanel db upgrade"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(
    instance: Path, arguments: list[str], env: dict[str, str], sentence: str
) -> None:
    said = puqpanel(instance, *arguments, **env)
    assert said.returncode == 1
    assert said.stderr.startswith(f"puqpanel: {sentence}")
    assert said.stderr.count("\n") == 1


def test_db(instance: Path) -> None:
    before = puqpanel(instance, "db", "current", "--json")
    assert before.returncode == 1
    assert json.loads(before.stdout)["current"] is None
    assert puqpanel(instance, "db", "upgrade").stdout.startswith("Upgraded from nothing to ")
    assert puqpanel(instance, "db", "upgrade").stdout.startswith("Up to date already")
    after = puqpanel(instance, "db", "current", "--json")
    assert after.returncode == 0
    assert json.loads(after.stdout)["pending"] is False


def test_staff(migrated: Path) -> None:
    made = puqpanel(migrated, "staff", "create", "ada@example.test")
    assert made.returncode == 0
    assert "Password: " in made.stdout
    again = puqpanel(migrated, "staff", "create", "ADA@example.test")
    assert again.returncode == 1
    assert "Another account has this address" in again.stderr
    weak = puqpanel(
        migrated, "staff", "password", "ada@example.test", "--password-stdin", given="short\n"
    )
    assert weak.returncode == 1
    assert "at least" in weak.stderr
    assert (
        puqpanel(
            migrated,
            "staff",
            "password",
            "ada@example.test",
            "--password-stdin",
            given="long enough for ada\n",
        ).returncode
        == 0
    )
    assert (
        "There is no role called Nobody"
        in puqpanel(migrated, "staff", "create", "x@example.test", "--role", "Nobody").stderr
    )
    assert (
        "There is no staff account"
        in puqpanel(migrated, "staff", "password", "bob@example.test").stderr
    )


def test_module(migrated: Path) -> None:
    def states() -> dict[str, str]:
        listed = puqpanel(migrated, "module", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return {f"{row['type']}/{row['name']}": row["status"] for row in json.loads(listed.stdout)}

    assert states()["Product/MyCloudService"] == "inactive"
    assert puqpanel(migrated, "module", "activate", "MyCloudService").returncode == 0
    assert states()["Product/MyCloudService"] == "active"
    assert "not stopped" in puqpanel(migrated, "module", "resume", "MyCloudService").stderr
    with contextlib.closing(sqlite3.connect(migrated / "puqpanel.db")) as database:
        database.execute("UPDATE modules SET failing = 'It failed again and again.'")
        database.commit()
    assert states()["Product/MyCloudService"] == "failing"
    assert (
        puqpanel(migrated, "module", "log", "PuqNextcloud").stdout
        == "Product/PuqNextcloud has logged nothing yet.\n"
    )
    with contextlib.closing(sqlite3.connect(migrated / "puqpanel.db")) as database:
        values = (
            "'2026-01-01 00:00:00', 'Product', 'MyCloudService', ?, ?, '', 'all\n is well', '', 0,"
            " '', '', ''"
        )
        names = (
            "at, type, name, level, action, request, response, service_uuid, attempt, actor_kind,"
            " actor_name, request_id"
        )
        database.executemany(
            f"INSERT INTO module_log ({names}) VALUES ({values})",
            [("error", "first"), ("info", "second")],
        )
        database.commit()
    assert puqpanel(migrated, "module", "log", "MyCloudService").stdout.splitlines() == [
        "2026-01-01 00:00:00  error  first  all is well",
        "2026-01-01 00:00:00  info   second  all is well",
    ]
    assert [
        row["action"]
        for row in json.loads(
            puqpanel(
                migrated, "module", "log", "MyCloudService", "--level", "error", "--json"
            ).stdout
        )
    ] == ["first"]
    assert (
        puqpanel(migrated, "module", "resume", "MyCloudService").stdout
        == "Product/MyCloudService goes on.\n"
    )
    assert states()["Product/MyCloudService"] == "active"
    assert puqpanel(migrated, "module", "deactivate", "Product/MyCloudService").returncode == 0
    assert states()["Product/MyCloudService"] == "inactive"
    assert (
        "Do you mean Product/MyCloudService?"
        in puqpanel(migrated, "module", "activate", "mycloudservice").stderr
    )


def test_module_check_says_what_would_be_refused(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "Plugin" / "Broken"
    folder.mkdir(parents=True)
    (folder / "config.py").write_text('CONFIG = {"name": "Broken", "version": "1.0.0"}\n')
    (folder / "Broken.py").write_text(
        "from puqpanel.sdk import Plugin\n\n\nclass Other(Plugin):\n    pass\n"
    )
    said = puqpanel(
        instance,
        "module",
        "check",
        "--all",
        "--json",
        PUQPANEL_MODULES_DIR=str(tmp_path / "modules"),
    )
    assert said.returncode == 1
    (found,) = [row for row in json.loads(said.stdout) if row["severity"] == "refused"]
    assert found["module"] == "Plugin/Broken" and "Broken" in found["says"]
    assert puqpanel(instance, "module", "check", "--all").returncode == 0


def test_doctor_of_a_panel_that_is_not_running(migrated: Path) -> None:
    said = puqpanel(migrated, "doctor", "--json")
    assert said.returncode == 1
    checks = {check["name"]: check for check in json.loads(said.stdout)["checks"]}
    assert {name for name, check in checks.items() if check["state"] == "ok"} == {
        "database",
        "migrations",
        "keys",
        "disk",
    }
    assert all(
        checks[name]["remedy"] == "Run: puqpanel up" for name in ("queue", "workers", "schedule")
    )
    (migrated / "keys" / "secrets.key").unlink()
    assert str(migrated / "keys" / "secrets.key") in puqpanel(migrated, "doctor").stdout


def test_keys_rotate(migrated: Path) -> None:
    puqpanel(migrated, "module", "activate", "MyCloudService")
    key = migrated / "keys" / "secrets.key"
    first = key.read_text().split()
    before = json.loads(puqpanel(migrated, "keys", "status", "--json").stdout)
    assert before == {"keys": 1, "newest": before["newest"], "older": 0, "unreadable": 0}
    assert before["newest"] >= 1
    rotated = puqpanel(migrated, "keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert key.read_text().split()[1:] == first
    assert json.loads(puqpanel(migrated, "keys", "status", "--json").stdout) == {
        **before,
        "keys": 2,
    }
    assert puqpanel(migrated, "keys", "rotate", "--drop-old", "--no-new").returncode == 0
    assert len(key.read_text().split()) == 1
    assert puqpanel(migrated, "keys", "status").returncode == 0


def test_a_rotation_leaves_what_no_key_opens_and_keeps_the_old_keys(migrated: Path) -> None:
    with sqlite3.connect(migrated / "puqpanel.db") as connection:
        alien = Fernet(Fernet.generate_key()).encrypt(b"of another panel").decode()
        connection.execute("insert into settings (name, value) values ('alien', ?)", (alien,))
    connection.close()
    said = puqpanel(migrated, "keys", "rotate", "--drop-old")
    assert said.returncode == 1
    assert "1 secrets open with no key" in said.stderr or "1 secret" in said.stderr
    assert len((migrated / "keys" / "secrets.key").read_text().split()) == 2
