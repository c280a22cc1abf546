"""Tools for the tests of modules: a lab, a simulated provider and the contract suite.

For tests and `puqpanel module test` only; `module check` refuses this package in a module's own
code.

    def test_create(tmp_path):
        with supplied(FOLDER) as (lab, supply):
            lab.module(SERVICE).create()
            assert lab.service.provision_status == "completed"
"""

from puqpanel.sdk.testing.contract import ContractSuite, Line, Supply, run_suite, supplied
from puqpanel.sdk.testing.lab import SERVICE, Lab
from puqpanel.sdk.testing.pages import Browser, Pages, pages
from puqpanel.sdk.testing.payment_simulator import PaymentSimulator
from puqpanel.sdk.testing.provider import Provider, Reply, Seen, wait_for

__all__ = [
    "SERVICE",
    "Browser",
    "ContractSuite",
    "Lab",
    "Line",
    "Pages",
    "PaymentSimulator",
    "Provider",
    "Reply",
    "Seen",
    "Supply",
    "pages",
    "run_suite",
    "supplied",
    "wait_for",
]
