"""What lies under modules/: names and config.py only, no module is imported."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.host import config_probe, load_timeout
from puqpanel.host.contract.config import Config
from puqpanel.host.sanitize import plain, sentence
from puqpanel.host.surroundings import kept
from puqpanel.infra.redact import redact_text

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_VERSION = re.compile(r"\d+(\.\d+)*([-.+]?[A-Za-z0-9]+)*")
LARGEST_CONFIG = 256 * 1024
_configs: dict[Path, tuple[tuple[int, ...], Config]] = {}
HUNG = (
    "{} did not come to an end within {:.2g} seconds; look for a loop or for something that waits."
)


class Refused(Exception):
    """A module that cannot be loaded; the text is one sentence that says what to mend."""

    def __init__(self, text: str) -> None:
        # it may quote whatever the module holds, and is kept in a row and shown on a page
        super().__init__(sentence(text))


@dataclass(frozen=True)
class Found:
    """A folder under modules/{Type}/. `error` is the sentence of its refusal, or empty."""

    type: str
    name: str
    folder: Path
    version: str = ""
    config: Config = field(default_factory=Config)
    error: str = ""

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"


def scan(modules_dir: Path) -> list[Found]:
    """Everything that lies under `modules_dir` in a folder of a known type, sorted; reads each
    config.py.
    """
    found = []
    for module_type in MODULE_TYPES:
        for folder in _folders(modules_dir / module_type):
            # a name that is no text in the disk's encoding is refused by it, and shown as far as it
            # can be
            found.append(
                look(folder, module_type, os.fsencode(folder.name).decode("utf-8", "replace"))
            )
    return found


def _folders(base: Path) -> list[Path]:
    """What lies in a folder and may be a module; nothing where it cannot be read."""
    try:
        entries = sorted(base.iterdir(), key=lambda entry: (entry.name.lower(), entry.name))
    except OSError:
        return []
    return [
        entry for entry in entries if not entry.name.startswith((".", "_")) and _is_folder(entry)
    ]


def _is_folder(entry: Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def look(folder: Path, module_type: str, name: str) -> Found:
    """One folder, with its config or with the sentence of its refusal."""
    try:
        check_folder(folder, name)
        config = _known_config(folder)
    except load_timeout.TooLong as late:
        return Found(module_type, name, folder, error=HUNG.format("config.py", late.seconds))
    except Refused as refusal:
        return Found(module_type, name, folder, error=str(refusal))
    return Found(module_type, name, folder, str(config["version"]), config)


def _known_config(folder: Path) -> Config:
    """config.py as it was read last, unless the file has changed: the list of modules is looked at
    often, by every process.

    Raises: Refused, TooLong.
    """
    try:
        state = (folder / "config.py").stat()
    except OSError:
        return load_timeout.within(folder, lambda: read_config(folder))
    stamp = (state.st_mtime_ns, state.st_size, state.st_ino, state.st_ctime_ns)
    known = _configs.get(folder)
    if known is None or known[0] != stamp:
        _configs.pop(folder, None)
        known = _configs[folder] = (stamp, load_timeout.within(folder, lambda: read_config(folder)))
    return known[1]


def check_folder(folder: Path, name: str) -> None:
    """Raises Refused when the folder's name or its main file breaks the naming rule."""
    try:
        _check_files(folder, name)
    except OSError as error:
        raise Refused(
            f"The folder {name} cannot be read ({error.strerror or type(error).__name__}); look at"
            " its owner and rights."
        ) from error


def _check_files(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise Refused(
            f"The folder {folder.name} is not there; put it back or deactivate the module."
        )
    if not NAME.fullmatch(name):
        raise Refused(
            f"The folder name “{name}” is not StudlyCase letters and digits; rename folder, file"
            " and class."
        )
    if not (folder / f"{name}.py").is_file():
        others = sorted(
            p.name for p in folder.glob("*.py") if p.name.lower() == f"{name}.py".lower()
        )
        hint = f"; rename {others[0]}" if others else ""
        raise Refused(
            f"The file {name}.py is missing{hint}: folder, file and class share one name."
        )


def read_config(folder: Path) -> Config:
    """Runs config.py and checks what it must hold.

    Raises: Refused.
    """
    path = folder / "config.py"
    if not path.is_file():
        raise Refused(
            "config.py is missing; it holds CONFIG = {…} with at least a name and a version."
        )
    if path.stat().st_size > LARGEST_CONFIG:
        raise Refused(
            f"config.py is larger than {LARGEST_CONFIG // 1024} KB; it is read often and holds a"
            " few lines."
        )
    how = config_probe.ending(path)
    if how:
        raise Refused(
            f"config.py ends the process that reads it ({how}); it may only hold CONFIG = {{…}}."
        )
    scope: dict[str, Any] = {"__file__": str(path), "__name__": "config"}
    try:
        with kept():
            # it is the module's own file
            exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), scope)  # noqa: S102
    except BaseException as error:
        raise Refused(import_failure("config.py", error, folder)) from error
    values = scope.get("CONFIG")
    if not isinstance(values, Mapping):
        raise Refused("config.py defines no CONFIG = {…} dictionary.")
    for key in ("name", "version"):
        if not isinstance(values.get(key), str) or not values[key].strip():
            raise Refused(f"CONFIG in config.py has no “{key}” text.")
    if not _VERSION.fullmatch(values["version"].strip()) or len(values["version"]) > 40:
        raise Refused(
            f"The version “{values['version']}” in config.py is not a version such as 1.0.0."
        )
    return Config(
        {
            plain(str(key)): plain(value) if isinstance(value, str) else value
            for key, value in values.items()
        }
    )


def import_failure(what: str, error: BaseException, folder: Path) -> str:
    """One sentence for an error that running a file of a module raised: type, message, file and
    line, no traceback.

    Never raises, whatever the error's own class does.
    """
    try:
        return _import_failure(what, error, folder)
    except BaseException:
        return f"{what} does not load: {type(error).__name__}, which cannot say more."


def _import_failure(what: str, error: BaseException, folder: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return (
            f"{what} has a syntax error: {redact_text(sentence(str(error.msg), 300))}"
            f" ({_short(error.filename, folder)}:{error.lineno})."
        )
    place = ""
    step = error.__traceback__
    while step is not None:
        # The last step inside the module's folder: what its author can mend.
        filename = step.tb_frame.f_code.co_filename
        if filename.startswith(str(folder)):
            place = f" ({_short(filename, folder)}:{step.tb_lineno})"
        step = step.tb_next
    return f"{what} does not load: {describe(error)}{place}{_hint(error, folder)}".rstrip(".") + "."


def _hint(error: BaseException, folder: Path) -> str:
    """A module's own files are imported from where they stand, not from the top."""
    missing = (error.name or "").split(".") if isinstance(error, ModuleNotFoundError) else [""]
    if missing[0] == "modules":
        missing = missing[3:] or [""]
    own = {entry.name.removesuffix(".py").lower() for entry in folder.iterdir()}
    return f"; write it as from .{'.'.join(missing)} import …" if missing[0].lower() in own else ""


def describe(error: BaseException) -> str:
    """Type and text of an error on one line, secrets masked; never raises, whatever the error's
    own class does.
    """
    try:
        text = redact_text(sentence(str(error), 2000))
    except BaseException:
        text = ""
    if len(text) > 300:
        text = text[:299] + "…"
    return f"{type(error).__name__}{': ' + text if text else ''}"


def _short(filename: str, folder: Path) -> str:
    return filename.removeprefix(f"{folder}/")
