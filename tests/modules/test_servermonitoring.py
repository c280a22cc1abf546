"""ServerMonitoring: probes, claims, recording, events and pruning.

Targets are real servers on loopback.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from puqpanel.app import Panel
from puqpanel.infra import events
from puqpanel.infra.clock import now
from puqpanel.infra.db import UtcDateTime, db, release, transaction
from puqpanel.infra.settings import Settings
from tests.modules.harness import STAFF
from tests.modules.plugins import PluginHarness, active_plugin
from tests.sample import make_service

LOCAL = "127.0.0.0/8"
CONFIG = {
    "port": None,
    "tls": False,
    "verify_tls": True,
    "status": "",
    "text": "",
    "timeout": 3,
    "failures": 2,
}


class MonitoringHarness(PluginHarness):
    """ServerMonitoring, with loopback among the networks open to checks."""

    def __init__(self, harness: PluginHarness) -> None:
        super().__init__(harness.panel, harness.name)
        self.models, self.result_models = self.part("models.checks"), self.part("models.results")
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.allow(LOCAL)

    def allow(self, networks: str) -> None:
        """Set the networks open to checks."""
        with transaction() as current:
            current.merge(
                self.part("models.settings").Settings(
                    id=1, networks=networks, raw_days=3, hour_days=90, day_days=730
                )
            )

    def check(self, type: str, target: str, **values: Any) -> int:
        """Add a check that is due; return its id.

        Args:
            type: The type.
            target: The target.
            **values: Columns, and keys of its config.
        """
        config = {**CONFIG, **{key: values.pop(key) for key in list(values) if key in CONFIG}}
        with transaction() as current:
            row = self.models.Check(
                name=values.pop("name", target), type=type, target=target, config=config, **values
            )
            current.add(row)
            current.flush()
            return int(row.id)

    def run(self) -> dict[str, int]:
        """Run the scheduled job once."""
        return dict(self.job("runChecks").result.data)

    def rerun(self) -> dict[str, int]:
        """Make all checks due and run the scheduled job once."""
        with transaction() as current:
            current.execute(sa.update(self.models.Check).values(next_at=now()))
        return self.run()

    def row(self, id: int) -> Any:
        """Return a check as it is stored now."""
        return self.all(self.models.Check, self.models.Check.id == id)[0]

    def results(self) -> list[tuple[int, bool | None]]:
        """Return check id and status of all results."""
        return [(row.check_id, row.status) for row in self.all(self.result_models.Result)]

    def outages(self) -> list[Any]:
        """Return all outages."""
        return self.all(self.models.Outage)

    def record_events(self) -> None:
        """Record the events that are dispatched from now on."""
        events.bind([lambda name, payload: self.events.append((name, dict(payload)))])

    def event_names(self) -> list[str]:
        """Return the names of the module's own events."""
        return [name for name, _ in self.events if name.startswith("monitoring.")]


@pytest.fixture
def watch(settings: Settings, app: Panel) -> Iterator[MonitoringHarness]:
    """Return the active module."""
    with active_plugin(settings, app, "ServerMonitoring") as harness:
        yield MonitoringHarness(harness)
        events.bind([])


