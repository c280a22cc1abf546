"""Refusals: why a module cannot be loaded, in one sentence for its author."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import StatementError

from puqpanel.host.sanitize import sentence
from puqpanel.infra.redact import redact_text


class Refused(Exception):
    """A module that cannot be loaded; the text is one sentence that says what to change."""

    def __init__(self, text: str) -> None:
        # it may quote anything that the module holds, and is stored and shown on a page
        super().__init__(sentence(text))


def import_failure(what: str, error: BaseException, folder: Path) -> str:
    """Return one sentence about an error raised while a module's file was run.

    Never raises, whatever the error's own class does.

    Args:
        what: what was run, such as `config.py`.
        error: what it raised.
        folder: the module's folder; the sentence names the last line inside it.
    """
    try:
        return _import_failure(what, error, folder)
    except BaseException:
        return f"{what} does not load: {type(error).__name__}, whose message cannot be read."


def describe(error: BaseException) -> str:
    """Return type and text of an error on one line, secrets masked; never raises.

    Of a database's error, without the statement, whose values can be secrets.
    """
    try:
        text = str(error)
        if isinstance(error, StatementError) and error.orig:
            text = str(error.orig).partition("\n")[0]  # PostgreSQL quotes it in the next line
        text = redact_text(sentence(text, 2000))
    except BaseException:
        text = ""
    if len(text) > 300:
        text = text[:299] + "…"
    return f"{type(error).__name__}{': ' + text if text else ''}"


def _import_failure(what: str, error: BaseException, folder: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return (
            f"{what} has a syntax error: {redact_text(sentence(str(error.msg), 300))}"
            f" ({_short(error.filename, folder)}:{error.lineno})."
        )
    location = ""
    step = error.__traceback__
    while step is not None:
        # the last step inside the module's folder is what its author can change
        filename = step.tb_frame.f_code.co_filename
        if filename.startswith(str(folder)):
            location = f" ({_short(filename, folder)}:{step.tb_lineno})"
        step = step.tb_next
    text = f"{what} does not load: {describe(error)}{location}{_hint(error, folder)}"
    return text.rstrip(".") + "."


def _hint(error: BaseException, folder: Path) -> str:
    """Suggest a relative import where a module imports its own files from the top."""
    missing = (error.name or "").split(".") if isinstance(error, ModuleNotFoundError) else [""]
    if missing[0] == "modules":
        missing = missing[3:] or [""]
    own = {entry.name.removesuffix(".py").lower() for entry in folder.iterdir()}
    return f"; use from .{'.'.join(missing)} import …" if missing[0].lower() in own else ""


def _short(filename: str, folder: Path) -> str:
    return filename.removeprefix(f"{folder}/")
