"""Request bodies reach the panel whole or not at all, whatever the WSGI server."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from puqpanel.app import Panel
from puqpanel.web.incoming import StorableRequest
from puqpanel.web.public.modules import webhooks

pytestmark = pytest.mark.sqlite

LIMIT = 1000


def environ_of(body: bytes, **changes: Any) -> dict[str, Any]:
    """Return the environ of a POST without a length; None removes a key."""
    environ = EnvironBuilder("/", method="POST").get_environ()
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": "application/json"}
    environ.pop("CONTENT_LENGTH", None)
    return {key: value for key, value in (environ | changes).items() if value is not None}


CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
READERS: list[Callable[[StorableRequest], bytes]] = [
    lambda request: request.get_data(),
    lambda request: request.stream.read(),
    lambda request: b"".join(iter(lambda: request.stream.read(64), b"")),
    lambda request: request.get_data(parse_form_data=True),
]


def request_of(environ: dict[str, Any]) -> StorableRequest:
    request = StorableRequest(environ)
    request.max_content_length = LIMIT
    return request


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_a_chunked_body_within_the_limit_is_whole(read: Any, size: int) -> None:
    assert read(request_of(environ_of(b"x" * size, **CHUNKED))) == b"x" * size


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT, 100 * LIMIT])
@pytest.mark.parametrize("transfer", ["chunked", None])
def test_a_longer_body_is_refused(read: Any, size: int, transfer: str | None) -> None:
    body = environ_of(b"x" * size, **{**CHUNKED, "HTTP_TRANSFER_ENCODING": transfer})
    with pytest.raises(Exception) as refused:
        read(request_of(body))
    assert getattr(refused.value, "code", 0) == 413


def test_a_decoded_body_with_its_length_is_read_like_any_other() -> None:
    decoded = {"wsgi.input_terminated": True, "CONTENT_LENGTH": "700"}
    assert len(request_of(environ_of(b"x" * 700, **decoded)).get_data()) == 700
    too_long = environ_of(b"x" * 1001, **{**decoded, "CONTENT_LENGTH": "1001"})
    with pytest.raises(Exception) as refused:
        request_of(too_long).get_data()
    assert getattr(refused.value, "code", 0) == 413


@pytest.mark.parametrize("terminated", [True, None])
def test_a_body_that_ends_before_its_length_is_refused(terminated: bool | None) -> None:
    cut = environ_of(b"x" * 500, CONTENT_LENGTH="700", **{"wsgi.input_terminated": terminated})
    with pytest.raises(Exception) as refused:
        request_of(cut).get_data()
    assert getattr(refused.value, "code", 0) == 400


def test_a_chunked_body_that_the_server_does_not_decode_is_refused() -> None:
    with pytest.raises(Exception) as refused:
        request_of(environ_of(b"x", HTTP_TRANSFER_ENCODING="chunked")).get_data()
    assert getattr(refused.value, "code", 0) == 411


def post(app: Panel, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    """Post a chunked body and return the status and the response."""
    environ = environ_of(body, **CHUNKED, PATH_INFO=path, CONTENT_TYPE=kind)
    chunks, status, _headers = run_wsgi_app(app, environ)
    return int(status.split()[0]), b"".join(chunks)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"]
)
def test_webhooks_and_forms_answer_413(app: Panel, kind: str) -> None:
    body = b"a=" + b"x" * webhooks.MAX_BODY_BYTES
    status, answer = post(app, "/webhooks/Payment/None", body, kind)
    assert (status, b"at most 1 MB" in answer) == (413, True)
    status, answer = post(app, "/webhooks/Payment/None", body[:-2], kind)
    assert status == 404  # read whole; there is no such module
    app.config["MAX_CONTENT_LENGTH"] = 1000
    if kind == "application/x-www-form-urlencoded":
        assert post(app, "/admin/signin", body, kind)[0] == 413
