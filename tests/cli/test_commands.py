"""The commands: output, JSON output, and error messages."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from puqpanel.cli import COMMANDS
from tests.cli.running import puqpanel


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance with a migrated database."""
    folder = tmp_path_factory.mktemp("template") / "instance"
    assert puqpanel(folder, "db", "upgrade").returncode == 0
    return folder


@pytest.fixture
def migrated(template: Path, instance: Path) -> Path:
    shutil.copytree(template, instance)
    return instance


def test_help_names_every_command_and_every_command_has_help(instance: Path) -> None:
    overview = puqpanel(instance, "--help")
    assert overview.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in overview.stdout
        details = puqpanel(instance, name, "--help", real=True)
        assert details.returncode == 0, details.stderr
        assert len(details.stdout) > 150
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
def test_invalid_usage_exits_with_code_2(instance: Path, arguments: list[str]) -> None:
    process = puqpanel(instance, *arguments)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (
            ["doctor"],
            {"PUQPANEL_PORT": "many"},
            "PUQPANEL_PORT must be a whole number from 0 to 65535, not “many”.",
        ),
        (
            ["web"],
            {"PUQPANEL_DATABASE_URL": "oracle://x"},
            "PUQPANEL_DATABASE_URL must start with sqlite",
        ),
        (
            ["web"],
            {"PUQPANEL_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/x"},
            "Cannot use the database: ",
        ),
        (["web"], {}, "The database schema is out of date. Run: puqpanel db upgrade"),
        (["worker"], {}, "The database schema is out of date. Run: puqpanel db upgrade"),
        (["scheduler"], {}, "The database schema is out of date. Run: puqpanel db upgrade"),
        (["module", "list"], {}, "The database schema is out of date. Run: puqpanel db upgrade"),
        (["module", "check", "Nothing"], {}, "No such module: Nothing."),
        (["keys", "status"], {}, "The database schema is out of date. Run: puqpanel db upgrade"),
    ],
)
def test_an_expected_error_prints_one_line_and_exits_with_code_1(
    instance: Path, arguments: list[str], env: dict[str, str], message: str
) -> None:
    process = puqpanel(instance, *arguments, **env)
    assert process.returncode == 1
    assert process.stderr.startswith(f"puqpanel: {message}")
    assert process.stderr.count("\n") == 1


def test_db(instance: Path) -> None:
    before = puqpanel(instance, "db", "current", "--json")
    assert before.returncode == 1
    assert json.loads(before.stdout)["current"] is None
    assert puqpanel(instance, "db", "upgrade", real=True).stdout.startswith("Created the schema (")
    assert puqpanel(instance, "db", "upgrade").stdout.startswith("Already up to date")
    after = puqpanel(instance, "db", "current", "--json")
    assert after.returncode == 0
    assert json.loads(after.stdout)["pending"] is False


@pytest.mark.parametrize("command", ["current", "upgrade"])
def test_a_newer_schema_is_explained(migrated: Path, command: str) -> None:
    with contextlib.closing(sqlite3.connect(migrated / "puqpanel.db")) as database:
        database.execute("update alembic_version set version_num = '9999'")
        database.commit()
    run = puqpanel(migrated, "db", command)
    assert run.returncode == 1
    assert "(9999) is newer than this version" in run.stderr and "Traceback" not in run.stderr


def test_staff(migrated: Path) -> None:
    created = puqpanel(migrated, "staff", "create", "ada@example.test", real=True)
    assert created.returncode == 0
    assert "Password: " in created.stdout
    again = puqpanel(migrated, "staff", "create", "ADA@example.test")
    assert again.returncode == 1
    assert "This e-mail address is already in use" in again.stderr
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
        "No such role: Nobody"
        in puqpanel(migrated, "staff", "create", "x@example.test", "--role", "Nobody").stderr
    )
    assert (
        "No staff account with the e-mail bob@example.test"
        in puqpanel(migrated, "staff", "password", "bob@example.test").stderr
    )


