"""Request bodies that are complete, and values that every database can store.

The raw body stays unchanged, for signatures over it.
"""

from __future__ import annotations

from typing import IO, Any, cast

from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream, get_content_length, get_input_stream

from puqpanel.infra.outside_json import parse_json
from puqpanel.infra.redact import storable

Values = MultiDict[str, str]


class BoundedStream(LimitedStream):
    """A body of unknown length, such as a chunked one, that is refused if it exceeds the limit.

    Werkzeug's `read()` returns the bytes up to the limit, as if they were the whole body.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)
        self._too_large = False

    def on_exhausted(self) -> None:
        """Raise RequestEntityTooLarge unless the body ends at the limit."""
        self._too_large = self._too_large or bool(self._stream.read(1))
        if self._too_large:
            raise RequestEntityTooLarge

    def readall(self) -> bytes:
        """Return the rest of the body."""
        body = super().readall()
        if self.is_exhausted:
            self.on_exhausted()
        return body


class IncomingJson(DefaultJSONProvider):
    """Parses JSON of requests as `parse_json` does."""

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Parse JSON."""
        return parse_json(s)


class StorableRequest(Request):
    """A request without NULs and lone surrogates in arguments, form fields and JSON texts.

    They are replaced, as in all text the panel stores.
    """

    @cached_property
    def stream(self) -> IO[bytes]:
        """Return the body; reading more than `max_content_length` raises RequestEntityTooLarge.

        Raises:
            LengthRequired: the body is chunked, which the WSGI server cannot read.
        """
        limit, environ = self.max_content_length, self.environ
        length, terminated = get_content_length(environ), environ.get("wsgi.input_terminated")
        if length is None and not terminated and "HTTP_TRANSFER_ENCODING" in environ:
            raise LengthRequired
        if limit is None or (length is None and not terminated):
            return get_input_stream(environ, max_content_length=limit)
        if length is None:
            return cast("IO[bytes]", BoundedStream(environ["wsgi.input"], limit))
        if length > limit:
            raise RequestEntityTooLarge
        # Also if the server terminates the stream, which ends early if the client disconnects.
        return cast("IO[bytes]", LimitedStream(environ["wsgi.input"], length))

    @cached_property
    def args(self) -> Values:
        """Return the query arguments."""
        return _clean_values(super().args)

    def _load_form_data(self) -> None:
        loaded = "form" in self.__dict__
        super()._load_form_data()
        if not loaded:
            self.__dict__["form"] = _clean_values(self.__dict__["form"])


def _clean_values(values: Values) -> Values:
    pairs = list(values.items(multi=True))
    clean = [(storable(name), storable(value)) for name, value in pairs]
    return values if clean == pairs else ImmutableMultiDict(clean)
