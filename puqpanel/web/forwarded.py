"""The address of the client behind the trusted reverse proxies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from puqpanel.infra.addresses import parse_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ClientAddress:
    """Set `REMOTE_ADDR` to the address of the client.

    Proxies append to X-Forwarded-For, so the values before those of the trusted ones can be
    invented. Where a proxy has written no address, such as `unknown`, that of the connection stays.

    Args:
        app: the application.
        hops: the number of trusted proxies.
    """

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        self.app = app
        self.hops = hops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
        peer = environ.get("REMOTE_ADDR", "")
        values = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        forwarded = ""
        if 0 < self.hops <= len(values):
            forwarded = parse_address(values[-self.hops])
        environ["REMOTE_ADDR"] = forwarded or parse_address(peer) or peer
        return self.app(environ, start_response)
