"""`puqpanel docs`: documentation generated from the source code."""

from __future__ import annotations

from pathlib import Path

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.program import as_typed
from puqpanel.infra.settings import ROOT


@click.group("docs")
def command() -> None:
    """Build the documentation that is generated from the source code."""


@command.command("build", short_help="Generate pages and refresh code excerpts.")
@click.option(
    "--check",
    is_flag=True,
    help="Change nothing; list outdated pages and exit with code 1 if there are any.",
)
def build(check: bool) -> int:
    """Generate docs/reference/*.md and docs/permissions.md, and refresh code excerpts elsewhere.

    To include code in a page, put a comment such as `<!-- code: path/to/file.py::Class.method -->`
    before a code block.
    """
    folder = ROOT / "docs"
    if not folder.is_dir():
        raise UserError(f"No documentation in {ROOT}. It is part of the source distribution.")
    pages = generated_pages(folder)
    stale = [
        path
        for path, text in pages.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    obsolete = [path for path in sorted((folder / "reference").glob("*.md")) if path not in pages]
    if check:
        for path in [*stale, *obsolete]:
            click.echo(f"outdated: {path.relative_to(ROOT)}")
        if stale or obsolete:
            click.echo(as_typed("Run: puqpanel docs build"))
        return int(bool(stale or obsolete))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], "utf-8")
        click.echo(f"wrote: {path.relative_to(ROOT)}")
    for path in obsolete:
        path.unlink()
        click.echo(f"deleted: {path.relative_to(ROOT)}")
    click.echo(f"{len(pages)} pages are up to date.")
    return 0


def generated_pages(folder: Path) -> dict[Path, str]:
    """Return every page generated in whole or in part, with its current text.

    Args:
        folder: The docs directory.

    Raises:
        UserError: A page includes code that does not exist.
    """
    from puqpanel.cli import excerpts, permissions_page, reference

    pages = {folder / "reference" / name: text for name, text in reference.pages().items()}
    pages[folder / "permissions.md"] = permissions_page.page()
    for path in sorted(folder.rglob("*.md")):
        if path.parent.name != "reference":
            text = path.read_text("utf-8")
            filled = excerpts.fill(text)
            if excerpts.MARK.search(text):
                pages[path] = filled
    return pages
