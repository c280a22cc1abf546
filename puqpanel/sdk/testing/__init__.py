"""What modules' own tests stand on: a lab with a panel around one module, a provider that fails as
real ones do, and the contract suite.

Belongs here: what a module's author needs to try a module. Does not: anything that a running panel
uses. Called by tests and `puqpanel module test`.
"""

from puqpanel.sdk.testing.contract import ContractSuite, Line, Supply, run_suite, supplied
from puqpanel.sdk.testing.lab import SERVICE, Lab
from puqpanel.sdk.testing.pages import Browser, Pages, pages
from puqpanel.sdk.testing.provider import Provider, Reply, Seen, wait_for

__all__ = [
    "SERVICE",
    "Browser",
    "ContractSuite",
    "Lab",
    "Line",
    "Pages",
    "Provider",
    "Reply",
    "Seen",
    "Supply",
    "pages",
    "run_suite",
    "supplied",
    "wait_for",
]
