"""What a module's method answered, in one shape."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

from puqpanel.host.sanitize import jsonable, plain


class _Pending:
    """`Result.pending(...)` makes a pending result; `result.pending` tells whether it is one."""

    @overload
    def __get__(self, result: None, owner: type["Result"]) -> Callable[..., "Result"]: ...

    @overload
    def __get__(self, result: "Result", owner: type["Result"]) -> bool: ...

    def __get__(
        self, result: "Result | None", owner: type["Result"]
    ) -> "Callable[..., Result] | bool":
        if result is not None:
            return result.waiting

        def make(message: str = "", *, data: Any = None, code: int = 202) -> Result:
            return owner(ok=True, message=message, data=data, code=code, waiting=True)

        return make


@dataclass(frozen=True)
class Result:
    """The outcome of a module's method.

    Attributes: ok; message, a sentence; data; errors by field; code, an HTTP status; retry, whether
    a task may run again (None: as its tries allow); pending, done so far but not finished at the
    provider.
    """

    ok: bool
    message: str = ""
    data: Any = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    code: int = 200
    retry: bool | None = None
    waiting: bool = False

    pending = _Pending()

    def __post_init__(self) -> None:
        # kept in rows and shown on pages, so it must be of a kind and size that both can take
        object.__setattr__(self, "message", plain(str(self.message)))
        object.__setattr__(self, "code", _code(self.code, 200 if self.ok else 500))

    def __bool__(self) -> bool:
        return self.ok

    @classmethod
    def success(cls, message: str = "", *, data: Any = None, code: int = 200) -> "Result":
        """Return a success."""
        return cls(ok=True, message=message, data=data, code=code)

    @classmethod
    def error(
        cls,
        message: str = "",
        *,
        errors: Mapping[str, Any] | None = None,
        code: int = 500,
        data: Any = None,
        retry: bool | None = None,
    ) -> "Result":
        """Return an error; `retry` requests another attempt (True) or forbids it (False)."""
        return cls(
            ok=False, message=message, errors=_errors(errors), code=code, data=data, retry=retry
        )

    @classmethod
    def of(cls, value: Any) -> "Result":
        """Any documented answer as a Result.

        A Result, `{status: …}`, `{success: …}` or `(dictionary, code)`.

        What is none of these is an error that says so: a job that forgot its answer must not pass
        for one that worked.
        """
        if isinstance(value, Result):
            return value
        code = None
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Mapping):
            value, code = value
        if not isinstance(value, Mapping):
            return cls.error(
                f"The module returned {_kind(value)} where a result dictionary was expected."
            )
        status = str(value.get("status", "")).lower()
        if status not in {"success", "error", "pending"}:
            if "success" not in value:
                return cls.error(
                    "The module's result has neither a status of success or error nor a success"
                    " flag."
                )
            status = "success" if value["success"] else "error"
        ok = status != "error"
        message, errors = _message(value, ok)
        retry = value.get("retry")
        return cls(
            ok=ok,
            message=message,
            data=value.get("data"),
            errors=errors,
            code=_code(value.get("code", code), 200 if ok else 422 if errors else 500),
            retry=retry if isinstance(retry, bool) else None,
            waiting=status == "pending",
        )

    @classmethod
    def of_lifecycle(cls, value: Any) -> "Result":
        """Return the answer of activate, deactivate or update.

        `"success"`, or whatever else as the failure's message.
        """
        if isinstance(value, str):
            text = value.strip()
            return (
                cls.success()
                if text.lower() == "success"
                else cls.error(text or "The module returned nothing.")
            )
        if isinstance(value, (Result, Mapping)):
            result = cls.of(value)
            return (
                result
                if result.ok or result.message
                else cls.error("The module returned an error without a message.")
            )
        return cls.error(f"The module returned {_kind(value)} where 'success' was expected.")

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dictionary, with nothing in it that JSON cannot carry."""
        answer: dict[str, Any] = {
            "status": "pending" if self.waiting else "success" if self.ok else "error"
        }
        if self.message:
            answer["message"] = self.message
        if self.data is not None:
            answer["data"] = jsonable(self.data)
        if self.errors:
            answer["errors"] = self.errors
        return answer | {"code": self.code}


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _code(value: Any, default: int) -> int:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
        else default
    )


def _errors(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        plain(str(k), 200): (
            [plain(str(i)) for i in v] if isinstance(v, (list, tuple)) else [plain(str(v))]
        )
        for k, v in value.items()
    }


def _message(value: Mapping[str, Any], ok: bool) -> tuple[str, dict[str, list[str]]]:
    """Return the sentence and the field errors.

    The texts also put a validator's errors where the message goes.
    """
    errors = _errors(value.get("errors"))
    message = value.get("message")
    if message in (None, "") and not ok:
        message = value.get("error")
    if isinstance(message, Mapping):
        errors = errors or _errors(message)
        message = None
    if message in (None, "") and errors:
        message = next((texts[0] for texts in errors.values() if texts), "")
    return ("" if message is None else str(message)), errors
