"""Run the contract suite of one module: `python -m puqpanel.sdk.testing FOLDER [PROBE]…`.

Prints a JSON line for each probe. `module test` runs this in a subprocess, so that a module that
crashes does not end the command.
"""

import json
import logging
import os
import sys
from dataclasses import asdict

import structlog

from puqpanel.sdk.testing.contract import run_suite


def main(folder: str, only: list[str]) -> None:
    """Print a line when a probe starts and one when it ends; discard what modules print."""
    output = os.fdopen(os.dup(1), "w")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    def report(row: dict[str, object]) -> None:
        output.write(json.dumps(row) + "\n")
        output.flush()

    for line in run_suite(folder, only, begun=lambda name: report({"begun": name})):
        report(asdict(line))
    report({"done": True})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
