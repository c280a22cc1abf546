"""Rules about what a module that others use has besides its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from puqpanel.host.checks.finding import Severity, Spot, rule
from puqpanel.host.checks.source import Source, entry, find_line, text_of


@rule(
    "no-tests",
    Severity.HINT,
    "Write tests/test_{name}.py; `puqpanel module new` shows how one begins.",
)
def no_tests(source: Source) -> Iterator[Spot]:
    """What is not tested breaks with the next change, at a customer's."""
    if not any(re.fullmatch(r"tests/(.*/)?test_[^/]*\.py", path) for path in source.files):
        yield Spot(
            source.main,
            1,
            "The module has no tests.",
            f"Write tests/test_{source.name.lower()}.py; `puqpanel module new` shows how one"
            " begins.",
        )


@rule(
    "no-provider",
    Severity.HINT,
    "Write tests/provider.py, a small server that speaks as the provider does; see `puqpanel module"
    " test --help`.",
)
def no_provider(source: Source) -> Iterator[Spot]:
    """`puqpanel module test` tries what happens when the provider times out, fails or loses an
    answer. It needs something that stands for the provider.
    """
    if source.type == "Product" and "tests/provider.py" not in source.files:
        yield Spot(source.main, 1, "There is nothing that stands for the provider in the tests.")


@rule(
    "no-languages",
    Severity.HINT,
    'Write lang/en.py with LANG = {"text": "text"}, and one more file for each language.',
)
def no_languages(source: Source) -> Iterator[Spot]:
    """A module that customers see and that has no language files cannot be translated without
    changing its code.
    """
    if not source.has_languages and any(
        path.startswith("views/client_area/") for path in source.templates
    ):
        yield Spot(source.main, 1, "Customers see this module, and it has no language files.")


@rule("says-nothing-of-itself", Severity.HINT, "Add it to CONFIG in config.py.")
def says_nothing_of_itself(source: Source) -> Iterator[Spot]:
    """Staff read the description, the author and the version before they switch a module on."""
    code = source.file("config.py")
    for node in code.all(ast.Assign) if code else ():
        if isinstance(node.value, ast.Dict) and getattr(node.targets[0], "id", "") == "CONFIG":
            missing = [
                key
                for key in ("description", "author")
                if entry(node.value, key) is None or text_of(entry(node.value, key)) == ""
            ]
            if missing and None not in node.value.keys:
                yield Spot(
                    "config.py",
                    find_line(code.text if code else "", "CONFIG"),
                    f"CONFIG has no {' and no '.join(missing)}.",
                )
