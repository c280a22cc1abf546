"""Eloquent models over the module's own tables, created by `Schema` or a migration.

In new code, use `db.declarative_base()`, which type checkers understand.
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
    """A query that returns models instead of rows; `update` and `insert` bypass mutators."""

    def __init__(self, model: "type[Model]") -> None:
        super().__init__(model.table_name())
        self._model = model

    def get(self) -> list[Any]:
        """Return all matching models."""
        return [self._model._of(row) for row in super().get()]

    def first(self) -> Any:
        """Return the first matching model, or None."""
        return super().first()


@bind
class Model:
    """One row of a table, with its columns as attributes. In new code, use `db.declarative_base()`.

    `server["host"]` also reads a column that has the name of a method. The mutators
    `set_{column}_attribute(value)` and `get_{column}_attribute(value)`, in either spelling, convert
    between the attribute and the stored value in `self.attributes`.

        class CloudServer(Model):
            fillable = ("host", "api_key")

        server = CloudServer.create({"host": "cloud.example.com"})
        servers = CloudServer.where("active", True).order_by("host").get()

    Attributes:
        table: the table's name; by default the class name in the plural, `cloud_servers`.
        primary_key: the key column; by default that of the table.
        fillable: the columns that `create`, `fill` and `update` accept; others are ignored, so that
            a form cannot set them.
        hidden: the columns that `to_dict` omits.
        timestamps: whether `created_at` and `updated_at` are set, if the table has them.
    """

    table: ClassVar[str] = ""
    primary_key: ClassVar[str] = ""
    fillable: ClassVar[Sequence[str]] = ()
    hidden: ClassVar[Sequence[str]] = ()
    timestamps: ClassVar[bool] = True

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
        model = cls()
        model._read(row)
        model.exists = True
        return model

    def _read(self, row: Mapping[str, Any]) -> None:
        """Replace the attributes with the stored row; `save` writes only what differs from it."""
        self.attributes.clear()
        self.attributes.update(row)
        self._stored = dict(row)

    @classmethod
    def table_name(cls) -> str:
        """Return the table's name without the module's prefix."""
        if cls.table:
            return cls.table
        name = snake(cls.__name__)
        if name.endswith("y") and name[-2:-1] not in "aeiou":
            return f"{name[:-1]}ies"
        return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"

    # Queries.

    @classmethod
    def query(cls) -> ModelQuery:
        """Return a query over all rows."""
        return ModelQuery(cls)

    @classmethod
    def where(cls, *condition: Any) -> ModelQuery:
        """Return a query with a condition; see `DB.table(…).where`."""
        query = cls.query()
        query.where(*condition)
        return query

    @classmethod
    def where_in(cls, column: str, values: Iterable[Any]) -> ModelQuery:
        """Return a query for rows whose column has one of these values."""
        query = cls.query()
        query.where_in(column, values)
        return query

    @classmethod
    def order_by(cls, column: str, direction: str = "asc") -> ModelQuery:
        """Return a query in the order of a column, `asc` or `desc`."""
        query = cls.query()
        query.order_by(column, direction)
        return query

    @classmethod
    def all(cls) -> list[Self]:
        """Return all rows."""
        return cls.query().get()

    @classmethod
    def first(cls) -> Self | None:
        """Return any one row, or None."""
        row: Self | None = cls.query().first()
        return row

    @classmethod
    def find(cls, key: Any) -> Self | None:
        """Return the row with this key, or None."""
        query = cls.query()
        query.where(cls._key(query), key)
        row: Self | None = query.first()
        return row

    @classmethod
    def count(cls) -> int:
        """Return the number of rows."""
        return cls.query().count()

    # Writing.

    @classmethod
    def create(cls, values: Mapping[str, Any] | None = None, **more: Any) -> Self:
        """Insert a row from the fillable columns.

        Raises:
            UserError: the class declares no fillable columns.
        """
        return cls(values, **more).save()

    def fill(self, values: Mapping[str, Any]) -> Self:
        """Set the fillable columns.

        Raises:
            UserError: the class declares no fillable columns.
        """
        if values and not self.fillable:
            raise UserError(
                f"{type(self).__name__} declares no fillable columns, so it cannot set"
                f" {', '.join(sorted(map(str, values)))}."
            )
        for name, value in values.items():
            if name in self.fillable:
                self[name] = value
        return self

    def save(self) -> Self:
        """Insert the row, or update the columns that changed since it was read.

        Raises:
            NotFoundError: the row was deleted meanwhile.
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
                raise NotFoundError(f"This {type(self).__name__} no longer exists.")
            return self
        if self.timestamps and "updated_at" in columns:
            self.attributes["updated_at"] = changed["updated_at"] = moment
        if self.exists:
            if not query.where(key, self.attributes.get(key)).update(changed):
                raise NotFoundError(f"This {type(self).__name__} no longer exists.")
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
        """Set the fillable columns and save the row."""
        self.fill({**(values or {}), **more}).save()
        return True

    def delete(self) -> bool:
        """Delete the row and return whether it existed."""
        query = self.query()
        key = self._key(query)
        gone = bool(self.exists and query.where(key, self.attributes.get(key)).delete())
        self.exists = False
        return gone

    def refresh(self) -> Self:
        """Read the row again.

        Raises:
            NotFoundError: the row was deleted meanwhile.
        """
        query = self.query()
        key = self._key(query)
        row: Any = query.where(key, self.attributes.get(key)).first()
        if row is None:
            raise NotFoundError(f"This {type(self).__name__} no longer exists.")
        self._read(row.attributes)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the columns as read through the mutators, without the hidden ones."""
        return {name: self[name] for name in self.attributes if name not in self.hidden}

    @classmethod
    def _key(cls, query: Query) -> str:
        if cls.primary_key:
            return cls.primary_key
        names = [column.name for column in query._table.primary_key]
        if len(names) != 1:
            problem = "several key columns" if names else "no primary key"
            raise UserError(f"{cls.__name__} needs a primary_key: its table has {problem}.")
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
    """Return a class's mutator of a column in either spelling, or None."""
    studly = "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\s]+", column))
    return getattr(cls, f"{verb}{studly}Attribute", None) or getattr(
        cls, f"{verb}_{column}_attribute", None
    )
