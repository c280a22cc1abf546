"""Webhooks: routing, logging and error responses without details."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.host.containment import bulkheads
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ConfiguredModule, Module, ModuleLog
from puqpanel.operations.modules import configured_modules, lifecycle, loading
from tests.conftest import STAFF
from tests.sample import activate, write_module

HOOKED = """
    import sys
    from flask import make_response
    from puqpanel.sdk import {base}, ExternalServiceError, Result, abort, response

    class Echo({base}):
        def apiWebhookPost(self, request):
            match request.args.get("do"):
                case "boom": raise ValueError("inner secret 4711")
                case "exit": sys.exit("inner secret 4711")
                case "outside": raise ExternalServiceError("inner secret 4711")
                case "abort": abort(418)
                case "error": return {{"status": "error", "message": "no such payment", "code": 422}}
                case "plain": return response("received", 202)
                case "result": return Result.success("fine")
                case "echo": return make_response(request.get_data())
                case "cookie":
                    answer = make_response("ok")
                    answer.set_cookie("a", "b")
                    return answer
                case "form": return {{"form": dict(request.form), "raw": request.get_data(as_text=True), "all": request.all()}}
            return {{"status": "success", "raw": request.get_data(as_text=True), "data": self.module_data, "uuid": self.instance_uuid, "url": getattr(self, "webhook_url", "")}}
"""
GETS = """
    from puqpanel.sdk import Plugin

    class Gets(Plugin):
        def api_webhook_get(self, request):
            return {"challenge": request.args.get("challenge")}
