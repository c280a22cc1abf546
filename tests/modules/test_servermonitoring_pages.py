"""Staff pages of ServerMonitoring."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer

from puqpanel.app import Panel
from puqpanel.infra import events
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for, transaction
from puqpanel.infra.settings import Settings
from tests.modules.harness import STAFF
from tests.modules.plugins import active_plugin
from tests.modules.test_servermonitoring import LOCAL, MonitoringHarness
from tests.sample import make_service
from tests.web.conftest import Browser

FORM = {
    "name": "Shop",
    "type": "http",
    "target": "http://127.0.0.1/",
    "port": "",
    "status": "",
    "text": "",
    "verify_tls": "y",
    "interval": "60",
    "timeout": "5",
    "failures": "2",
    "owner": "",
}


@pytest.fixture
def watch(settings: Settings, app: Panel) -> Iterator[MonitoringHarness]:
    """Return the active module."""
    with active_plugin(settings, app, "ServerMonitoring") as harness:
        yield MonitoringHarness(harness)
        events.bind([])


@pytest.fixture
def owner(watch: MonitoringHarness) -> Browser:
    """Sign in as staff with all permissions."""
    return watch.owner()


def test_check_lifecycle(watch: MonitoringHarness, owner: Browser, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("All is <b>well</b>")
    assert "No checks yet" in owner.get(f"{watch.at}/dashboard").text
    service = make_service(STAFF, "")
    sent = {
        **FORM,
        "name": "Shop <1>",
        "target": httpserver.url_for("/"),
        "text": "well",
        "owner": service.uuid,
    }
    added = owner.post(f"{watch.at}/checks/add", sent)
    assert (added.status_code, added.location) == (302, f"{watch.at}/checks/1")
    page = owner.get(f"{watch.at}/checks/1").text
    assert (
        "Not checked yet" in page,
        "Shop &lt;1&gt;" in page,
        service.name in page,
        "Shop <1>" in page,
    ) == (True, True, True, False)
    watch.run()
    page = owner.get(f"{watch.at}/checks/1").text
    assert (
        "100 %" in page,
        "Individual results" in page,
        'class="ln"' in page,
        "Show as table" in page,
    ) == (True, True, True, True)
    assert "Shop &lt;1&gt;" in owner.get(f"{watch.at}/checks").text
    form = owner.get(f"{watch.at}/checks/1/edit").text
    assert (f'value="{service.uuid}"' in form, 'value="well"' in form) == (True, True)
    before = watch.row(1).state
    assert (
        owner.post(
            f"{watch.at}/checks/1/edit", {**sent, "name": "Shop", "interval": "300"}
        ).status_code
        == 302
    )
    assert (watch.row(1).name, watch.row(1).interval, watch.row(1).state, before) == (
        "Shop",
        300,
        "up",
        "up",
    ), "its history is kept"
    assert owner.post(f"{watch.at}/checks/1/pause").status_code == 302
    assert (watch.row(1).shown, watch.rerun()["up"]) == ("paused", 0)
    assert owner.post(f"{watch.at}/checks/1/resume").status_code == 302
    assert (watch.row(1).shown, watch.run()["up"]) == ("unknown", 1)
    assert owner.post(f"{watch.at}/checks/1/now").status_code == 302
    assert watch.run()["up"] == 1
    question = owner.get(f"{watch.at}/checks/1/delete").text
    assert ("Delete Shop?" in question, "Cancel" in question) == (True, True)
    assert owner.post(f"{watch.at}/checks/1/delete").status_code == 302
    assert (
        watch.all(watch.models.Check),
        watch.results(),
        watch.all(watch.result_models.Summary),
    ) == (
        [],
        [],
        [],
    )
    for path in (
        "checks/1",
        "checks/x",
        "checks/1/edit",
        "checks/99999999999999999999",
        "checks/1/results.csv",
    ):
        assert owner.get(f"{watch.at}/{path}").status_code == 404
    assert owner.post(f"{watch.at}/checks/1/delete").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"name": " "}, "name", "required"),
        ({"type": "telnet"}, "type", "Select an option"),
        (
            {"target": "https://anna:secret@example.com/"},
            "target",
            "Remove the user name and password.",
        ),
        ({"target": "example.com"}, "target", "Enter a full URL"),
        (
            {"target": "http://169.254.169.254/latest/meta-data"},
            "target",
            "is not a public address",
        ),
        ({"target": "http://10.1.2.3/"}, "target", "is not a public address"),
        ({"target": "http://[::ffff:10.1.2.3]/"}, "target", "is not a public address"),
        ({"target": "http://nobody-has-this.invalid/"}, "target", "could not be resolved"),
        ({"type": "port", "target": "127.0.0.1"}, "port", "Enter a port"),
        (
            {"type": "port", "target": "10.1.2.3", "port": "22"},
            "target",
            "is not a public address",
        ),
        ({"type": "port", "target": "127.0.0.1", "port": "70000"}, "port", "Enter 1 to 65535."),
        ({"type": "ping", "target": "192.168.1.1"}, "target", "is not a public address"),
        ({"status": "ok"}, "status", "Enter status codes"),
        ({"interval": "5"}, "interval", "Enter 30 to 86400."),
        ({"timeout": "60"}, "timeout", "Enter 1 to 20."),
        ({"failures": "0"}, "failures", "Enter 1 to 20."),
        ({"owner": "11111111-1111-4111-8111-111111111111"}, "owner", "No client or service"),
    ],
)
def test_invalid_checks(
    watch: MonitoringHarness, owner: Browser, changed: dict[str, str], field: str, sentence: str
) -> None:
    rejected = owner.post(f"{watch.at}/checks/add", {**FORM, **changed})
    assert (
        rejected.status_code,
        f'id="{field}-e"' in rejected.text,
        sentence in rejected.text,
    ) == (
        422,
        True,
        True,
    )
    assert watch.all(watch.models.Check) == []


def test_ping_check_warns_without_permission_to_ping(
    watch: MonitoringHarness, owner: Browser
) -> None:
    assert (
        owner.post(
            f"{watch.at}/checks/add", {**FORM, "type": "ping", "target": "127.0.0.1"}
        ).status_code
        == 302
    )
    reason = watch.part("services.ping").unavailable_reason()
    assert ("can&#39;t send pings" in owner.get(f"{watch.at}/checks/1").text) is bool(reason)
    assert ("can&#39;t send pings" in owner.get(f"{watch.at}/settings").text) is bool(reason)


def test_changing_the_target_resets_the_state(
    watch: MonitoringHarness, owner: Browser, httpserver: HTTPServer
) -> None:
    watch.record_events()
    httpserver.expect_request("/bad").respond_with_data("x", 500)
    httpserver.expect_request("/good").respond_with_data("x")
    id = watch.check("http", httpserver.url_for("/bad"), failures=1)
    watch.run()
    assert ("Down now" in owner.get(f"{watch.at}/dashboard").text, watch.row(id).state) == (
        True,
        "down",
    )
    assert (
        owner.post(
            f"{watch.at}/checks/{id}/edit", {**FORM, "target": httpserver.url_for("/good")}
        ).status_code
        == 302
    )
    assert (watch.row(id).state, [outage.ended_by for outage in watch.outages()]) == (
        "unknown",
        ["stopped"],
    )
    watch.run()
    assert (watch.row(id).state, watch.event_names()) == (
        "up",
        ["monitoring.down"],
    ), "its recovery was not observed"


def test_edit_without_a_new_target_needs_no_dns(watch: MonitoringHarness, owner: Browser) -> None:
    id = watch.check("http", "http://nobody-has-this.invalid/")
    same = {**FORM, "target": "http://nobody-has-this.invalid/"}
    assert (
        owner.post(f"{watch.at}/checks/{id}/edit", {**same, "interval": "120"}).status_code == 302
    )
    assert watch.row(id).interval == 120


def test_settings_allow_internal_targets(watch: MonitoringHarness, owner: Browser) -> None:
    values = {"networks": LOCAL, "raw_days": "3", "hour_days": "90", "day_days": "730"}
    rejected = owner.post(
        f"{watch.at}/settings", {**values, "networks": "10.0.0.0/99", "raw_days": "0"}
    )
    assert (
        rejected.status_code,
        'id="networks-e"' in rejected.text,
        'id="raw_days-e"' in rejected.text,
        "10.0.0.0/99" in rejected.text,
    ) == (422, True, True, True)
    assert (
        owner.post(
            f"{watch.at}/settings", {**values, "networks": "192.168.7.0/24\r\n fd00::/8 "}
        ).status_code
        == 302
    )
    assert watch.all(watch.part("models.settings").Settings)[0].allowed == (
        "192.168.7.0/24",
        "fd00::/8",
    )
    assert "192.168.7.0/24" in owner.get(f"{watch.at}/settings").text
    assert (
        owner.post(f"{watch.at}/checks/add", {**FORM, "target": "http://192.168.7.9/"}).status_code
        == 302
    )
    assert owner.post(f"{watch.at}/checks/add", FORM).status_code == 422, (
        "loopback is no longer allowed"
    )


def test_permissions(watch: MonitoringHarness, httpserver: HTTPServer) -> None:
    watch.check("http", httpserver.url_for("/"))
    viewer = watch.clerk("monitoring-dashboard")
    page = viewer.get(f"{watch.at}/dashboard")
    assert (
        page.status_code,
        "Add check" in page.text,
        f'href="{watch.at}/checks' in page.text,
    ) == (200, False, False)
    for path in ("checks", "checks/1", "checks/add", "checks/1/results.csv", "settings"):
        assert viewer.get(f"{watch.at}/{path}").status_code == 403, path
    for path in ("checks/add", "checks/1/pause", "checks/1/delete", "settings"):
        assert viewer.post(f"{watch.at}/{path}", FORM).status_code == 403, path
    assert watch.row(1).active


def test_csv_neutralizes_formulas(watch: MonitoringHarness, owner: Browser) -> None:
    id, at = watch.check("http", "http://127.0.0.1/"), now()
    result = watch.result_models.Result
    with transaction() as current:
        current.add(
            result(check_id=id, status=True, response_time=12, checked_at=at - timedelta(minutes=2))
        )
        current.add(
            result(
                check_id=id,
                status=False,
                response_time=40,
                error_message='=HYPERLINK("http://x")',
                checked_at=at - timedelta(minutes=1),
            )
        )
        current.add(
            result(
                check_id=id,
                status=None,
                error_message="no ping, sorry",
                checked_at=at,
            )
        )
    answer = owner.get(f"{watch.at}/checks/{id}/results.csv")
    lines = answer.text.removeprefix("\ufeff").splitlines()
    assert (answer.mimetype, answer.text[0], lines[0]) == (
        "text/csv",
        "\ufeff",
        "checked_at,status,response_time,error_message",
    )
    assert [line.split(",", 1)[1] for line in lines[1:]] == [
        'unable,,"no ping, sorry"',
        'down,40,"\'=HYPERLINK(""http://x"")"',
        "up,12,",
    ]


def test_list_pages_and_search(watch: MonitoringHarness, owner: Browser) -> None:
    with transaction() as current:
        rows = [
            {
                "name": f"check {number // 2:03}",
                "type": "port",
                "target": f"192.0.2.{number}",
                "config": {"port": 80},
                "state": "up" if number % 3 else "down",
            }
            for number in range(60)
        ]
        current.execute(sa.insert(watch.models.Check), rows)
    seen: list[str] = []
    at = f"{watch.at}/checks"
    for _ in range(3):
        page = owner.get(at).text
        ids = re.findall(r"/checks/(\d+)\"", page)
        seen += ids
        forward = re.search(r'href="([^"]+)" rel="next"', page)
        at = forward[1].replace("&amp;", "&") if forward else at
    assert [len(seen), len(set(seen)), forward] == [60, 60, None], "each check once"
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert (
        back
        and re.findall(r"/checks/(\d+)\"", owner.get(back[1].replace("&amp;", "&")).text)
        == seen[25:50]
    )
    assert (
        len(re.findall(r"/checks/(\d+)\"", owner.get(f"{watch.at}/checks?state=down").text)) == 20
    )
    assert (
        len(
            re.findall(
                r"/checks/(\d+)\"", owner.get(f"{watch.at}/checks?q=192.0.2.5&state=up").text
            )
        )
        == 8
    )
    for nonsense in (
        "?after=x&before=y",
        "?before=99999999999",
        "?state=lost",
        "?q=%25%00_",
        "?after=-1",
    ):
        assert owner.get(f"{watch.at}/checks{nonsense}").status_code == 200
    assert "No matching checks" in owner.get(f"{watch.at}/checks?q=nobody").text


def test_query_count_does_not_grow_with_checks(
    watch: MonitoringHarness, owner: Browser, settings: Settings
) -> None:
    hour = now().replace(minute=0, second=0, microsecond=0)
    with transaction() as current:
        for part in range(3):
            rows = [
                {
                    "name": f"check {part}-{number}",
                    "type": "port",
                    "target": "192.0.2.1",
                    "config": {"port": 80},
                }
                for number in range(1000)
            ]
            current.execute(sa.insert(watch.models.Check), rows)
        ids = current.scalars(sa.select(watch.models.Check.id)).all()
        current.execute(
            sa.insert(watch.result_models.Summary),
            [
                {
                    "check_id": id,
                    "grain": "hour",
                    "starts_at": hour,
                    "up": 9,
                    "down": 1,
                    "response_sum": 90,
                }
                for id in ids
            ],
        )
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "mod_plugin_servermonitoring" in statement:
            seen.append(statement)

    engine = engine_for(settings.database_url)
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        counted = {}
        for path in ("dashboard", "checks", f"checks/{ids[0]}", "checks?state=unknown&q=check"):
            seen.clear()
            page = contextvars.Context().run(owner.http.get, f"{watch.at}/{path}")
            assert page.status_code == 200
            counted[path] = len(seen)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert list(counted.values()) == [6, 3, 5, 3]
    dashboard = owner.get(f"{watch.at}/dashboard").text
    assert ("3,000" in dashboard, "90 %" in dashboard) == (True, True)


def test_dashboard_and_list_agree_after_each_result(
    watch: MonitoringHarness, owner: Browser, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/").respond_with_data("x")
    httpserver.expect_ordered_request("/").respond_with_data("x", 500)
    watch.check("http", httpserver.url_for("/"), failures=1)
    for run, uptime in ((watch.run, "100 %"), (watch.rerun, "50 %")):
        run()
        for path in ("dashboard", "checks"):
            text = owner.get(f"{watch.at}/{path}").text.replace("\u00a0", " ")
            assert uptime in text, (path, uptime)


def test_pages_in_polish(watch: MonitoringHarness, owner: Browser) -> None:
    page = owner.get(f"{watch.at}/checks/add", headers={"Accept-Language": "pl-PL,pl;q=0.9"}).text
    assert ("Dodaj kontrolę" in page, "Oczekiwany kod statusu" in page, "Strona WWW" in page) == (
        True,
        True,
        True,
    )