@pytest.fixture
def listening() -> Iterator[Callable[..., int]]:
    """Return a function that opens a TCP port with a connection handler."""
    opened: list[socket.socket] = []
    stop = threading.Event()

    def serve(do: Callable[[socket.socket], None] = lambda _connection: None) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        opened.append(server)

        def loop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=once, args=(connection,), daemon=True).start()

        def once(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                do(connection)

        threading.Thread(target=loop, daemon=True).start()
        return int(server.getsockname()[1])

    def silent(connection: socket.socket) -> None:
        stop.wait(20)

    serve.silent = silent  # type: ignore[attr-defined]
    yield serve
    stop.set()
    for server in opened:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def closed_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_loads_without_warnings_and_migrations_match_models(watch: MonitoringHarness) -> None:
    assert watch.module.warnings == ()
    assert watch.differences() == []
    assert {work.name: (work.method, work.every) for work in watch.module.schedule} == {
        "Run checks": ("runChecks", 30),
        "Prune old results": ("thin", 3600),
    }


@pytest.mark.parametrize(
    ("config", "ok", "words"),
    [
        ({}, True, ""),
        ({"text": "All is well"}, True, ""),
        ({"text": "Nobody said this"}, False, "doesn't contain the expected text"),
        ({"status": "404"}, False, "returned status 200"),
        ({"status": "500, 200-204"}, True, ""),
    ],
)
def test_expected_page_contents(
    watch: MonitoringHarness, httpserver: HTTPServer, config: dict[str, Any], ok: bool, words: str
) -> None:
    httpserver.expect_request("/").respond_with_data("<p>All is well</p>")
    id = watch.check("http", httpserver.url_for("/"), **config)
    watch.run()
    assert watch.results() == [(id, ok)]
    assert words in watch.row(id).error_message
    assert watch.row(id).response_time >= 0


def test_redirects_are_followed_unless_expected(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/old").respond_with_response(
        Response(status=302, headers={"Location": httpserver.url_for("/new")})
    )
    httpserver.expect_request("/new").respond_with_data("here")
    follows, stays = (
        watch.check("http", httpserver.url_for("/old"), text="here"),
        watch.check("http", httpserver.url_for("/old"), status="302"),
    )
    watch.run()
    assert sorted(watch.results()) == [(follows, True), (stays, True)]
    assert [request.path for request, _ in httpserver.log].count("/new") == 1


def test_port_checks_with_and_without_tls(watch: MonitoringHarness, listening: Any) -> None:
    is_open, shut = (
        watch.check("port", "127.0.0.1", port=listening()),
        watch.check("port", "127.0.0.1", port=closed_port()),
    )
    plain = watch.check(
        "port",
        "127.0.0.1",
        port=listening(lambda connection: connection.sendall(b"220 hello\r\n" * 9)),
        tls=True,
    )
    watch.run()
    assert dict(watch.results()) == {is_open: True, shut: False, plain: False}
    assert (
        "refused" in watch.row(shut).error_message.lower(),
        "TLS" in watch.row(plain).error_message,
    ) == (True, True)


def test_certificate_verification(watch: MonitoringHarness, listening: Any, tmp_path: Any) -> None:
    context = self_signed(tmp_path)

    def shake(connection: socket.socket) -> None:
        with (
            contextlib.suppress(ssl.SSLError, OSError),
            context.wrap_socket(connection, server_side=True),
        ):
            pass

    port = listening(shake)
    strict, easy = (
        watch.check("port", "127.0.0.1", port=port, tls=True, verify_tls=verify)
        for verify in (True, False)
    )
    watch.run()
    assert dict(watch.results()) == {strict: False, easy: True}
    assert "certificate" in watch.row(strict).error_message


def self_signed(folder: Any) -> ssl.SSLContext:
    """Return a server's TLS context with a self-signed certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "self")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
    )
    signed = (
        builder.not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2040, 1, 1))
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "self.pem").write_bytes(text + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "self.pem")
    return context


def test_ping(watch: MonitoringHarness) -> None:
    id = watch.check("ping", "127.0.0.1")
    watch.run()
    reason = watch.part("services.ping").unavailable_reason()
    assert watch.results() == [(id, None if reason else True)]
    assert watch.row(id).state == ("unable" if reason else "up")
    assert ("can't send pings" in watch.row(id).error_message) is bool(reason)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
    ],
)
def test_internal_addresses_are_not_checked(
    watch: MonitoringHarness, listening: Any, target: str
) -> None:
    connections: list[Any] = []
    port = listening(connections.append)
    watch.allow("")
    id = watch.check("http", target.format(port=port))
    other = watch.check("port", "127.0.0.1", port=port)
    watch.run()
    assert (dict(watch.results()), connections) == ({id: None, other: None}, [])
    assert "is not a public address" in watch.row(id).error_message
    assert watch.row(id).state == "unable"


def test_redirect_to_an_internal_address_is_not_followed(
    watch: MonitoringHarness, httpserver: HTTPServer, listening: Any
) -> None:
    connections: list[Any] = []
    inside = f"http://127.0.0.2:{listening(connections.append)}/meta-data"
    watch.allow("127.0.0.1/32")
    httpserver.expect_request("/").respond_with_response(
        Response(status=302, headers={"Location": inside})
    )
    id = watch.check("http", httpserver.url_for("/").replace("localhost", "127.0.0.1"))
    watch.run()
    assert (watch.results(), connections, len(httpserver.log)) == ([(id, None)], [], 1)
    assert "127.0.0.2" in watch.row(id).error_message


def test_unresolvable_name_is_down(watch: MonitoringHarness) -> None:
    id = watch.check("port", "nobody-has-this.invalid", port=80)
    watch.run()
    assert (watch.results(), "could not be resolved" in watch.row(id).error_message) == (
        [(id, False)],
        True,
    )


def test_one_message_for_an_outage_and_one_for_its_end(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    watch.record_events()
    status = {"code": 200}
    httpserver.expect_request("/").respond_with_handler(
        lambda _request: Response("x", status["code"])
    )
    service = make_service(STAFF, "")
    id = watch.check("http", httpserver.url_for("/"), name="Shop", service_uuid=service.uuid)
    watch.run()
    assert (watch.row(id).state, watch.event_names()) == ("up", [])
    status["code"] = 503
    watch.rerun()
    assert (watch.row(id).state, watch.row(id).failures, watch.event_names()) == (
        "up",
        1,
        [],
    ), "one failure is not enough"
    first_failure = watch.row(id).checked_at
    for _ in range(3):
        watch.rerun()
    assert (watch.row(id).state, watch.event_names()) == ("down", ["monitoring.down"])
    down = next(payload for name, payload in watch.events if name == "monitoring.down")
    assert (down["name"], down["service_uuid"], "503" in down["reason"], down["since"]) == (
        "Shop",
        service.uuid,
        True,
        first_failure.isoformat(),
    )
    (outage,) = watch.outages()
    assert (outage.started_at, outage.ended_at, "503" in outage.reason) == (
        first_failure,
        None,
        True,
    ), "it started with the first failure"
    status["code"] = 200
    watch.rerun()
    watch.rerun()
    assert (watch.row(id).state, watch.event_names()) == (
        "up",
        ["monitoring.down", "monitoring.up"],
    )
    (outage,) = watch.outages()
    assert (outage.ended_by, outage.ended_at > outage.started_at) == ("recovered", True)
    up = watch.events[[name for name, _ in watch.events].index("monitoring.up")][1]
    assert up["down_seconds"] == int((outage.ended_at - outage.started_at).total_seconds())


def test_unknown_result_does_not_end_an_outage(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data("x", 500)
    id = watch.check("http", httpserver.url_for("/"), failures=1)
    watch.run()
    watch.allow("")
    watch.rerun()
    assert (watch.row(id).state, [outage.ended_at for outage in watch.outages()]) == (
        "down",
        [None],
    )
    assert [status for _, status in watch.results()] == [False, None]


def test_concurrent_runs_do_not_repeat_a_check(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data("x")
    ids = [watch.check("http", httpserver.url_for("/"), name=str(number)) for number in range(60)]
    at_once = threading.Barrier(2)

    def other() -> None:
        with watch.panel.app_context():
            at_once.wait()
            watch.job("runChecks")

    thread = threading.Thread(target=other)
    thread.start()
    at_once.wait()
    watch.run()
    thread.join()
    assert sorted(id for id, _ in watch.results()) == ids
    assert len(httpserver.log) == 60
    assert watch.run() == {"up": 0, "down": 0, "unable": 0, "dropped": 0}, "nothing is due anymore"


def test_concurrent_claim_is_respected(watch: MonitoringHarness, httpserver: HTTPServer) -> None:
    runs = watch.part("services.runs")
    id = watch.check("http", httpserver.url_for("/"))
    with watch.panel.app_context():
        assert [job.check_id for job in runs.claim(5)] == [id]
        assert runs.claim(5) == []
    assert watch.row(id).next_at > now() + timedelta(seconds=20)


def test_a_check_that_a_clock_ahead_postponed_is_due(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    runs = watch.part("services.runs")
    id = watch.check("http", httpserver.url_for("/"))
    table = sa.table("mod_plugin_servermonitoring_checks", sa.column("next_at", UtcDateTime()))
    with watch.panel.app_context():
        with transaction() as current:
            current.execute(sa.update(table).values(next_at=now() + timedelta(days=4000)))
        assert runs.claim(5) == []
        runs._pull_back(now())
        assert [job.check_id for job in runs.claim(5)] == [id]


def test_slow_targets_do_not_delay_others(
    watch: MonitoringHarness, httpserver: HTTPServer, listening: Any
) -> None:
    runs = watch.part("services.runs")
    runs.FAST_THREADS, runs.SLOW_THREADS = 4, 3
    httpserver.expect_request("/").respond_with_data("x")
    port = listening(listening.silent)
    silent = [
        watch.check("http", f"http://127.0.0.1:{port}/{number}", timeout=4, slow=True)
        for number in range(3)
    ]
    quick = [watch.check("http", httpserver.url_for("/"), name=str(number)) for number in range(12)]
    assert watch.run() == {"up": 12, "down": 3, "unable": 0, "dropped": 0}
    order = [id for id, _ in watch.results()]
    assert set(order[:12]) == set(quick), "fast checks are recorded before the first slow one"
    assert all(
        "No response within 4 s" in watch.row(id).error_message
        or "did not respond in time" in watch.row(id).error_message
        for id in silent
    )


def test_slow_response_times_out(watch: MonitoringHarness, listening: Any) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            connection.sendall(b"X")
            time.sleep(0.2)

    id = watch.check("http", f"http://127.0.0.1:{listening(drip)}/", timeout=1)
    assert watch.run()["down"] == 1
    assert "No response within 1 s" in watch.row(id).error_message


def test_run_past_its_deadline_claims_nothing(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    runs = watch.part("services.runs")
    runs.CLAIM_SECONDS = 0
    id = watch.check("http", httpserver.url_for("/"))
    due = watch.row(id).next_at
    assert sum(watch.run().values()) == 0
    assert (watch.row(id).next_at, watch.results()) == (due, []), "it is left to the next run"


def test_failed_target_moves_to_the_slow_pool(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    status = {"code": 500}
    httpserver.expect_request("/").respond_with_handler(
        lambda _request: Response("x", status["code"])
    )
    id = watch.check("http", httpserver.url_for("/"))
    watch.run()
    assert watch.row(id).slow
    status["code"] = 200
    watch.rerun()
    assert not watch.row(id).slow


def test_result_of_a_changed_check_is_dropped(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def respond(_request: Request) -> Response:
        entered.set()
        go_on.wait(10)
        return Response("x", 500)

    httpserver.expect_request("/").respond_with_handler(respond)
    paused, moved, gone = (
        watch.check("http", httpserver.url_for("/"), name=name, timeout=9, failures=1)
        for name in ("paused", "moved", "gone")
    )

    def change_checks() -> None:
        entered.wait(10)
        with watch.panel.app_context():
            with transaction() as current:
                current.execute(
                    sa.update(watch.models.Check)
                    .where(watch.models.Check.id == paused)
                    .values(active=False)
                )
                current.execute(
                    sa.update(watch.models.Check)
                    .where(watch.models.Check.id == moved)
                    .values(target="http://example.com/")
                )
                current.execute(sa.delete(watch.models.Check).where(watch.models.Check.id == gone))
            release()
        go_on.set()

    thread = threading.Thread(target=change_checks)
    thread.start()
    assert watch.run() == {"up": 0, "down": 0, "unable": 0, "dropped": 3}
    thread.join()
    assert (watch.results(), watch.outages()) == ([], [])


def test_schedule_skips_missed_runs(watch: MonitoringHarness, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("x")
    at = now()
    in_time = watch.check(
        "http", httpserver.url_for("/"), next_at=at - timedelta(seconds=5), interval=60
    )
    behind = watch.check(
        "http", httpserver.url_for("/"), next_at=at - timedelta(hours=5), interval=60
    )
    later = watch.check("http", httpserver.url_for("/"), next_at=at + timedelta(seconds=40))
    assert watch.run()["up"] == 2, "a check missed for hours runs once"
    assert watch.row(in_time).next_at == at + timedelta(seconds=55)
    assert at + timedelta(seconds=55) < watch.row(behind).next_at <= now() + timedelta(seconds=60)
    assert watch.row(later).checked_at is None


def test_hourly_and_daily_rollups(watch: MonitoringHarness) -> None:
    recording, probes = watch.part("services.recording"), watch.part("services.probes")
    id = watch.check("http", "https://example.com/")
    row = watch.row(id)
    job = probes.Probe(id, row.type, row.target, row.config)
    day = now().replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)
    samples = [(True, 100, 1), (True, 300, 2), (False, 3000, 59), (None, None, 61), (True, 50, 62)]
    with watch.panel.app_context():
        for ok, milliseconds, minute in samples:
            recording.record(
                [
                    (
                        job,
                        probes.ProbeResult(ok, milliseconds, "" if ok else "why"),
                        day + timedelta(minutes=minute),
                    )
                ]
            )
    summaries = {
        (row.grain, row.starts_at): (
            row.up,
            row.down,
            row.unable,
            row.response_sum,
            row.response_max,
        )
        for row in watch.all(watch.result_models.Summary)
    }
    assert summaries == {
        ("hour", day): (2, 1, 0, 400, 300),
        ("hour", day + timedelta(hours=1)): (1, 0, 1, 50, 50),
        ("day", day.replace(hour=0)): (3, 1, 1, 450, 300),
    }
    statistics = watch.part("services.statistics")
    with watch.panel.app_context():
        assert statistics.uptime([id])[id]["7d"] == "75 %"
        (slot,) = [slot for slot in statistics.series("30d", id) if slot.up]
        assert (slot.at, slot.up, slot.down, slot.mean) == (day.replace(hour=0), 3, 1, 150)
        assert len(statistics.series("24h")), len(statistics.series("7d", id)) == (24, 168)


@pytest.mark.parametrize(
    ("up", "down", "text"),
    [
        (0, 0, "—"),
        (1, 0, "100 %"),
        (0, 3, "0 %"),
        (99999, 1, "99.99 %"),
        (1439, 1, "99.93 %"),
        (1, 1, "50 %"),
    ],
)
def test_uptime_is_rounded_down(watch: MonitoringHarness, up: int, down: int, text: str) -> None:
    assert watch.part("services.statistics").percent(up, down) == text


def test_pruning_bounds_the_tables(watch: MonitoringHarness) -> None:
    pruning = watch.part("services.pruning")
    pruning.BATCH = 7
    id, at = watch.check("http", "https://example.com/", active=False), now()
    result, summary, outage = (
        watch.result_models.Result,
        watch.result_models.Summary,
        watch.models.Outage,
    )
    with transaction() as current:
        current.add_all(
            [
                result(check_id=id, status=True, checked_at=at - timedelta(days=3, minutes=number))
                for number in range(1, 31)
            ]
        )
        current.add(result(check_id=id, status=True, checked_at=at - timedelta(days=2)))
        for grain, ages in (("hour", (91, 89)), ("day", (731, 729))):
            current.add_all(
                [
                    summary(check_id=id, grain=grain, starts_at=at - timedelta(days=age))
                    for age in ages
                ]
            )
        for age in (731, 729):
            current.add(
                outage(
                    check_id=id,
                    started_at=at - timedelta(days=age + 1),
                    ended_at=at - timedelta(days=age),
                    ended_by="recovered",
                )
            )
        current.add(outage(check_id=id, started_at=at - timedelta(days=900)))
    assert watch.job("thin").result.data == {"results": 30, "hours": 1, "days": 1, "outages": 1}
    assert (len(watch.results()), len(watch.all(summary)), len(watch.outages())) == (
        1,
        2,
        2,
    ), "an open outage is kept, however old"


def test_checks_of_a_terminated_service_are_paused(
    watch: MonitoringHarness, httpserver: HTTPServer
) -> None:
    watch.record_events()
    httpserver.expect_request("/").respond_with_data("x", 500)
    service = make_service(STAFF, "")
    id, other = (
        watch.check("http", httpserver.url_for("/"), failures=1, service_uuid=service.uuid),
        watch.check("http", httpserver.url_for("/"), failures=1),
    )
    watch.run()
    watch.job("stop_for_service", {"service_uuid": service.uuid})
    assert [hook.event for hook in watch.module.hooks] == ["service.termination_succeeded"]
    assert (watch.row(id).shown, watch.row(other).shown) == ("paused", "down")
    assert [outage.ended_by for outage in watch.outages()] == ["stopped", ""]
    assert "monitoring.up" not in watch.event_names()


def test_claim_cost_does_not_grow_with_checks(watch: MonitoringHarness) -> None:
    with transaction() as current:
        rows = [
            {
                "name": f"check {number}",
                "type": "port",
                "target": "192.0.2.1",
                "config": CONFIG | {"port": 80},
                "next_at": now(),
            }
            for number in range(2000)
        ]
        for _ in range(5):
            current.execute(sa.insert(watch.models.Check), rows)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        with watch.panel.app_context():
            jobs = watch.part("services.runs").claim(32)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert len(jobs) == 32
    assert (
        sum(statement.startswith("SELECT") for statement in statements),
        sum(statement.startswith("UPDATE") for statement in statements),
    ) == (1, 32)
