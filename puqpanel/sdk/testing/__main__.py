"""`python -m puqpanel.sdk.testing FOLDER [PROBE]…`: the contract suite of one module, a JSON line
for each probe as it ends.

`module test` runs this in a process of its own: a module that ends its process costs its score
card, not the command.
"""

import json
import logging
import os
import sys
from dataclasses import asdict

import structlog

from puqpanel.sdk.testing.contract import run_suite


def main(folder: str, only: list[str]) -> None:
    """Writes a line when a probe begins and one when it has ended; what modules print goes
    nowhere.
    """
    told = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    def tell(row: dict[str, object]) -> None:
        told.write(json.dumps(row) + "\n")
        told.flush()

    for line in run_suite(folder, only, begun=lambda name: tell({"begun": name})):
        tell(asdict(line))
    tell({"done": True})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