def test_module(migrated: Path) -> None:
    def states() -> dict[str, str]:
        listed = puqpanel(migrated, "module", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return {f"{row['type']}/{row['name']}": row["status"] for row in json.loads(listed.stdout)}

    assert states()["Product/MyCloudService"] == "inactive"
    assert puqpanel(migrated, "module", "activate", "MyCloudService", real=True).returncode == 0
    assert states()["Product/MyCloudService"] == "active"
    assert "nothing to resume" in puqpanel(migrated, "module", "resume", "MyCloudService").stderr
    with contextlib.closing(sqlite3.connect(migrated / "puqpanel.db")) as database:
        database.execute("UPDATE modules SET circuit_open_reason = 'It failed repeatedly.'")
        database.commit()
    assert states()["Product/MyCloudService"] == "failing"
    assert (
        puqpanel(migrated, "module", "log", "PuqNextcloud").stdout
        == "No log entries for Product/PuqNextcloud.\n"
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
        == "Product/MyCloudService resumed.\n"
    )
    assert states()["Product/MyCloudService"] == "active"
    assert puqpanel(migrated, "module", "deactivate", "Product/MyCloudService").returncode == 0
    assert states()["Product/MyCloudService"] == "inactive"
    assert (
        "Did you mean Product/MyCloudService?"
        in puqpanel(migrated, "module", "activate", "mycloudservice").stderr
    )


def test_module_check_reports_refused_modules(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "Plugin" / "Broken"
    folder.mkdir(parents=True)
    (folder / "config.py").write_text('CONFIG = {"name": "Broken", "version": "1.0.0"}\n')
    (folder / "Broken.py").write_text(
        "from puqpanel.sdk import Plugin\n\n\nclass Other(Plugin):\n    pass\n"
    )
    process = puqpanel(
        instance,
        "module",
        "check",
        "--all",
        "--json",
        PUQPANEL_MODULES_DIR=str(tmp_path / "modules"),
    )
    assert process.returncode == 1
    (finding,) = [row for row in json.loads(process.stdout) if row["severity"] == "refused"]
    assert finding["module"] == "Plugin/Broken" and "Broken" in finding["message"]
    assert puqpanel(instance, "module", "check", "--all").returncode == 0


def test_doctor_when_the_panel_is_not_running(migrated: Path) -> None:
    process = puqpanel(migrated, "doctor", "--json")
    assert process.returncode == 1
    checks = {check["name"]: check for check in json.loads(process.stdout)["checks"]}
    assert {name for name, check in checks.items() if check["state"] == "ok"} == {
        "database",
        "migrations",
        "modules",
        "jobs",
        "products",
        "differences",
        "taxes",
        "books",
        "due_work",
        "renewals",
        "payments",
        "approvals",
        "templates",
        "keys",
        "translations",
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
    rotated = puqpanel(migrated, "keys", "rotate", real=True)
    assert rotated.returncode == 0, rotated.stderr
    assert key.read_text().split()[1:] == first
    assert json.loads(puqpanel(migrated, "keys", "status", "--json").stdout) == {
        **before,
        "keys": 2,
    }
    assert puqpanel(migrated, "keys", "rotate", "--drop-old", "--no-new").returncode == 0
    assert len(key.read_text().split()) == 1
    assert puqpanel(migrated, "keys", "status").returncode == 0


def test_rotation_keeps_undecryptable_secrets_and_the_old_keys(migrated: Path) -> None:
    with sqlite3.connect(migrated / "puqpanel.db") as connection:
        alien = Fernet(Fernet.generate_key()).encrypt(b"of another panel").decode()
        connection.execute("insert into settings (name, value) values ('alien', ?)", (alien,))
    connection.close()
    process = puqpanel(migrated, "keys", "rotate", "--drop-old")
    assert process.returncode == 1
    assert "1 secret cannot be decrypted with any key" in process.stderr
    assert len((migrated / "keys" / "secrets.key").read_text().split()) == 2
