"""Compiled templates outlive their environment, and follow their source."""

from __future__ import annotations

from jinja2 import DictLoader, Environment

from puqpanel.infra import compiled_templates
from puqpanel.infra.compiled_templates import CompiledTemplates


class Counting(Environment):
    compiled = 0

    def _generate(self, *args, **options):  # type: ignore[no-untyped-def]
        Counting.compiled += 1
        return super()._generate(*args, **options)


def render(cache: CompiledTemplates, source: str) -> str:
    environment = Counting(loader=DictLoader({"page": source}), bytecode_cache=cache)
    return environment.get_template("page").render(name="Ada")


def test_the_next_environment_compiles_only_what_changed() -> None:
    cache, Counting.compiled = CompiledTemplates(), 0
    assert render(cache, "Hello {{ name }}") == render(cache, "Hello {{ name }}") == "Hello Ada"
    assert Counting.compiled == 1
    assert render(cache, "Bye {{ name }}") == "Bye Ada"
    assert render(cache, "Bye {{ name }}") == "Bye Ada"
    assert Counting.compiled == 2


def test_their_number_is_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(compiled_templates, "MOST", 2)
    cache = CompiledTemplates()
    for name in "abcde":
        environment = Environment(loader=DictLoader({name: name}), bytecode_cache=cache)
        assert environment.get_template(name).render() == name
        assert len(cache._kept) <= 2
