"""Resolution of module names on the command line to directories below modules/."""

from __future__ import annotations

from collections.abc import Sequence

from puqpanel.domain.errors import UserError
from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.domain.suggestions import did_you_mean, nearest
from puqpanel.host.discover import Found
from puqpanel.infra.settings import Settings


def key_of(name: str, known: Sequence[str]) -> str:
    """Return the `Type/Name` key that a name refers to.

    Args:
        name: A key, a unique name without the type, or a path such as
            modules/Product/MyCloudService.
        known: The keys to choose from.

    Raises:
        UserError: No module matches, or several do.
    """
    key = "/".join(name.rstrip("/").split("/")[-2:]) if name.count("/") > 1 else name
    matches = [candidate for candidate in known if key in (candidate, candidate.partition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"{name} is ambiguous: {' or '.join(matches)}. Include the type.")
    suffix = key.lower().rpartition("/")[2]
    similar = {candidate.lower().rpartition("/")[2]: candidate for candidate in reversed(known)}
    near = next((end for end in similar if end.endswith(suffix)), "") or nearest(suffix, similar)
    raise UserError(f"No such module: {name}.{did_you_mean(similar.get(near, ''))}")


def select_modules(
    settings: Settings, names: Sequence[str], *, everything: bool = False
) -> list[Found]:
    """Return the module directories that the names refer to, without duplicates.

    No module code runs.

    Raises:
        UserError: No module matches a name, or several do.
    """
    folders = {folder.key: folder for folder in _folders(settings)}
    if everything:
        return list(folders.values())
    keys = dict.fromkeys(key_of(name, list(folders)) for name in names)
    return [folders[key] for key in keys]


def _folders(settings: Settings) -> list[Found]:
    """Return every directory below a module type's directory.

    Does not read config.py, because it is code that could end this process.
    """
    return [
        Found(module_type, path.name, path)
        for module_type in MODULE_TYPES
        for path in sorted(
            (settings.modules_dir / module_type).glob("[!._]*"), key=lambda path: path.name.lower()
        )
        if path.is_dir()
    ]
