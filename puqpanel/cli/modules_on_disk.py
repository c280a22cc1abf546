"""Which module a person means: names on the command line against the folders under modules/."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from puqpanel.domain.errors import UserError

if TYPE_CHECKING:
    from puqpanel.host.discover import Found
    from puqpanel.infra.settings import Settings


def key_of(name: str, known: Sequence[str]) -> str:
    """The `Type/Name` that a person means: as it is, the name alone where that is unique, or a path
    such as modules/Product/MyCloudService.

    Raises:
        UserError: there is none, or there are several.
    """
    wanted = "/".join(name.rstrip("/").split("/")[-2:]) if name.count("/") > 1 else name
    matches = [key for key in known if wanted in (key, key.partition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"{name} could be {' or '.join(matches)}; name the type too.")
    near = [key for key in known if key.lower().endswith(wanted.lower().rpartition("/")[2])]
    raise UserError(f"There is no module {name}." + (f" Do you mean {near[0]}?" if near else ""))


def chosen(settings: Settings, names: Sequence[str], *, everything: bool = False) -> list[Found]:
    """The folders that are meant, in the order of the list.

    Nothing of them is run; `error` says what is wrong with a folder itself.

    Raises:
        UserError: there is no such module, or several.
    """
    found = {each.key: each for each in _folders(settings)}
    keys = (
        list(found)
        if everything
        else list(dict.fromkeys(key_of(name, list(found)) for name in names))
    )
    return [found[key] for key in keys]


def _folders(settings: Settings) -> list[Found]:
    """Everything that lies in a folder of a known type.

    No config.py is read: that is code, too, and may end this process.
    """
    from puqpanel.domain.module_states import MODULE_TYPES
    from puqpanel.host.contract.refusal import Refused
    from puqpanel.host.discover import Found, check_folder

    found = []
    for module_type in MODULE_TYPES:
        base = settings.modules_dir / module_type
        for folder in (
            sorted(base.iterdir(), key=lambda one: one.name.lower()) if base.is_dir() else ()
        ):
            if folder.name.startswith((".", "_")) or not folder.is_dir():
                continue
            try:
                check_folder(folder, folder.name)
            except Refused as refusal:
                found.append(Found(module_type, folder.name, folder, error=str(refusal)))
            else:
                found.append(Found(module_type, folder.name, folder))
    return found
