"""`puqpanel up`: the whole panel on one machine."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import click

from puqpanel.cli.context import load_settings, overrides, writable
from puqpanel.cli.supervisor import Child, Group
from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import Busy, FileLock, environment
from puqpanel.infra.queue_server import QueueServer
from puqpanel.infra.settings import Settings

START_SECONDS = 90.0


@click.command("up")
@click.option(
    "--demo",
    is_flag=True,
    help="Fill it with people, products and services to play with, and a provider for them.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Where to listen; 0.0.0.0 for everybody.  [default: 127.0.0.1]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Which port; 0 takes a free one.  [default: 8000]",
)
@click.option(
    "--instance",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where everything is kept.  [default: instance]",
)
@click.option(
    "--dev",
    is_flag=True,
    help="Serve changed code, templates and modules without a restart of the pages.",
)
def command(
    demo: bool, host: str | None, port: int | None, instance: Path | None, dev: bool
) -> int:
    """Run the whole panel on this machine, with nothing else to install.

    Brings the database up to date, then starts the queue server, the pages, the workers and the
    scheduler, starts again what ends, and prints the address once everything answers. Without
    --demo the first staff account is made: you are asked for it, or, where nobody can be asked,
    admin@example.test with a made-up password, printed once. Ctrl-C stops it: what runs may finish,
    a second Ctrl-C ends it at once.
    """
    changes = overrides(instance=instance, host=host, port=port, dev=dev)
    settings = load_settings(changes)
    writable(settings.instance)
    with (
        _only_one(settings),
        _listen(settings.host, settings.port) as pages,
        contextlib.ExitStack() as stack,
    ):
        bound = pages.getsockname()[1]
        changes |= {"PUQPANEL_PORT": str(bound)}
        settings = load_settings(changes)
        cloud = stack.enter_context(_listen("127.0.0.1", _cloud_port(settings))) if demo else None
        return Up(settings, environment(changes), pages, cloud).run()


class Up:
    """One run of the panel.

    Args:
        settings: as the children will read them from `env`.
        env: their environment.
        pages: where the web process is to accept connections.
        cloud: where the demo cloud is to; None without the demo.
    """

    def __init__(
        self,
        settings: Settings,
        env: dict[str, str],
        pages: socket.socket,
        cloud: socket.socket | None,
    ) -> None:
        self.settings, self.env, self.pages, self.cloud = settings, env, pages, cloud
        self.group = Group(lambda sentence: click.echo(f"puqpanel: {sentence}", err=True))
        self.queue = None if settings.redis_url else QueueServer(settings.instance)
        self.signals = 0
        self.preparing: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Prepares, starts, watches; returns the exit code once everything has ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._noted)
        try:
            if self.queue is not None:
                self.queue.start()
            facts = self._prepare()
            if not self.signals:
                self._start()
                if self._until_ready():
                    self._welcome(facts)
                while not self.signals:
                    self._tick()
            if self.group.children:
                click.echo(
                    "\nStopping; what runs may finish. Ctrl-C again ends it at once.", err=True
                )
        finally:
            asked = max(self.signals, 1)
            self.group.stop(hurry=lambda: self.signals > asked)
            if self.queue is not None:
                self.queue.stop()
        return 0

    def _noted(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if self.preparing is not None:  # it may stand at a question for as long as it likes
            with contextlib.suppress(ProcessLookupError):
                self.preparing.terminate()

    def _prepare(self) -> dict[str, Any]:
        """Migrations, keys, demo data or the first staff account: in a process of its own, so
        that this one stays small.
        """
        extra = ["--cloud-port", str(self.cloud.getsockname()[1])] if self.cloud is not None else []
        with subprocess.Popen(
            [*_puqpanel("prepare"), *extra], env=self.env, stdout=subprocess.PIPE
        ) as process:
            self.preparing = process
            assert process.stdout is not None
            output = process.stdout.read()
        self.preparing = None
        if process.returncode and not self.signals:
            raise SystemExit(process.returncode)  # it has said why
        facts: dict[str, Any] = (
            json.loads(output.splitlines()[-1]) if output.strip() and not process.returncode else {}
        )
        return facts

    def _start(self) -> None:
        def child(name: str, *arguments: str, **more: Any) -> None:
            self.group.add(Child(name, _puqpanel(*arguments), self.env, **more))

        if self.cloud is not None:
            fd = self.cloud.fileno()
            child("demo cloud", "demo", "cloud", "--fd", str(fd), fds=[fd], grace=5, last=True)
        fd = self.pages.fileno()
        child("web", "web", "--fd", str(fd), "--quiet", fds=[fd])
        child("worker", "worker", grace=30)
        child("scheduler", "scheduler")

    def _tick(self) -> None:
        self.group.tick()
        if self.queue is not None:
            self.queue.tick()
        time.sleep(0.2)

    def _until_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        told = False
        while not self.signals:
            healthy, failing = self._health()
            if healthy:
                return True
            if time.monotonic() > deadline and not told:
                told = True
                click.echo(
                    f"puqpanel: still waiting for {failing}; `puqpanel doctor` says more.", err=True
                )
            self._tick()
        return False

    def _health(self) -> tuple[bool, str]:
        host, port = self.pages.getsockname()[:2]
        everywhere = {
            "0.0.0.0": "127.0.0.1",  # noqa: S104
            "::": "::1",
        }
        connection = http.client.HTTPConnection(everywhere.get(host, host), port, timeout=2)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            checks = json.loads(answer.read()).get("checks", {})
            return answer.status == 200, ", ".join(
                name for name, state in checks.items() if state == "fail"
            )
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return False, "the pages"
        finally:
            connection.close()

    def _welcome(self, facts: dict[str, Any]) -> None:
        address = self.settings.address.replace("//0.0.0.0:", "//127.0.0.1:").replace(
            "//:::", "//[::1]:"
        )
        click.echo(f"\n  {self.settings.name} is running at {click.style(address, bold=True)}\n")
        lines = facts.get("sign_ins", [])
        longest = max((len(line["email"]) for line in lines), default=0)
        for line in lines:
            click.echo(
                f"    {line['who']:<9} {address}{line['path']:<8} {line['email']:<{longest}} "
                f" {line['password']}"
            )
        if note := facts.get("note"):
            click.echo(f"    {note}")
        click.echo("\n  Ctrl-C stops it.")
        sys.stdout.flush()


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.instance / "up.lock")
    try:
        lock.acquire()
    except Busy as error:
        who = f" (process {error.pid})" if error.pid else ""
        raise UserError(
            f"This instance is running already{who}: {settings.instance}. Choose another with"
            " --instance DIR."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Opens the socket here and hands it down: a taken port is noticed before anything starts,
    and no restart loses a connection.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host}: {error.strerror}. Choose another address with --host."
        ) from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(512)
        except OSError as error:
            reason = {
                errno.EADDRINUSE: (
                    f"Port {port} on {host} is in use. Choose another with --port N (0 takes a free"
                    " one)."
                ),
                errno.EACCES: (
                    f"Port {port} is not for ordinary users. Choose one above 1023 with --port N."
                ),
                errno.EADDRNOTAVAIL: (
                    f"{host} is no address of this machine. Choose another with --host ADDRESS."
                ),
            }.get(error.errno or 0, f"Cannot listen on {host} port {port}: {error.strerror}.")
            raise UserError(reason) from None
        yield listener


def _cloud_port(settings: Settings) -> int:
    """The port that the demo cloud had last time, if it is free: its address stands in the
    module's server row.
    """
    with contextlib.suppress(OSError, ValueError, KeyError):
        port = int(json.loads((settings.instance / "demo" / "cloud.json").read_text())["port"])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        return port
    return 0


def _puqpanel(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "puqpanel", *arguments]
