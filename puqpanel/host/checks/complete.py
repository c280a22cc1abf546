"""Rules about what a module that others use has besides its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Source, entry, find_line, text_of


@rule(
    "no-tests",
    Severity.HINT,
    "Add tests/test_{name}.py; `puqpanel module new` generates an example.",
)
def no_tests(source: Source) -> Iterator[Problem]:
    """Without tests, regressions reach customers."""
    if not any(re.fullmatch(r"tests/(.*/)?test_[^/]*\.py", path) for path in source.files):
        yield Problem(
            source.main,
            1,
            "The module has no tests.",
            f"Add tests/test_{source.name.lower()}.py; `puqpanel module new` generates an example.",
        )


@rule(
    "no-provider",
    Severity.HINT,
    "Add a fake provider in tests/provider.py; see `puqpanel module test --help`.",
)
def no_provider(source: Source) -> Iterator[Problem]:
    """`puqpanel module test` checks how the module handles timeouts, errors and lost responses of
    its provider. This requires a fake provider.
    """
    if source.type == "Product" and "tests/provider.py" not in source.files:
        yield Problem(source.main, 1, "The tests have no fake provider.")


@rule(
    "no-languages",
    Severity.HINT,
    "Create a catalog for each language with `puqpanel module texts NAME --language TAG`.",
)
def no_languages(source: Source) -> Iterator[Problem]:
    """Pages that customers see can be translated only if the module has language files."""
    if not source.has_languages and any(
        path.startswith("views/client_area/") for path in source.templates
    ):
        yield Problem(source.main, 1, "The module has client-area pages but no language files.")


@rule("incomplete-config", Severity.HINT, "Add it to CONFIG in config.py.")
def incomplete_config(source: Source) -> Iterator[Problem]:
    """The Modules page shows the description and author, so that staff know what they activate."""
    code = source.file("config.py")
    for node in code.all(ast.Assign) if code else ():
        if isinstance(node.value, ast.Dict) and getattr(node.targets[0], "id", "") == "CONFIG":
            missing = [
                key
                for key in ("description", "author")
                if entry(node.value, key) is None or text_of(entry(node.value, key)) == ""
            ]
            if missing and None not in node.value.keys:
                yield Problem(
                    "config.py",
                    find_line(code.text if code else "", "CONFIG"),
                    f"CONFIG has no {' and no '.join(missing)}.",
                )
