"""`class CloudServer(Model)`: rows of one of the module's tables as objects, in the vendor's way;
the table is made by Schema or a migration.

New code reads better with `db.declarative_base()`, which type checkers know.
"""

import re
import uuid as uuids
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.host.contract.names import bind, snake
from puqpanel.sdk.compat.carbon import now
from puqpanel.sdk.compat.query import Query

__all__ = ["Model", "ModelQuery"]


@bind
class ModelQuery(Query):
    """As `DB.table(…)`, with objects instead of rows.

    What `update` and `insert` write goes past the mutators, as it is.
    """

    def __init__(self, model: "type[Model]") -> None:
        super().__init__(model.table_name())
        self._model = model

    def get(self) -> list[Any]:
        """All of them."""
        return [self._model._of(row) for row in super().get()]

    def first(self) -> Any:
        """The first, or None."""
        return super().first()


@bind
class Model:
    """One row.

    Its columns are attributes: `server.host`; `server["host"]` reads one that is named like a
    method.

    `set_{column}_attribute(value)` and `get_{column}_attribute(value)`, in either spelling, stand
    between the attribute and what is stored in `self.attributes`.
    """

    table: ClassVar[str] = ""
    """The table; the class's name in the plural unless told: `CloudServer` → `cloud_servers`."""
    primary_key: ClassVar[str] = ""
    """The column that tells rows apart; what the table says unless told."""
    fillable: ClassVar[Sequence[str]] = ()
    """The columns that `create`, `fill` and `update` take; others are passed over, so that a
    form cannot write them.
    """
    hidden: ClassVar[Sequence[str]] = ()
    """The columns that `to_dict` leaves out."""
    timestamps: ClassVar[bool] = True
    """Whether created_at and updated_at are kept, where the table has them."""

    attributes: dict[str, Any]
    exists: bool
    _stored: dict[str, Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bind(cls)

    def __init__(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        object.__setattr__(self, "attributes", {})
        object.__setattr__(self, "exists", False)
        object.__setattr__(self, "_stored", {})
        self.fill({**(values or {}), **more})

    @classmethod
    def _of(cls, row: Mapping[str, Any]) -> Self:
        made = cls()
        made._read(row)
        made.exists = True
        return made

    def _read(self, row: Mapping[str, Any]) -> None:
        """Takes what the table holds; what is another from then on is what `save` writes."""
        self.attributes.clear()
        self.attributes.update(row)
        self._stored = dict(row)

    @classmethod
    def table_name(cls) -> str:
        """The name of the table, as it stands in the code."""
        if cls.table:
            return cls.table
        name = snake(cls.__name__)
        if name.endswith("y") and name[-2:-1] not in "aeiou":
            return f"{name[:-1]}ies"
        return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"

    # Asking.

    @classmethod
    def query(cls) -> ModelQuery:
        """All rows, to be narrowed down."""
        return ModelQuery(cls)

    @classmethod
    def where(cls, *condition: Any) -> ModelQuery:
        """As `DB.table(…).where`."""
        query = cls.query()
        query.where(*condition)
        return query

    @classmethod
    def where_in(cls, column: str, values: Iterable[Any]) -> ModelQuery:
        """One of these."""
        query = cls.query()
        query.where_in(column, values)
        return query

    @classmethod
    def order_by(cls, column: str, direction: str = "asc") -> ModelQuery:
        """`asc` or `desc`."""
        query = cls.query()
        query.order_by(column, direction)
        return query

    @classmethod
    def all(cls) -> list[Self]:
        """All of them."""
        return cls.query().get()

    @classmethod
    def first(cls) -> Self | None:
        """One of them, or None."""
        found: Self | None = cls.query().first()
        return found

    @classmethod
    def find(cls, key: Any) -> Self | None:
        """The row of that key, or None."""
        query = cls.query()
        query.where(cls._key(query), key)
        found: Self | None = query.first()
        return found

    @classmethod
    def count(cls) -> int:
        """How many there are."""
        return cls.query().count()

    # Writing.

    @classmethod
    def create(cls, values: Mapping[str, Any] | None = None, **more: Any) -> Self:
        """Adds a row of what is fillable.

        Raises UserError where the class says of nothing that it is.
        """
        return cls(values, **more).save()

    def fill(self, values: Mapping[str, Any]) -> Self:
        """Takes what is fillable. Raises UserError where the class says of nothing that it is."""
        if values and not self.fillable:
            raise UserError(
                f"{type(self).__name__} names no fillable columns, so it takes none of"
                f" {', '.join(sorted(map(str, values)))}."
            )
        for name, value in values.items():
            if name in self.fillable:
                self[name] = value
        return self

    def save(self) -> Self:
        """Writes the row: adds it, or changes what is another than it was read, so that what
        others wrote meanwhile stays.
        """
        query = self.query()
        key, moment = self._key(query), now()
        columns = query._table.c
        changed = {
            name: value
            for name, value in self.attributes.items()
            if name != key and (name not in self._stored or self._stored[name] != value)
        }
        if self.exists and not changed:
            if not query.where(key, self.attributes.get(key)).exists():
                raise NotFoundError(f"The {type(self).__name__} is not there any more.")
            return self
        if self.timestamps and "updated_at" in columns:
            self.attributes["updated_at"] = changed["updated_at"] = moment
        if self.exists:
            if not query.where(key, self.attributes.get(key)).update(changed):
                raise NotFoundError(f"The {type(self).__name__} is not there any more.")
            self._stored.update(changed)
            return self
        if self.timestamps and "created_at" in columns:
            self.attributes.setdefault("created_at", moment)
        if columns[key].type.python_type is int and self.attributes.get(key) is None:
            self.attributes[key] = query.insert_get_id(self.attributes)
        else:
            self.attributes.setdefault(key, str(uuids.uuid4()))
            query.insert(self.attributes)
        self.exists = True
        return self.refresh()

    def update(self, values: Mapping[str, Any] | None = None, **more: Any) -> bool:
        """Takes what is fillable and writes it."""
        self.fill({**(values or {}), **more}).save()
        return True

    def delete(self) -> bool:
        """Removes the row; whether it was there."""
        query = self.query()
        key = self._key(query)
        gone = bool(self.exists and query.where(key, self.attributes.get(key)).delete())
        self.exists = False
        return gone

    def refresh(self) -> Self:
        """Reads it again. Raises NotFoundError where it is gone."""
        query = self.query()
        key = self._key(query)
        found: Any = query.where(key, self.attributes.get(key)).first()
        if found is None:
            raise NotFoundError(f"The {type(self).__name__} is not there any more.")
        self._read(found.attributes)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Its columns as they are read, without the hidden ones."""
        return {name: self[name] for name in self.attributes if name not in self.hidden}

    @classmethod
    def _key(cls, query: Query) -> str:
        if cls.primary_key:
            return cls.primary_key
        names = [column.name for column in query._table.primary_key]
        if len(names) != 1:
            raise UserError(
                f"{cls.__name__} needs a primary_key: its table has"
                f" {'none' if not names else 'one of several columns'}."
            )
        return names[0]

    # Columns as attributes.

    def __getitem__(self, name: str) -> Any:
        read = _own(type(self), "get", name)
        value = self.attributes.get(name)
        if read is None and name not in self.attributes:
            raise KeyError(name)
        return value if read is None else read(self, value)

    def __setitem__(self, name: str, value: Any) -> None:
        write = _own(type(self), "set", name)
        if write is None:
            self.attributes[name] = value
        else:
            write(self, value)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "attributes" in self.__dict__:
            try:
                return self[name]
            except KeyError:
                pass
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or name.startswith("_") or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __repr__(self) -> str:
        identity = self.attributes.get("uuid") or self.attributes.get("id") or "new"
        return f"{type(self).__name__}({identity})"


def _own(cls: type, verb: str, column: str) -> Any:
    """`setApiKeyAttribute` or `set_api_key_attribute` of a class, where it has one."""
    studly = "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\s]+", column))
    return getattr(cls, f"{verb}{studly}Attribute", None) or getattr(
        cls, f"{verb}_{column}_attribute", None
    )
