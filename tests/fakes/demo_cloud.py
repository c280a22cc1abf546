"""The panel's own demo cloud behind a front that can be told to fail: a module's tests meet the
very provider of `up --demo`.
"""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from urllib.parse import quote, urlencode

from puqpanel.cli.demo.accounts import Store
from puqpanel.cli.demo.cloud import DemoCloud
from tests.fakes.faults import FaultyServer, Reply, Seen

TOKEN = "demo-token-1f0c7e"
KEPT = ("authorization", "content-type", "accept")


class DemoCloudServer(FaultyServer):
    """A demo cloud; `store` is open to tests, to arrange and to look."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Args: folder, where the cloud keeps its accounts."""
        super().__init__(port)
        self.token = TOKEN
        self._cloud = DemoCloud(folder, TOKEN)
        self._cloud_thread = threading.Thread(
            target=self._cloud.serve_forever, args=(0.02,), daemon=True
        )
        self._cloud_thread.start()

    @property
    def store(self) -> Store:
        """What the cloud knows."""
        return self._cloud.store

    def work(self, request: Seen) -> Reply:
        """Pass the request on, and the answer back."""
        line = http.client.HTTPConnection("127.0.0.1", self._cloud.port, timeout=10)
        try:
            address = quote(request.path) + (
                f"?{urlencode(request.query)}" if request.query else ""
            )
            line.request(
                request.method,
                address,
                request.body,
                {name: request.headers[name] for name in KEPT if name in request.headers},
            )
            answer = line.getresponse()
            return Reply(
                answer.status, answer.read(), {"Content-Type": answer.getheader("Content-Type", "")}
            )
        finally:
            line.close()

    def stop(self) -> None:
        """End both servers."""
        if self._gone.is_set():
            return
        super().stop()
        self._cloud.shutdown()
        self._cloud_thread.join(5)
        self._cloud.close()
