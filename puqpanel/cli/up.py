"""`puqpanel up`: the entire panel on one machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import click

from puqpanel.cli.context import ensure_writable, load_settings, overrides
from puqpanel.cli.listening import listen
from puqpanel.cli.supervisor import Child, Group
from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import Busy, FileLock, environment
from puqpanel.infra.program import as_typed
from puqpanel.infra.queue_server import QueueServer
from puqpanel.infra.settings import Settings

START_SECONDS = 90.0
LOOPBACK = {
    "0.0.0.0": "127.0.0.1",  # noqa: S104
    "::": "::1",
}


@click.command("up")
@click.option(
    "--demo",
    is_flag=True,
    help="Load sample clients, products and services, and run the demo cloud as their provider.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 for all interfaces.  [default: PUQPANEL_HOST or 127.0.0.1]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port to listen on; 0 picks a free one.  [default: PUQPANEL_PORT or 8000]",
)
@click.option(
    "--instance",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Instance directory.  [default: instance]",
)
@click.option(
    "--dev",
    is_flag=True,
    help="Reload changed code, templates and modules.",
)
def command(
    demo: bool, host: str | None, port: int | None, instance: Path | None, dev: bool
) -> None:
    """Run the entire panel on this machine.

    Applies migrations, starts the queue server, the web server, the workers and the scheduler,
    restarts those that exit, and prints the URL when everything is ready. No other software is
    required.

    On the first start without --demo, prompts for the first staff account. Without a terminal, it
    creates admin@example.test with a random password, which is printed once.

    Press Ctrl+C to stop once running requests and tasks have finished, and again to stop
    immediately.
    """
    changes = overrides(instance=instance, host=host, port=port, dev=dev)
    settings = load_settings(changes)
    ensure_writable(settings.instance)
    with contextlib.ExitStack() as stack:
        stack.callback(_lock(settings).release)
        web_socket = stack.enter_context(listen(settings.host, settings.port))
        changes |= {"PUQPANEL_PORT": str(web_socket.getsockname()[1])}
        settings = load_settings(changes)
        cloud_socket = None
        if demo:
            cloud_socket = stack.enter_context(listen("127.0.0.1", _cloud_port(settings)))
        Up(settings, environment(changes), web_socket, cloud_socket).run()


class Up:
    """One run of `puqpanel up`.

    Args:
        settings: The settings that child processes load from `env`.
        env: Environment of the child processes.
        web_socket: Listening socket of the web server.
        cloud_socket: Listening socket of the demo cloud; None without the demo.
    """

    def __init__(
        self,
        settings: Settings,
        env: dict[str, str],
        web_socket: socket.socket,
        cloud_socket: socket.socket | None,
    ) -> None:
        self.settings, self.env = settings, env
        self.web_socket, self.cloud_socket = web_socket, cloud_socket
        self.group = Group(lambda message: click.echo(f"puqpanel: {message}", err=True))
        self.queue = None if settings.redis_url else QueueServer(settings.instance)
        self.signals = 0
        self.preparing: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run until a signal arrives and all processes have stopped."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            if self.queue is not None:
                self.queue.start()
            facts = self._prepare()
            if not self.signals:
                self._start()
                if self._wait_until_ready():
                    self._show_welcome(facts)
                while not self.signals:
                    self._tick()
            if self.group.children:
                click.echo(
                    "\nStopping. Waiting for running requests and tasks; press Ctrl+C again to stop"
                    " immediately.",
                    err=True,
                )
        finally:
            signals = max(self.signals, 1)
            self.group.stop(hurry=lambda: self.signals > signals)
            if self.queue is not None:
                self.queue.stop()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if self.preparing is not None:  # it may be waiting at a prompt
            self.preparing.terminate()

    def _prepare(self) -> dict[str, Any]:
        """Run `puqpanel prepare` and return its output.

        A subprocess keeps the memory of this long-running process small.
        """
        command = _puqpanel("prepare")
        if self.cloud_socket is not None:
            command += ["--cloud-port", str(self.cloud_socket.getsockname()[1])]
        with subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE) as process:
            self.preparing = process
            assert process.stdout is not None
            output = process.stdout.read()
        self.preparing = None
        if process.returncode and not self.signals:
            raise SystemExit(process.returncode)  # it has printed the error
        if process.returncode or not output.strip():
            return {}
        facts: dict[str, Any] = json.loads(output.splitlines()[-1])
        return facts

    def _start(self) -> None:
        def add(name: str, *arguments: str, **options: Any) -> None:
            self.group.add(Child(name, _puqpanel(*arguments), self.env, **options))

        if self.cloud_socket is not None:
            fd = self.cloud_socket.fileno()
            cloud_options = {"fds": [fd], "grace_seconds": 5, "last": True}
            add("demo cloud", "demo", "cloud", "--fd", str(fd), **cloud_options)
        fd = self.web_socket.fileno()
        add("web", "web", "--fd", str(fd), fds=[fd])
        add("worker", "worker", "--scheduler", grace_seconds=30)

    def _tick(self) -> None:
        self.group.tick()
        if self.queue is not None:
            self.queue.tick()
        time.sleep(0.2)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        warned = False
        while not self.signals:
            healthy, failing = self._health()
            if healthy:
                return True
            if time.monotonic() > deadline and not warned:
                warned = True
                click.echo(
                    as_typed(
                        f"puqpanel: Still waiting for {failing}. For details, run: puqpanel doctor"
                    ),
                    err=True,
                )
            self._tick()
        return False

    def _health(self) -> tuple[bool, str]:
        """Return whether GET /health succeeds, and the failing checks."""
        host, port = self.web_socket.getsockname()[:2]
        connection = http.client.HTTPConnection(LOOPBACK.get(host, host), port, timeout=2)
        try:
            connection.request("GET", "/health")
            response = connection.getresponse()
            checks = json.loads(response.read()).get("checks", {})
            failing = ", ".join(name for name, state in checks.items() if state == "fail")
            return response.status == 200, failing
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return False, "the web server"
        finally:
            connection.close()

    def _show_welcome(self, facts: dict[str, Any]) -> None:
        address = self.settings.address.replace("//0.0.0.0:", "//127.0.0.1:").replace(
            "//:::", "//[::1]:"
        )
        click.echo(f"\n  puqpanel is running at {click.style(address, bold=True)}\n")
        accounts = facts.get("sign_ins", [])
        width = max((len(account["email"]) for account in accounts), default=0)
        for account in accounts:
            url = f"{address}{account['path']:<8}"
            email = f"{account['email']:<{width}}"
            click.echo(f"    {account['who']:<9} {url} {email}  {account['password']}")
        if note := facts.get("note"):
            click.echo(f"    {note}")
        click.echo("\n  Press Ctrl+C to stop.")
        sys.stdout.flush()


def _lock(settings: Settings) -> FileLock:
    """Return the lock of the instance, acquired."""
    lock = FileLock(settings.instance / "up.lock")
    try:
        lock.acquire()
    except Busy as error:
        holder = f" (process {error.pid})" if error.pid else ""
        raise UserError(
            f"This instance is already running{holder}: {settings.instance}. Choose another with"
            " --instance DIR."
        ) from None
    return lock


def _cloud_port(settings: Settings) -> int:
    """Return the demo cloud's previous port if it is free, else 0.

    The port is stored in the module's server settings.
    """
    with contextlib.suppress(OSError, ValueError, KeyError):
        port = int(json.loads((settings.instance / "demo" / "cloud.json").read_text())["port"])
        socket.create_server(("127.0.0.1", port)).close()
        return port
    return 0


def _puqpanel(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "puqpanel", *arguments]
