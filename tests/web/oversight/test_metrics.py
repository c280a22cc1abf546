"""GET /metrics: off without a token, refused with a wrong one, and the sum of all processes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from puqpanel.app import Panel, create_app
from puqpanel.host import context, exchange_log
from puqpanel.infra import metrics
from puqpanel.infra.metric_files import MetricFiles
from puqpanel.infra.settings import ROOT, Settings, SettingsError
from puqpanel.live import dismantle
from puqpanel.tasks import add
from tests.web.conftest import Browser

TOKEN = "a-token-of-the-monitor"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
REQUESTS = "puqpanel_http_request_duration_seconds_count"
Sample = Callable[..., float]


@pytest.fixture
def monitored(settings: Settings) -> Iterator[Panel]:
    app = create_app(replace(settings, metrics_token=TOKEN))
    yield app
    dismantle(app)
    metrics.use(None)


def read(app: Panel) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = app.test_client().get("/metrics", headers=RIGHT)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(app: Panel, name: str, **labels: str) -> float:
    return read(app).get((name, frozenset(labels.items())), 0)


def in_a_child(run: Callable[[], Any]) -> None:
    pid = os.fork()
    if not pid:
        try:
            run()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_without_a_token_there_is_no_such_page(visitor: Browser, settings: Settings) -> None:
    assert visitor.get("/metrics").status_code == 404
    assert visitor.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    assert not metrics.enabled()
    assert not (settings.instance / "metrics").exists()


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        "Bearer é",
    ],
)
def test_a_wrong_token_is_refused(monitored: Panel, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = monitored.test_client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "puqpanel_" not in answer.text


@pytest.mark.parametrize("text", ["short", "with a space in it", "ó" * 20, "x" * 201])
def test_a_weak_token_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="PUQPANEL_METRICS_TOKEN") as error:
        Settings.load({"PUQPANEL_METRICS_TOKEN": text})
    assert text not in str(error.value)
    assert TOKEN not in repr(Settings.load({"PUQPANEL_METRICS_TOKEN": TOKEN}))


def test_requests_are_counted_by_endpoint_and_status(monitored: Panel) -> None:
    http = monitored.test_client()
    for path in ("/admin/signin", "/admin/signin", "/nowhere", "/nowhere/2", "/admin"):
        http.get(path)
    found = read(monitored)

    def count(endpoint: str, status: str) -> float:
        return found.get((REQUESTS, frozenset({("endpoint", endpoint), ("status", status)})), 0)

    assert count("admin.auth.sign_in", "2xx") == 2
    assert count("none", "4xx") == 2
    assert not any("nowhere" in text for _, labels in found for pair in labels for text in pair)
    assert value(monitored, REQUESTS, endpoint="public.metrics.index", status="2xx") >= 1


def test_the_processes_add_up(monitored: Panel) -> None:
    http = monitored.test_client()

    def open_pages() -> None:
        for _ in range(3):
            http.get("/admin/signin")

    open_pages()
    in_a_child(open_pages)
    in_a_child(open_pages)
    assert value(monitored, REQUESTS, endpoint="admin.auth.sign_in", status="2xx") == 9
    folder = monitored.settings.instance / "metrics"
    assert len(list(folder.glob("histogram_*"))) == 2  # the second child continued the first one's


def test_a_process_that_ended_uses_no_connections(monitored: Panel) -> None:
    in_a_child(metrics._checkout)
    assert metrics._counting is not None
    assert value(monitored, "puqpanel_database_connections") >= 0
    assert all(
        "gauge" not in path.name or path.name == "gauge_livesum_0.db"
        for path in metrics._counting.files.paths()
    )


def test_tasks_and_queues(monitored: Panel) -> None:
    with monitored.app_context():
        add.add(job="ModuleJob", data={"module": {"key": "Product/None"}, "method": "x"})
    found = read(monitored)

    def one(name: str, **labels: str) -> float:
        return found[(f"puqpanel_{name}", frozenset(labels.items()))]

    assert one("tasks", state="queued") == 1
    assert one("tasks", state="failed") == 0
    assert one("queue_depth", queue="module") == 1
    assert one("oldest_task_age_seconds", state="queued") < 60
    assert one("oldest_task_age_seconds", state="running") == 0
    assert one("up", component="database") == one("up", component="queue") == 1
    assert one("processes", kind="worker") == 0
    assert one("database_connections_limit") > 0


def test_providers_are_counted_by_module(monitored: Panel) -> None:
    call = context.Context("Product", "PuqNextcloud", "x", None, None)
    with monitored.app_context(), context.entered(call):
        for success in (True, False):
            exchange_log.write(
                {"request": "GET https://cloud.test/secret-path"},
                {"status": 200},
                url="https://cloud.test/secret-path",
                success=success,
                duration_ms=120,
                secrets=(),
            )
    name = "puqpanel_provider_request_duration_seconds_count"
    assert value(monitored, name, module="Product/PuqNextcloud") == 2
    assert value(monitored, "puqpanel_provider_errors_total", module="Product/PuqNextcloud") == 1
    page = monitored.test_client().get("/metrics", headers=RIGHT).text
    assert "secret-path" not in page
    assert TOKEN not in page


def test_the_queue_server_may_be_away(settings: Settings) -> None:
    app = create_app(replace(settings, metrics_token=TOKEN, redis_url="redis://127.0.0.1:1/0"))
    try:
        found = read(app)
    finally:
        dismantle(app)
        metrics.use(None)
    assert found[("puqpanel_up", frozenset({("component", "queue")}))] == 0
    assert found[("puqpanel_up", frozenset({("component", "database")}))] == 1


def test_labels_are_bounded(monitored: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_LABELS", 3)
    for number in range(10):
        metrics.provider_answered(f"Product/M{number}", 0.1, True)
    names = {
        dict(labels)["module"]
        for name, labels in read(monitored)
        if name == "puqpanel_provider_request_duration_seconds_count"
    }
    assert len(names) <= 4
    assert "other" in names


def test_a_full_disk_only_stops_counting(monitored: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    def request() -> None:
        answer = monitored.test_client().get("/admin/signin")
        os._exit(0 if answer.status_code == 200 and not metrics.enabled() else 1)

    (monitored.settings.instance / "metrics" / "histogram_1.db").unlink(missing_ok=True)
    pid = os.fork()
    if not pid:
        request()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_dashboard_and_the_page_name_what_exists(monitored: Panel) -> None:
    metrics.provider_answered("Product/M", 0.1, False)
    monitored.test_client().get("/admin/signin")
    exposed = {name for name, _ in read(monitored)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed}
    for file in ("grafana-dashboard.json", "metrics.md"):
        text = (ROOT / "docs" / file).read_text()
        named = set(re.findall(r"puqpanel_[a-z_]+", text))
        assert named <= exposed | families, file
        assert families <= {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}, file


def test_a_damaged_file_is_left_out_and_replaced(tmp_path: Path) -> None:
    before = MetricFiles(tmp_path)
    before.slot()
    before.release()
    for damaged in tmp_path.glob("*.db"):
        damaged.write_bytes(b"\xff\xff\xff\x0f" + b"\1" * 5000)  # after a power failure
    assert list(before.paths()) == []
    after = MetricFiles(tmp_path)
    after.slot()
    assert len(list(after.paths())) == len(list(tmp_path.glob("*.db"))) > 0
    after.release()
