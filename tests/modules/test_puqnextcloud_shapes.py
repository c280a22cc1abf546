"""PuqNextcloud against responses that are not as Nextcloud describes them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from puqpanel.app import Panel
from tests.fakes.faults import Reply
from tests.fakes.garble import garble
from tests.fakes.ocs import OcsServer
from tests.modules.harness import VERBS
from tests.modules.test_pages import active, customer
from tests.modules.test_puqnextcloud import NextcloudHarness, cloud, harness

__all__ = ["cloud", "harness"]


def test_responses_of_any_shape_are_results(
    harness: NextcloudHarness,
    cloud: OcsServer,
    served: Panel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uuid = harness.add_default_service(cloud)
    at = active(harness, uuid)
    astrid, chance = customer(served), random.Random(17)
    work = cloud.work

    def garbled(request: Any) -> Reply:
        reply = work(request)
        body = json.dumps(garble(json.loads(reply.body), chance)).encode()
        return Reply(reply.status, body, reply.headers)

    monkeypatch.setattr(cloud, "work", garbled)
    for turn in range(30):
        assert harness.job(uuid, VERBS[turn % len(VERBS)]) is not None
        harness.observe(uuid)
        assert astrid.get(f"{at}/general").status_code in (200, 404)
        assert astrid.get(f"{at}/general/api/quota").status_code in (200, 404, 410, 503)
    server = harness.models.Server
    row = harness.part("services.placement").db.session.get(server, 1)
    connection = harness.part("services.connection")
    assert all(connection.test_connection(row)[1] for _ in range(20))
