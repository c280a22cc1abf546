"""What a module prints is masked, and the process's own output is as it was afterwards."""

from __future__ import annotations

import sys

import pytest

from puqpanel.host.surroundings import kept


def test_a_secret_that_is_printed_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    output = sys.stdout
    with kept():
        print("password=hunter2-canary", end="")
        print(" and more")
        print("token: abcdef-canary", file=sys.stderr)
        with kept():
            print("plain words")
        sys.stdout.write("unfinished")
    assert sys.stdout is output
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err
    assert "and more\nplain words\nunfinished" in said.out
