"""`puqpanel docs`: the parts of the documentation that are made of the sources."""

from __future__ import annotations

from pathlib import Path

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import ROOT


@click.group("docs")
def command() -> None:
    """The parts of the documentation that are made of the sources."""


@command.command("build")
@click.option(
    "--check", is_flag=True, help="Change nothing; name what is out of date, with exit code 1."
)
def build(check: bool) -> int:
    """Write docs/reference/*.md, and the code that other pages show of real files.

    A page shows code by a comment, `<!-- code: modules/Product/Name/Name.py::Name.create_job -->`,
    before its block.
    """
    folder = ROOT / "docs"
    if not folder.is_dir():
        raise UserError(
            f"The documentation comes with the project's sources, and there is none in {ROOT}."
        )
    wanted = made(folder)
    stale = [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    gone = [path for path in sorted((folder / "reference").glob("*.md")) if path not in wanted]
    for path in [*stale, *gone]:
        click.echo(
            f"{'out of date' if check else 'written' if path in wanted else 'removed'}:"
            f" {path.relative_to(ROOT)}"
        )
    if check:
        if stale or gone:
            click.echo("Run: puqpanel docs build")
        return int(bool(stale or gone))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    for path in gone:
        path.unlink()
    click.echo(f"{len(wanted)} pages are up to date.")
    return 0


def made(folder: Path) -> dict[Path, str]:
    """Every page that is made of the sources, wholly or in part: path → text as it is to be.

    Args:
        folder: docs/.

    Raises:
        UserError: a page shows code that is not there.
    """
    from puqpanel.cli import excerpts, reference

    found = {folder / "reference" / name: text for name, text in reference.pages().items()}
    for path in sorted(folder.rglob("*.md")):
        if path.parent.name != "reference":
            text = path.read_text("utf-8")
            filled = excerpts.fill(text)
            if excerpts.MARK.search(text):
                found[path] = filled
    return found
