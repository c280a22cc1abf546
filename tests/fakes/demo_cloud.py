"""The demo cloud behind a proxy with faults on request."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from urllib.parse import quote, urlencode

from puqpanel.cli.demo.accounts import Store
from puqpanel.cli.demo.cloud import DemoCloud
from tests.fakes.faults import FaultyServer, Reply, Seen

TOKEN = "demo-token-1f0c7e"
FORWARDED_HEADERS = ("authorization", "content-type", "accept")


class DemoCloudServer(FaultyServer):
    """A demo cloud; tests can read and change its `store`."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Start a demo cloud that stores its accounts in `folder`."""
        super().__init__(port)
        self.token = TOKEN
        self._cloud = DemoCloud(folder, TOKEN)
        self._cloud_thread = threading.Thread(
            target=self._cloud.serve_forever, args=(0.02,), daemon=True
        )
        self._cloud_thread.start()

    @property
    def store(self) -> Store:
        """The accounts."""
        return self._cloud.store

    def work(self, request: Seen) -> Reply:
        """Forward a request and return the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._cloud.port, timeout=10)
        try:
            query = f"?{urlencode(request.query)}" if request.query else ""
            connection.request(
                request.method,
                quote(request.path) + query,
                request.body,
                {
                    name: request.headers[name]
                    for name in FORWARDED_HEADERS
                    if name in request.headers
                },
            )
            response = connection.getresponse()
            headers = {"Content-Type": response.getheader("Content-Type", "")}
            return Reply(response.status, response.read(), headers)
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop both servers."""
        if self._gone.is_set():
            return
        super().stop()
        self._cloud.shutdown()
        self._cloud_thread.join(5)
        self._cloud.close()
