"""Visitors who look at the shop, register and order, all at once, in a panel that runs on loopback.

Each has an address of its own, as behind a proxy. They run on the same machine as the panel.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin

import requests

from bench.measure import backend, figure
from bench.running import Running, running
from puqpanel.infra.settings import ROOT

VISITORS, TIMEOUT = 200, 120
PREPARE = """
from puqpanel.app import create_app
from puqpanel.domain.principals import CLI
from puqpanel.infra.settings import Settings
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products

with create_app(Settings.load(), pages=False).app_context():
    taxes.load_eu_rates(actor=CLI)
    address = {"street": "ul. Morska 14", "city": "Gdynia", "tax_number": "5260250274"}
    companies.save_company(actor=CLI, uuid=None, values={"name": "S", "country": "PL", **address})
    for number in range(20):
        products.save_product(actor=CLI, uuid=None, name=f"Product {number}", price="4.90")
"""


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Count the visitors whose order failed, and measure their requests.

    Args:
        n: Number of visitors; 200 by default.
        database: URL of an empty database; by default, SQLite.
    """
    count = n or VISITORS
    more = {"PUQPANEL_DATABASE_URL": database} if database else {}
    with running(PUQPANEL_TRUSTED_PROXIES="1", **more) as panel:
        subprocess.run([sys.executable, "-c", PREPARE], env=panel.environment, check=True)
        start = threading.Barrier(count)
        visitors = [Visitor(panel.url, number) for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            failures = Counter(filter(None, pool.map(lambda each: each.order(start), visitors)))
        for failure, times in failures.most_common():
            print(f"{times} × {failure}", file=sys.stderr)
        name = backend(database or "sqlite://")
        text = f"visitors of {count} at once whose order failed"
        yield figure(text, name, failures.total(), None, "", 0, absolute=True)
        for step in ("look", "add", "register", "order"):
            took = sorted(each.seconds[step] for each in visitors if step in each.seconds)
            if took:
                middle, slow = statistics.median(took), took[int(len(took) * 0.95)]
                print(f"{step}: median {middle:.2f} s, p95 {slow:.2f} s", file=sys.stderr)
        whole = [sum(each.seconds.values()) for each in visitors]
        text = "time that a visitor waited for all pages, median"
        yield figure(text, name, statistics.median(whole), None, "s", 60, absolute=True)
        yield figure("problems of the books", name, _problems(panel), None, "", 0, absolute=True)


@dataclass(slots=True)
class Visitor:
    """A visitor.

    Attributes:
        url: of the panel.
        number: of the visitor.
        seconds: how long they waited in each step.
    """

    url: str
    number: int
    seconds: dict[str, float] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)

    def order(self, start: threading.Barrier) -> str:
        """Go from the list of products to the order; return what failed."""
        number = self.number
        self._session.headers["X-Forwarded-For"] = f"198.18.{number // 250}.{number % 250 + 1}"
        start.wait()
        step = ""
        try:
            step = "look"
            self._get(step, "/shop/")
            page = self._get(step, f"/shop/product-{number % 20}")
            step = "add"
            self._send(step, page, "/shop/cart/add", {"period": "monthly", "quantity": "1"})
            step = "register"
            path = "/client/register?next=/shop/checkout"
            account = {"name": f"Visitor {number}", "email": f"visitor{number}@example.test"}
            account |= {"password": "four-teapots-in-a-row", "buyer_kind": "consumer"}
            account |= {"street": "ul. Prosta 1", "postcode": "00-838", "city": "Warszawa"}
            account |= {"country": "PL", "currency": "EUR"}
            page = self._send(step, self._get(step, path), path, account)
            step = "order"
            page = self._send(step, page, "/shop/checkout", {})
            if not re.search(r"INV-\d{4}-\d+", page.text):
                raise RuntimeError(f"no invoice on {page.url}")
        except Exception as error:
            return f"{step}: {type(error).__name__}: {str(error)[:200]}"
        return ""

    def _get(self, step: str, path: str) -> requests.Response:
        return self._timed(step, "GET", urljoin(self.url, path), None)

    def _send(
        self, step: str, page: requests.Response, path: str, values: dict[str, str]
    ) -> requests.Response:
        """Send the form of a page, with its hidden fields."""
        hidden = {}
        for form in re.findall(r"<form\b.*?</form>", page.text, re.DOTALL):
            if 'method="post"' not in form:
                continue
            for tag in re.findall(r'<input[^>]*type="hidden"[^>]*>', form):
                name, value = (re.search(rf'{key}="([^"]*)"', tag) for key in ("name", "value"))
                if name:
                    hidden.setdefault(name[1], unescape(value[1]) if value else "")
        return self._timed(step, "POST", urljoin(self.url, path), hidden | values)

    def _timed(
        self, step: str, method: str, url: str, data: dict[str, str] | None
    ) -> requests.Response:
        before = time.perf_counter()
        answer = self._session.request(method, url, data=data, timeout=TIMEOUT)
        self.seconds[step] = self.seconds.get(step, 0) + time.perf_counter() - before
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code} from {method} {url.removeprefix(self.url)}")
        return answer


def _problems(panel: Running) -> int:
    """Return how many problems `puqpanel books check` finds."""
    command = [sys.executable, "-m", "puqpanel", "books", "check"]
    done = subprocess.run(
        command, env=panel.environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
    return done.returncode
