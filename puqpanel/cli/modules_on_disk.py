"""Which module a person means: names on the command line against the folders under modules/."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from puqpanel.domain.errors import UserError

if TYPE_CHECKING:
    from puqpanel.host.discover import Found
    from puqpanel.infra.settings import Settings


def key_of(name: str, known: Sequence[str]) -> str:
    """The `Type/Name` that a person means: as it is, the name alone where that is unique, or a path such as modules/Product/MyCloudService.

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

    Raises:
        UserError: there is no such module, or several.
    """
    from puqpanel.host import discover

    found = {each.key: each for each in discover.scan(settings.modules_dir)}
    keys = list(found) if everything else list(dict.fromkeys(key_of(name, list(found)) for name in names))
    return [found[key] for key in keys]
