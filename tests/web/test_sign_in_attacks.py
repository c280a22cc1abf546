"""Guessing passwords: spellings of an address, delays, known devices and networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import request

from puqpanel.app import Panel, create_app
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.system import settings as panel_settings
from puqpanel.web import guard, sign_in_delays
from tests.web.conftest import PASSWORD, Browser

SPELLINGS = (
    "zoë@müller.example",
    "ZOË@MÜLLER.EXAMPLE",
    "zoe\u0308@mu\u0308ller.example",
    " zoë@xn--mller-kva.example\u200b",
    "ｚｏë＠xn--MLLER-KVA.example",
    "\tzoë@müller。example\u00a0",
)
Guess = Callable[..., int]


@pytest.fixture
def zoe(app: Panel) -> Panel:
    """A panel with an account that has an international address."""
    with app.app_context():
        staff.create_staff(actor=AUTOMATION, email=SPELLINGS[1], name="Zoë", password=PASSWORD)
    return app


@pytest.fixture
def guess(zoe: Panel) -> Guess:
    """Return a function that tries a password from an address and returns the status."""

    def attempt(
        ip: str, password: str = "wrong", browser: Browser | None = None, email: str = SPELLINGS[0]
    ) -> int:
        answer = (browser or Browser(zoe)).post(
            "/admin/signin",
            {"email": email, "password": password},
            environ_base={"REMOTE_ADDR": ip},
        )
        return answer.status_code

    return attempt


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The delays that were imposed; they end at once, so that a test need not wait."""
    imposed: list[int] = []
    rest = sign_in_delays._rest

    def note(storage: Any, key: str) -> int:
        imposed.append(rest(storage, key))
        storage.clear(key)
        return imposed[-1]

    monkeypatch.setattr(sign_in_delays, "_rest", note)
    return imposed


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_one_account(zoe: Panel, spelling: str) -> None:
    Browser(zoe).sign_in(spelling)
    with zoe.app_context(), pytest.raises(InvalidInput) as refused:
        staff.create_staff(actor=AUTOMATION, email=spelling, name="Other", password=PASSWORD)
    assert list(refused.value.errors) == ["email"]


@pytest.mark.parametrize(
    "other", ["zoe@müller.example", "zoë@muller.example", "zoë@müller.example."]
)
def test_an_address_with_other_letters_is_another_account(guess: Guess, other: str) -> None:
    assert guess("192.0.2.1", PASSWORD, email=other) == 422


def test_every_spelling_has_one_counter(guess: Guess) -> None:
    codes = [guess("192.0.2.1", email=SPELLINGS[n % 6]) for n in range(11)]
    assert codes == [422] * 10 + [429]


def test_an_attacker_does_not_lock_out_the_owner(
    zoe: Panel, guess: Guess, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Browser(zoe).sign_in(SPELLINGS[0])
    device.post("/admin/signout")
    with monkeypatch.context() as patch:  # an attacker who waits: the delay grows to its limit
        patch.setattr(sign_in_delays, "_rest", lambda storage, key: storage.clear(key) or 1)
        for network in range(12):
            for _ in range(11):
                guess(f"198.51.100.{network}")
    guess("198.51.100.0")
    assert guess("198.51.100.0", PASSWORD) == 429  # even the right password
    assert guess("203.0.113.9", PASSWORD) == 429  # an unknown device waits, for a minute at most
    assert guess("203.0.113.9", PASSWORD, device) == 302
    assert guess("198.51.100.0", PASSWORD, device) == 302  # even in the network of the attacker


def test_a_few_failures_elsewhere_delay_nobody(guess: Guess) -> None:
    assert [guess("198.51.100.1") for _ in range(12)][-1] == 429
    assert guess("203.0.113.9", PASSWORD) == 302


def test_the_delay_grows_up_to_a_limit(app: Panel, guess: Guess, delays: list[int]) -> None:
    with app.app_context():
        panel_settings.save(actor=AUTOMATION, values={"limits.sign_in_address": 1000})
    for _ in range(50):
        guess("198.51.100.1")
    # a busy machine may let the first, short delays pass
    assert len(set(delays)) > 5 and max(delays) <= 900
    assert delays[-1] >= 890


def test_a_known_device_has_a_delay_of_its_own(zoe: Panel, guess: Guess) -> None:
    stolen = Browser(zoe).sign_in(SPELLINGS[0])
    stolen.post("/admin/signout")
    codes = [guess(f"203.0.113.{n}", browser=stolen) for n in range(20)]
    assert codes[:10] == [422] * 10 and 429 in codes
    assert guess("203.0.113.77", PASSWORD) == 302


def test_a_device_is_known_for_its_account_only(zoe: Panel, guess: Guess) -> None:
    with zoe.app_context():
        staff.create_staff(
            actor=AUTOMATION, email="mallory@panel.test", name="Mallory", password=PASSWORD
        )
    mallory = Browser(zoe).sign_in("mallory@panel.test")
    mallory.post("/admin/signout")
    codes = [guess("198.51.100.1", browser=mallory) for _ in range(20)]
    assert 429 in codes
    mallory.http.set_cookie("panel_staff_device", "e30.forged", path="/admin")
    assert guess("198.51.100.1", browser=mallory) == 429


def test_ipv6_is_counted_by_64_bits(guess: Guess) -> None:
    codes = [guess(f"2001:db8:0:1::{n:x}") for n in range(1, 13)]
    assert codes[:10] == [422] * 10 and codes[-1] == 429
    assert guess("2001:db8:0:2::1") == 422


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ('"[2001:db8::7]"', "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:c633:6407]:1", "198.51.100.7"),
        ("203.0.113.1, 198.51.100.7", "198.51.100.7"),
        ("<script>, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.1, unknown", "10.0.0.1"),
        ("203.0.113.1, _hidden:80", "10.0.0.1"),
        ("198.51.100.7:x", "10.0.0.1"),
        ("[198.51.100.7", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_trusted_proxy_names_the_client(
    settings: Settings, forwarded: str, address: str
) -> None:
    app = create_app(replace(settings, trusted_proxies=1))

    @guard.public
    def where() -> str:
        return str(request.remote_addr)

    app.add_url_rule("/where", "where", where)
    answer = app.test_client().get(
        "/where",
        environ_base={"REMOTE_ADDR": "::ffff:10.0.0.1"},
        headers={"X-Forwarded-For": forwarded},
    )
    assert answer.text == address
    dismantle(app)


def test_searches_find_every_spelling(owner: Browser, app: Panel) -> None:
    with app.app_context():
        clients.create_client(actor=AUTOMATION, name="Zed", email=SPELLINGS[0])
    for spelling in SPELLINGS:
        page = owner.get("/admin/clients/", query_string={"q": spelling.strip()})
        assert "Zed" in page.text, spelling
