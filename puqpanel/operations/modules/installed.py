"""Keeps the table of installed modules like the folders under modules/."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.host import discover, edits, languages
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import InstalledModule
from puqpanel.operations.modules import syntax
from puqpanel.operations.modules.module_list import ON_ROWS

AT_ONCE = 25
"""New folders that a page reads; the rest is read by the next rescan."""
BATCH = 100
Folders = Mapping[tuple[str, str], Path]


def rescan(modules_dir: Path) -> None:
    """Read all folders that changed since they were read last."""
    folders = discover.folders(modules_dir)
    states = {key: edits.fingerprint(folder) for key, folder in folders.items()}
    known = _known()
    changed = [key for key, state in states.items() if known.get(key) != state]
    for first in range(0, len(changed), BATCH):
        _write({key: folders[key] for key in changed[first : first + BATCH]})
    expected = known | {key: known.get(key, "new") for key in _active()}
    _mark_missing([key for key, state in expected.items() if state and key not in folders])
    with transaction() as current:
        current.execute(
            sa.delete(InstalledModule).where(
                InstalledModule.missing,
                sa.tuple_(InstalledModule.type, InstalledModule.name).not_in(ON_ROWS),
            )
        )


def pick_up(folders: Folders) -> bool:
    """Add folders that are new, and mark those that are gone, without looking into the others.

    Args:
        folders: those that exist now.

    Returns:
        Whether all new folders were read.
    """
    known = _known()
    new = [key for key in folders if not known.get(key)]
    _write({key: folders[key] for key in new[:AT_ONCE]})
    _mark_missing([key for key, state in known.items() if state and key not in folders])
    return len(new) <= AT_ONCE


def _known() -> dict[tuple[str, str], str]:
    """Return the state of each known folder; empty if it was missing."""
    query = sa.select(InstalledModule.type, InstalledModule.name, InstalledModule.state)
    return {(row.type, row.name): row.state for row in session().execute(query)}


def _active() -> set[tuple[str, str]]:
    return {(row.type, row.name) for row in session().execute(ON_ROWS)}


def _write(folders: Folders) -> None:
    if folders:
        release()
        _save([_read(key, folder) for key, folder in folders.items()])


def _mark_missing(keys: list[tuple[str, str]]) -> None:
    rows = [
        InstalledModule(
            type=module_type,
            name=name,
            title=name,
            place=_place(module_type, name),
            about="",
            refused=True,
            missing=True,
            state="",
        )
        for module_type, name in keys
    ]
    if rows:
        _save(rows)


def _save(rows: list[InstalledModule]) -> None:
    # another process may add the same rows
    with contextlib.suppress(sa.exc.IntegrityError), transaction() as current:
        for row in rows:
            query = sa.select(InstalledModule.id).where(
                InstalledModule.type == row.type, InstalledModule.name == row.name
            )
            known = current.scalar(query)
            if known is None:
                current.add(row)
            else:
                row.id = known
                current.merge(row)


def _read(key: tuple[str, str], folder: Path) -> InstalledModule:
    state = edits.fingerprint(folder)
    found = discover.look(folder, *key)
    texts = [str(found.config(name) or "") for name in ("name", "description", "author")]
    return InstalledModule(
        type=found.type,
        name=found.name,
        title=(texts[0] or found.name)[:255],
        about=" ".join([*texts, *_translations(folder, texts)]),
        place=_place(found.type, found.name),
        refused=bool(found.error),
        invalid=not found.error and bool(syntax.refusal(folder)),
        missing=False,
        state=state,
    )


def _translations(folder: Path, texts: list[str]) -> Iterator[str]:
    for translated in languages.read(folder).texts.values():
        yield from (translated[text] for text in texts if text in translated)


def _place(module_type: str, name: str) -> str:
    return f"{MODULE_TYPES.index(module_type)} {name.lower()}"
