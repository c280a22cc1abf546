"""The rows of the matrix in which permissions of staff and of users are edited."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from puqpanel.domain.permissions import CLIENT_NOUNS, MANAGE, VIEW, Noun, Permission
from puqpanel.domain.texts import Text, _


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a noun with its two permissions, and special permissions below it.

    A permission of a module is a row with a special permission only.
    """

    key: str
    label: Text | str
    view: Permission | None = None
    manage: Permission | None = None
    special: Sequence[Permission] = ()


@dataclass(slots=True)
class MatrixGroup:
    """Rows under a heading."""

    label: Text | str
    rows: list[Row] = field(default_factory=list)


def matrix(
    nouns: Iterable[Noun], others: Iterable[Permission] = (), inactive: Collection[str] = ()
) -> list[MatrixGroup]:
    """Return the groups of a matrix.

    Args:
        nouns: the rows of the table.
        others: permissions of active modules, each in the group of its module.
        inactive: keys that a role has although their module is inactive.
    """
    groups: dict[Text | str, MatrixGroup] = {}
    for noun in nouns:
        by_action = {permission.action: permission for permission in noun.permissions()}
        view, manage = by_action.pop(VIEW, None), by_action.pop(MANAGE, None)
        row = Row(noun.key, noun.label, view, manage, tuple(by_action.values()))
        groups.setdefault(noun.group, MatrixGroup(noun.group)).rows.append(row)
    modules: dict[Text | str, MatrixGroup] = {}
    for permission in others:
        row = Row(permission.key, permission.name, special=(permission,))
        modules.setdefault(permission.group, MatrixGroup(permission.group)).rows.append(row)
    shown = [*groups.values(), *modules.values()]
    if inactive:
        rows = [
            Row(key, key, special=(Permission(key, key, "", _("Inactive modules")),))
            for key in inactive
        ]
        shown.append(MatrixGroup(_("Inactive modules"), rows))
    return shown


def client_access(keys: Collection[str]) -> str:
    """Return a user's permissions as nouns, such as `Services, Billing (view)`."""
    nouns = [
        noun.label if f"{noun.key}.{MANAGE}" in keys else _("%(label)s (view)", label=noun.label)
        for noun in CLIENT_NOUNS
        if f"{noun.key}.{VIEW}" in keys
    ]
    return ", ".join(str(noun) for noun in nouns) or str(_("None"))
