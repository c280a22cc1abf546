"""`puqpanel module new`: scaffold a module with pages and tests."""

from __future__ import annotations

import re
from pathlib import Path

import click

from puqpanel.cli.context import instance_option
from puqpanel.domain.errors import UserError
from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.infra.program import PROGRAM
from puqpanel.infra.settings import ROOT, Settings

SCAFFOLD = Path(__file__).parent / "scaffold"
NAME = re.compile(r"[A-Z][A-Za-z0-9]{1,59}")
UNSAFE_CHARACTERS = '"\\\n\r{}<>'


@click.command("new")
@click.argument(
    "module_type", metavar="TYPE", type=click.Choice(MODULE_TYPES, case_sensitive=False)
)
@click.argument("name")
@click.option("--title", metavar="TEXT", help="Display name.  [default: derived from NAME]")
@click.option("--author", metavar="TEXT", help="Author.  [default: You]")
@instance_option
def new(
    settings: Settings, module_type: str, name: str, title: str | None, author: str | None
) -> None:
    """Create a module with a page and passing tests.

    TYPE is Product, Plugin, Payment or Notification. NAME is in PascalCase and becomes the name of
    the directory, the file and the class. Existing files are never overwritten.
    """
    folder = settings.modules_dir / module_type / name
    _check_name(name, folder)
    placeholders = {
        "Name": name,
        "name": name.lower(),
        "title": _plain_text(title or in_words(name), "title"),
        "author": _plain_text(author or "You", "author"),
    }
    paths = write(module_type, folder, placeholders)
    location = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    click.echo(f"Created {module_type}/{name} in {location}:\n")
    for path in paths:
        click.echo(f"    {path}")
    click.echo(f"""
Next steps:
    Check it for problems             {PROGRAM} module check {name}
    Run its tests                     {PROGRAM} test {location}/tests
    Run the contract tests            {PROGRAM} module test {name}
    Activate it                       {PROGRAM} module activate {name}
    Develop with automatic reload     {PROGRAM} up --dev
    Update its translations           {PROGRAM} module texts {name}
""")


def in_words(name: str) -> str:
    """Split a PascalCase name into words: `MyVPSHosting` → `My VPS Hosting`."""
    return " ".join(re.findall(r"[A-Z][A-Z0-9]*(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name))


def write(module_type: str, folder: Path, placeholders: dict[str, str]) -> list[str]:
    """Render the templates of a module type.

    Returns:
        The paths of the new files, relative to `folder`.

    Raises:
        UserError: A file cannot be written.
    """
    base = SCAFFOLD / module_type.lower()
    paths = []
    for template in sorted(base.rglob("*.txt")):
        path = template.relative_to(base).as_posix().removesuffix(".txt")
        text = template.read_text("utf-8")
        for placeholder, value in placeholders.items():
            path = path.replace(f"__{placeholder}__", value)
            text = text.replace(f"@@{placeholder}@@", value)
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"Cannot write {target}: {reason}.") from None
        paths.append(path)
    return paths


def _check_name(name: str, folder: Path) -> None:
    if not NAME.fullmatch(name):
        words = re.findall(r"[A-Za-z0-9]+", name)
        suggestion = "".join(word[:1].upper() + word[1:] for word in words)
        suggestion = suggestion.lstrip("0123456789")[:60]
        usable = NAME.fullmatch(suggestion) and suggestion != name
        hint = f" Try {suggestion}." if usable else ""
        raise UserError(
            f"“{name}” is not a valid module name. Use 2 to 60 letters and digits, starting with a"
            f" capital letter.{hint}"
        )
    if name in MODULE_TYPES:
        raise UserError(f"{name} is a module type. Choose another name.")
    base = folder.parent
    existing = {path.name.lower(): path.name for path in base.iterdir()} if base.is_dir() else {}
    if name.lower() in existing:
        raise UserError(f"{base / existing[name.lower()]} already exists; nothing was written.")


def _plain_text(text: str, field: str) -> str:
    if not text.strip() or len(text) > 80 or any(sign in text for sign in UNSAFE_CHARACTERS):
        raise UserError(
            f"The {field} must be plain text of up to 80 characters, without quotes, brackets,"
            " backslashes or line breaks."
        )
    return text.strip()