"""
SILENT = "from puqpanel.sdk import Payment\nclass Silent(Payment):\n    pass\n"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    base = tmp_path / "modules"
    write_module(base, HOOKED.format(base="Payment"), type="Payment")
    write_module(base, HOOKED.format(base="Plugin"), type="Plugin")
    write_module(base, GETS, type="Plugin", name="Gets")
    write_module(base, SILENT, type="Payment", name="Silent")
    return replace(settings, modules_dir=base)


class Scene:
    """A panel with all four modules active, and one gateway of Echo."""

    def __init__(self, live: Live) -> None:
        self.live = live
        with live.ensure().app_context():
            for type, name in (
                ("Payment", "Echo"),
                ("Plugin", "Echo"),
                ("Plugin", "Gets"),
                ("Payment", "Silent"),
            ):
                activate(live.ensure(), STAFF, name, type)
        self.panel = live.ensure()
        with self.panel.app_context():
            self.uuid = self.make("Payment/Echo", {"webhook_secret": "s3cr3t-of-the-hook"})
            self.silent = self.make("Payment/Silent")

    def make(self, key: str, data: dict[str, Any] | None = None, *, active: bool = True) -> str:
        gateway = configured_modules.create_instance(
            actor=STAFF, module_type=key.partition("/")[0], module=key, title="G"
        )
        with transaction():
            row = configured_modules.find_instance(gateway.uuid)
            row.data, row.active = data or {}, active
        return gateway.uuid

    def open(self, path: str, method: str = "POST", **options: Any) -> TestResponse:
        answer = self.panel.test_client().open(f"/webhooks/{path}", method=method, **options)
        answer.get_data()
        return answer

    def log(self) -> list[ModuleLog]:
        with self.panel.app_context():
            return list(session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)))


@pytest.fixture
def scene(settings: Settings) -> Iterator[Scene]:
    live = Live(settings)
    scene = Scene(live)
    yield scene
    dismantle(scene.panel)


def test_a_webhook_reaches_the_module_with_the_gateway_settings(scene: Scene) -> None:
    raw = '{"b": 1,   "a": "ż"}'
    for kind in ("Payment", "payment"):
        answer = scene.open(
            f"{kind}/Echo/{scene.uuid}", data=raw.encode(), content_type="application/json"
        )
        assert answer.status_code == 200
        assert answer.json == {
            "status": "success",
            "raw": raw,
            "data": {"webhook_secret": "s3cr3t-of-the-hook"},
            "uuid": scene.uuid,
            "url": f"http://panel.test/webhooks/Payment/Echo/{scene.uuid}",
        }
        assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"
    plugin = scene.open("Plugin/Echo", data="x")
    assert (plugin.status_code, plugin.json["uuid"], plugin.json["raw"]) == (200, "", "x")


def test_a_form_and_its_raw_body_are_available(scene: Scene) -> None:
    answer = scene.open(
        "Plugin/Echo?do=form&q=1", data="a=1&b=2", content_type="application/x-www-form-urlencoded"
    )
    assert answer.json == {
        "form": {"a": "1", "b": "2"},
        "raw": "a=1&b=2",
        "all": {"do": "form", "q": "1", "a": "1", "b": "2"},
    }


@pytest.mark.parametrize(
    ("do", "code", "text"),
    [
        ("plain", 202, "received"),
        ("error", 422, "no such payment"),
        ("result", 200, "fine"),
        ("cookie", 200, "ok"),
        ("abort", 418, ""),
    ],
)
def test_every_documented_response(scene: Scene, do: str, code: int, text: str) -> None:
    answer = scene.open(f"Plugin/Echo?do={do}")
    assert answer.status_code == code
    assert text in answer.text
    assert "Set-Cookie" not in answer.headers
    assert scene.log()[-1].response.startswith(str(code))


def test_rejected_requests_are_logged_briefly(scene: Scene) -> None:
    body = json.dumps({"password": "swordfish", "text": "x" * 40_000})
    for do in ("abort", "error"):
        scene.open(f"Plugin/Echo?do={do}", data=body, content_type="application/json")
        logged = scene.log()[-1].request
        assert (
            len(logged) < 4000
            and "40" in logged
            and "(truncated, " in logged
            and "swordfish" not in logged
        )
    scene.open("Plugin/Echo", data=body, content_type="application/json")
    assert len(scene.log()[-1].request) > 40_000


@pytest.mark.parametrize("do", ["boom", "exit", "outside"])
def test_an_exception_returns_only_a_reference(scene: Scene, do: str) -> None:
    answer = scene.open(f"Plugin/Echo?do={do}")
    assert answer.status_code == 500
    assert set(answer.json) == {"status", "message", "reference", "code"}
    assert answer.json["reference"] == answer.headers["X-Request-ID"]
    assert "4711" not in answer.text and "secret" not in answer.text
    assert {row.request_id for row in scene.log()} == {answer.json["reference"]}
    # anyone can send requests, so their failures must not open the circuit breaker
    for _ in range(6):
        scene.open(f"Plugin/Echo?do={do}")
    assert scene.open("Plugin/Echo").status_code == 200


def test_get_falls_back_to_post_but_not_the_reverse(
    scene: Scene,
) -> None:
    answer = scene.open(f"Payment/Echo/{scene.uuid}", "GET")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "ok", "text/plain")
    assert scene.open("Plugin/Gets?challenge=x", "GET").json == {"challenge": "x"}
    assert scene.open("Plugin/Gets").status_code == 404
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert scene.open("Plugin/Echo", method).status_code == 405


def test_missing_and_disabled_gateways_return_the_same_404(scene: Scene) -> None:
    with scene.panel.app_context():
        off = scene.make("Payment/Echo", active=False)
    unknown = "00000000-0000-4000-8000-000000000000"
    paths = [
        f"Payment/Echo/{unknown}",
        f"Payment/Echo/{off}",
        f"Payment/Nothing/{unknown}",
        "Payment/Nothing",
        "Rocket/Echo",
        f"Plugin/Echo/{scene.uuid}",
        f"Payment/Silent/{scene.silent}",
        f"Payment/Echo/{scene.silent}",
        f"Notification/Echo/{scene.uuid}",
        f"Payment/echo/{scene.uuid}",
    ]
    answers = {
        (answer.status_code, answer.text)
        for path in paths
        for method in ("GET", "POST")
        for answer in [scene.open(path, method)]
    }
    assert len(answers) == 1, answers
    assert answers.pop()[0] == 404


def test_without_a_uuid_the_only_gateway_receives_the_request(scene: Scene) -> None:
    assert scene.open("Payment/Echo").json["uuid"] == scene.uuid
    with scene.panel.app_context():
        scene.make("Payment/Echo")
    # ambiguous with two gateways; called without its secret, a module might accept an empty one
    assert scene.open("Payment/Echo").status_code == 404
    with scene.panel.app_context():
        for row in configured_modules.list_instances("Payment"):
            configured_modules.delete_instance(actor=STAFF, uuid=row.uuid)
    assert scene.open("Payment/Echo").status_code == 404


def test_oversized_bodies_are_rejected(scene: Scene) -> None:
    big = b"x" * (1024 * 1024 + 1)
    for path in (f"Payment/Echo/{scene.uuid}", "Payment/Nothing"):
        answer = scene.open(path, data=big)
        assert answer.status_code == 413
        assert "1 MB" in answer.json["message"]
    assert scene.open(f"Payment/Echo/{scene.uuid}", data=big[:-1]).status_code == 200


def test_an_unavailable_module_returns_503_with_retry_after(
    scene: Scene, settings: Settings
) -> None:
    with scene.panel.app_context(), transaction() as current:
        current.execute(
            sa.update(Module)
            .where(Module.name.in_(["Echo", "Silent"]), Module.type == "Payment")
            .values(circuit_open_reason="It failed 5 times.")
        )
    assert scene.open(f"Payment/Silent/{scene.silent}").status_code == 404
    answer = scene.open(f"Payment/Echo/{scene.uuid}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "failed" not in answer.text
    assert [(row.level, row.action, row.response) for row in scene.log()] == [
        (
            "error",
            "webhook POST rejected",
            "503 The circuit breaker of Payment/Echo is open. It failed 5 times.",
        )
    ]
    with scene.panel.app_context(), transaction() as current:
        current.execute(
            sa.update(Module)
            .where(Module.type == "Payment", Module.name == "Echo")
            .values(circuit_open_reason="")
        )
    config = settings.modules_dir / "Payment" / "Echo" / "config.py"
    config.write_text(config.read_text().replace("1.0.0", "2.0.0"))
    fresh = Live(settings)
    scene.panel = fresh.ensure()
    assert scene.open(f"Payment/Echo/{scene.uuid}").status_code == 503
    with scene.panel.app_context():
        lifecycle.deactivate(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Payment", name="Echo"
        )
    scene.panel = fresh.ensure()
    assert scene.open(f"Payment/Echo/{scene.uuid}").status_code == 404


def test_a_busy_module_returns_503_with_retry_after(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkheads, "_most", 1)
    monkeypatch.setitem(bulkheads._running, "Payment/Echo", 1)
    answer = scene.open(f"Payment/Echo/{scene.uuid}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_a_module_that_fails_to_load_returns_503_with_retry_after(
    scene: Scene, settings: Settings
) -> None:
    (settings.modules_dir / "Payment" / "Echo" / "Echo.py").write_text("broken(")
    with scene.panel.app_context():
        loading.reload(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Payment", name="Echo"
        )
    scene.panel = Live(settings).ensure()
    with scene.panel.app_context():
        assert (
            session().scalar(
                sa.select(Module.status).where(Module.type == "Payment", Module.name == "Echo")
            )
            == ModuleStatus.ERROR
        )
    assert scene.open(f"Payment/Echo/{scene.uuid}").status_code == 503
    assert scene.open("Payment/Echo/00000000-0000-4000-8000-000000000000").status_code == 404


def test_each_request_leaves_one_masked_log_entry(scene: Scene) -> None:
    body = json.dumps(
        {"id": "tx-1", "token": "tok-hidden-1", "note": "signed with s3cr3t-of-the-hook"}
    )
    answer = scene.open(
        f"Payment/Echo/{scene.uuid}?key=1", data=body, content_type="application/json"
    )
    (row,) = scene.log()
    assert (row.type, row.name, row.level, row.action, row.request_id) == (
        "Payment",
        "Echo",
        "info",
        "webhook POST",
        answer.headers["X-Request-ID"],
    )
    assert "tx-1" in row.request and "127.0.0.1" in row.request and row.response.startswith("200")
    assert "tok-hidden-1" not in row.request + row.response
    assert "s3cr3t-of-the-hook" not in row.request + row.response
    scene.open("Payment/Nothing")
    assert len(scene.log()) == 1


def test_invalid_json_does_no_harm(scene: Scene) -> None:
    for body in (b"[" * 200_000, b"\xff\xfe", b'{"a": NaN}', b"null", b"\x00"):
        assert (
            scene.open(
                f"Payment/Echo/{scene.uuid}", data=body, content_type="application/json"
            ).status_code
            == 200
        )
    assert scene.open(
        "Plugin/Echo?do=form", data=b"x", content_type="multipart/form-data; boundary="
    ).status_code in (200, 400, 413, 500)
    assert len(scene.log()) == 6


def test_any_bytes_reach_the_module(scene: Scene) -> None:
    types = (
        "application/json",
        "application/json; charset=\xff",
        "text/plain; charset=utf-7",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=\xff; charset*0*=x",
        "\xff",
    )
    bodies = (
        b"\xff\xfe\x00",
        b'\xef\xbb\xbf{"a": "\xed\xa0\x80"}',
        "{}".encode("utf-16"),
        b"a=%FF%00&%ED%A0%80=1&=&&" + b"x" * 1000,
        b'--x\r\nContent-Disposition: form-data; name="\xff\x00"\r\n\r\n\xff\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="\xff"\r\n\r\nb',
    )
    for content_type, body in itertools.product(types, bodies):
        echo = scene.open("Plugin/Echo?do=echo", data=body, content_type=content_type)
        assert (echo.status_code, echo.get_data()) == (200, body), content_type
        form = scene.open("Plugin/Echo?do=form", data=body, content_type=content_type)
        assert form.status_code in (200, 400, 413), (content_type, body)
    assert len(scene.log()) == 2 * len(types) * len(bodies)


def test_the_gateway_row_is_unchanged(scene: Scene) -> None:
    scene.open(f"Payment/Echo/{scene.uuid}")
    with scene.panel.app_context():
        release()
        row = session().scalar(
            sa.select(ConfiguredModule).where(ConfiguredModule.uuid == scene.uuid)
        )
        assert row is not None and row.data == {"webhook_secret": "s3cr3t-of-the-hook"}
