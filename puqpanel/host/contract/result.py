"""The result of a module's method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

from puqpanel.host.contract.names import python_name
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

    Attributes:
        ok: whether it succeeded.
        message: a sentence; may be empty.
        data: anything that JSON can represent.
        errors: messages by field.
        code: an HTTP status.
        retry: whether the task may run again; None leaves it to the task's number of tries.
        waiting: whether the provider has not finished yet; `pending()` sets it.
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
        if self.message != "":
            # stored and shown on pages
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
    def of(cls, value: Any, method: str = "") -> "Result":
        """Return a Result for any documented return value.

        Anything else becomes an error that is not retried: a job without a return value must not
        count as a success, and a retry would return the same.

        Args:
            value: a Result, `{"status": …}`, `{"success": …}`, `(dictionary, code)` or "success".
            method: the method that returned it, as its author spells it.
        """
        if isinstance(value, Result):
            return value
        if isinstance(value, str) and value.strip().lower() == "success":
            return cls.success()
        code = None
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Mapping):
            value, code = value
        if not isinstance(value, Mapping):
            return cls._invalid_return(value, method)
        status = str(value.get("status", "")).lower()
        if status not in {"success", "error", "pending"}:
            if "success" not in value:
                return cls._invalid_return(value, method)
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
    def of_lifecycle(cls, value: Any, method: str) -> "Result":
        """Return a Result for what activate, deactivate or update returned.

        Args:
            value: `"success"`, another text as the message of a failure, or what `of` accepts.
            method: the method that returned it.
        """
        if isinstance(value, str):
            text = value.strip()
            return (
                cls.success()
                if text.lower() == "success"
                else cls.error(text or f'{method}() must return "success", but returned "".')
            )
        if isinstance(value, (Result, Mapping)):
            result = cls.of(value, method)
            return (
                result
                if result.ok or result.message
                else cls.error(f"{method}() returned an error without a message.")
            )
        return cls.error(f'{method}() must return "success", but returned {_kind(value)}.')

    @classmethod
    def _invalid_return(cls, value: Any, method: str) -> "Result":
        """Return the error for a method that returned something other than a result."""
        expected = _EXPECTED.get(python_name(method)) or (
            "a Result such as Result.success(...)"
            if method == python_name(method)
            else 'a dictionary such as {"status": "success"}'
        )
        who = f"{method}()" if method else "The method"
        return cls.error(f"{who} must return {expected}, but returned {_kind(value)}.", retry=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dictionary, which JSON can represent."""
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


_EXPECTED = {"observe": 'a dictionary such as {"exists": True, "suspended": False}'}


def _kind(value: Any) -> str:
    """Describe a value without its content, which can be secret."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, Mapping):
        status = value.get("status")
        return (
            f"a dictionary with the status “{plain(status, 40)}”"
            if isinstance(status, str) and status
            else "a dictionary without a status"
        )
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


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

    The vendor documentation also puts a validator's errors in place of the message.
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
