"""What a module does to the process around it is undone as its call or its load ends."""

from __future__ import annotations

import builtins
import contextlib
import decimal
import gc
import json
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy.orm

from puqpanel.host.loader import Refused, load_module, unload
from puqpanel.host.surroundings import kept
from tests.sample import write_module

HEAD = """import builtins, decimal, gc, json, locale, logging, os, random, signal, sys, threading, time, warnings
import requests, sqlalchemy.orm
from puqpanel.sdk import Product
"""
CASES: dict[str, tuple[str, Callable[[], Any]]] = {
    "environment": (
        "os.environ['PATH'] = '/nowhere'; os.environ['SCEPTIC'] = '1'",
        lambda: dict(os.environ),
    ),
    "time zone": (
        "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
        lambda: (os.environ.get("TZ"), time.tzname),
    ),
    "umask": ("os.umask(0)", lambda: [os.umask(0o22), os.umask(0o22)][0]),
    "signals": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "handlers": (
        "logging.root.handlers.clear(); logging.root.addHandler(logging.NullHandler())",
        lambda: list(logging.root.handlers),
    ),
    "logging": (
        "logging.disable(logging.CRITICAL); logging.root.setLevel(60)",
        lambda: (logging.root.manager.disable, logging.root.level),
    ),
    "hooks": (
        "threading.excepthook = sys.excepthook = print",
        lambda: (threading.excepthook, sys.excepthook),
    ),
    "warnings": ("warnings.simplefilter('error')", lambda: list(warnings.filters)),
    "garbage": ("gc.disable()", gc.isenabled),
    "locale": (
        (
            "locale.setlocale(locale.LC_ALL, 'C' if 'UTF' in locale.setlocale(locale.LC_ALL) else"
            " 'C.UTF-8')"
        ),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "decimals": ("decimal.getcontext().prec = 2", lambda: decimal.getcontext().prec),
    "open": ("builtins.open = None", lambda: builtins.open),
    "a builtin gone": ("del builtins.sorted", lambda: builtins.sorted),
    "json": ("json.dumps = lambda *a, **k: 'mine'", lambda: json.dumps),
    "requests": (
        "requests.Session.request = lambda *a, **k: None",
        lambda: requests.Session.request,
    ),
    "sqlalchemy": (
        "sqlalchemy.orm.Session.commit = lambda self: None",
        lambda: sqlalchemy.orm.Session.commit,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_at_load(tmp_path: Path, case: str) -> None:
    code, read = CASES[case]
    before = read()
    # not in the main thread, where only a signal's handler can be set
    source = (
        HEAD
        + f"try:\n    {code}\nexcept ValueError:\n    pass\n"
        + "class Echo(Product):\n    pass\n"
    )
    with contextlib.suppress(Refused):  # where loading itself needs what is gone
        unload(load_module(write_module(tmp_path, source), "Product", "Echo").package)
    assert read() == before


@pytest.mark.parametrize("case", CASES)
def test_in_a_call(case: str) -> None:
    code, read = CASES[case]
    before = read()
    with kept():
        exec(HEAD + code)
    assert read() == before


def test_calls_that_overlap() -> None:
    """One begins while another has something changed, and ends after it: it does not put the
    change back.
    """
    original = json.dumps
    began, go_on, may_end = threading.Event(), threading.Event(), threading.Event()

    def changes() -> None:
        with kept():
            json.dumps = lambda *given, **named: "mine"
            os.environ["SCEPTIC"] = "1"
            began.set()
            go_on.wait(10)

    def sound() -> None:
        with kept():
            go_on.set()
            may_end.wait(10)

    first = threading.Thread(target=changes)
    first.start()
    began.wait(10)
    second = threading.Thread(target=sound)
    second.start()
    first.join(10)
    may_end.set()
    second.join(10)
    assert json.dumps is original
    assert "SCEPTIC" not in os.environ


def test_seeded_numbers_are_not_the_next_ones_too() -> None:
    numbers = []
    for _ in range(2):
        with kept():
            random.seed(42)
        numbers.append(random.random())
    assert numbers[0] != numbers[1]
