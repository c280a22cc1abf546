"""The ./panel bootstrap script in plain sh, with a fake Python that records its calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "panel"
SH = shutil.which("dash") or "sh"

# Fake for the system Python and, as a copy, for the environment's; records each call.
PYTHON = r"""#!/bin/sh
echo "$*" >>"$NOTES"
case "$*" in
    *version_info*) exit "${OLD:-0}" ;;
    "-m venv --without-pip "*) exit 1 ;;
    "-m venv "*) [ -z "${NO_VENV:-}" ] || exit 1; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *"pip install"*) [ -z "${NO_PIP:-}" ] || { echo "no such package"; exit 1; }; sleep "${SLOW:-0}" ;;
    "-m puqpanel program") echo "$PUQPANEL_PROGRAM" ;;
    "-m puqpanel wait") trap 'echo "got it" >>"$NOTES"; exit 7' TERM; echo $$ >"$NOTES.pid"; while :; do sleep 0.05; done ;;
    "-m puqpanel"*) shift 2; pwd; for word in "$@"; do printf '<%s>\n' "$word"; done; exit "${CODE:-0}" ;;
esac
"""


class Checkout:
    """A directory with the script, a setup.cfg and the fake Python."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.root.mkdir()
        shutil.copy(SCRIPT, self.root / "panel")
        (self.root / "setup.cfg").write_text("[metadata]\nname = x\n")
        (self.root / "constraints").mkdir()
        for name in ("panel.txt", "test.txt"):
            (self.root / "constraints" / name).write_text("flask==1\n")
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
            (bin_folder / name).write_text(PYTHON)
            (bin_folder / name).chmod(0o755)
        self.notes = folder / "notes"
        self.notes.touch()
        self.env = {"PATH": f"{bin_folder}:/usr/bin:/bin", "NOTES": str(self.notes)}

    def __call__(
        self, *arguments: str, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SH, str(self.root / "panel"), *arguments],
            cwd=cwd or self.root,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def installs(self) -> list[str]:
        return [
            line.rpartition(" ")[2]
            for line in self.notes.read_text().splitlines()
            if "pip install" in line
        ]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_arguments_exit_code_and_working_directory_are_preserved(
    checkout: Checkout, tmp_path: Path
) -> None:
    done = checkout("module", "a b", "*", "", cwd=tmp_path, CODE="3")
    assert done.returncode == 3
    assert done.stdout.splitlines() == [str(tmp_path), "<module>", "<a b>", "<*>", "<>"]


@pytest.mark.parametrize("changed", ["setup.cfg", "constraints/panel.txt"])
def test_it_installs_once_and_after_changes(checkout: Checkout, changed: str) -> None:
    assert "installing" in checkout("doctor").stderr
    assert checkout("doctor").stderr == ""
    assert checkout.installs == ["constraints/panel.txt", "."]
    with (checkout.root / changed).open("a") as config:
        config.write("# changed\n")
    checkout("doctor")
    checkout("doctor")
    assert checkout.installs == ["constraints/panel.txt", "."] * 2
    locked = [line for line in checkout.notes.read_text().splitlines() if "panel.txt" in line]
    assert all("--require-hashes" in line and "--no-deps" in line for line in locked)


def test_only_the_test_command_installs_the_test_extra(checkout: Checkout) -> None:
    checkout("doctor")
    checkout("test")
    checkout("doctor")
    checkout("test")
    assert checkout.installs == ["constraints/panel.txt", ".", "constraints/test.txt", "."]


def test_signals_reach_the_panel(checkout: Checkout) -> None:
    checkout("doctor")
    process = subprocess.Popen([SH, str(checkout.root / "panel"), "wait"], env=checkout.env)
    pid = checkout.notes.with_name("notes.pid")
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    assert int(pid.read_text()) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 7


def test_concurrent_runs_install_once(checkout: Checkout) -> None:
    env = {**checkout.env, "SLOW": "1"}
    both = [
        subprocess.Popen(
            [SH, str(checkout.root / "panel"), "doctor"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert checkout.installs == ["constraints/panel.txt", "."]
    assert not (checkout.root / ".venv.lock").exists()


def test_a_stale_lock_is_ignored(checkout: Checkout) -> None:
    (checkout.root / ".venv.lock").mkdir()
    with subprocess.Popen(["true"]) as exited:
        exited.wait()
    (checkout.root / ".venv.lock" / "pid").write_text(str(exited.pid))
    assert checkout("doctor").returncode == 0


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"OLD": "1"}, "panel: Python 3.11 or newer is required"),
        ({"NO_VENV": "1"}, "apt install python3-venv"),
        ({"NO_PIP": "1"}, "panel: pip could not install the panel"),
    ],
)
def test_missing_requirements_are_reported(
    checkout: Checkout, env: dict[str, str], message: str
) -> None:
    done = checkout("doctor", **env)
    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]
    assert checkout("doctor").returncode == 0


def test_an_unwritable_checkout_is_reported() -> None:
    # Not tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        checkout = Checkout(Path(folder))
        checkout.root.chmod(0o555)
        ordinary = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [SH, str(checkout.root / "panel"), "doctor"]
        done = subprocess.run(
            command, env=checkout.env, capture_output=True, text=True, check=False, **ordinary
        )  # type: ignore[call-overload]
        assert done.returncode == 1
        assert done.stderr == f"panel: cannot write to {checkout.root} to create .venv\n"
        checkout.root.chmod(0o755)


def test_the_script_is_plain_sh() -> None:
    assert SCRIPT.read_text().startswith("#!/bin/sh\n")
    subprocess.run([SH, "-n", str(SCRIPT)], check=True)


def test_messages_name_commands_as_they_were_typed(checkout: Checkout) -> None:
    assert checkout("program").stdout == f"{checkout.root}/panel\n"
    run = subprocess.run(
        [SH, "panel", "program"],
        cwd=checkout.root,
        env=checkout.env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.stdout == "./panel\n"
