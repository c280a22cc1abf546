"""`puqpanel module new`: a module that loads, has its page and its tests, and passes them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from puqpanel.cli.context import instance_option
from puqpanel.domain.errors import UserError
from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.infra.settings import ROOT, Settings

SCAFFOLD = Path(__file__).parent / "scaffold"
NAME = re.compile(r"[A-Z][A-Za-z0-9]{1,59}")


@click.command("new")
@click.argument(
    "module_type", metavar="TYPE", type=click.Choice(MODULE_TYPES, case_sensitive=False)
)
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people call it.  [default: the name in words]")
@click.option("--author", metavar="TEXT", help="Who writes it.  [default: You]")
@instance_option
def new(
    settings: Settings, module_type: str, name: str, title: str | None, author: str | None
) -> None:
    """Begin a module: it loads, has its page and its tests, and passes them.

    TYPE is Product, Plugin, Payment or Notification; NAME is in StudlyCase, as folder, file and
    class are called. Nothing that is there is overwritten.
    """
    folder = settings.modules_dir / module_type / name
    _look(settings, module_type, name, folder)
    words = {
        "Name": name,
        "name": name.lower(),
        "title": _plain(title or in_words(name), "title"),
        "author": _plain(author or "You", "author"),
    }
    made = write(module_type, folder, words)
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    click.echo(f"{module_type}/{name} is made, in {shown}:\n")
    for path in made:
        click.echo(f"    {path}")
    click.echo(f"""
Next:
    what it would be refused for      ./panel module check {name}
    its tests                         ./panel test {shown}/tests
    how it takes what fails           ./panel module test {name}
    switch it on                      ./panel module activate {name}
    edit it, live at each request     ./panel up --dev
""")


def in_words(name: str) -> str:
    """`MyVPSHosting` → `My VPS Hosting`."""
    return " ".join(re.findall(r"[A-Z][A-Z0-9]*(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name))


def write(module_type: str, folder: Path, words: dict[str, str]) -> list[str]:
    """Writes the templates of a type with their words filled in; the paths of what was made.

    Raises:
        UserError: the folder cannot be made.
    """
    made = []
    for template in sorted((SCAFFOLD / module_type.lower()).rglob("*.txt")):
        path = template.relative_to(SCAFFOLD / module_type.lower()).as_posix().removesuffix(".txt")
        text = template.read_text("utf-8")
        for word, value in words.items():
            path, text = path.replace(f"__{word}__", value), text.replace(f"@@{word}@@", value)
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UserError(
                f"Cannot write {target}: {(error.strerror or str(error)).lower()}."
            ) from None
        made.append(path)
    return made


def _look(settings: Settings, module_type: str, name: str, folder: Path) -> None:
    """Raises UserError when the name cannot be used."""
    if not NAME.fullmatch(name):
        better = "".join(
            word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", name)
        ).lstrip("0123456789")[:60]
        hint = f" {better} would do." if NAME.fullmatch(better) and better != name else ""
        raise UserError(
            f"“{name}” cannot be the name of a module: two to sixty letters and digits, beginning"
            f" with a capital letter.{hint}"
        )
    if name in MODULE_TYPES:
        raise UserError(
            f"{name} is the name of a type; call the module something that says what it does."
        )
    base = settings.modules_dir / module_type
    others = {each.name.lower(): each.name for each in base.iterdir()} if base.is_dir() else {}
    if name.lower() in others:
        raise UserError(
            f"{folder.parent / others[name.lower()]} is there already; nothing was written."
        )


def _plain(text: str, what: str) -> str:
    if not text.strip() or len(text) > 80 or any(sign in text for sign in '"\\\n\r{}<>'):
        raise UserError(
            f"The {what} must be plain text of at most 80 characters, without quotes, brackets and"
            " line breaks."
        )
    return text.strip()
