"""Finds the modules under modules/; only config.py of each is run, nothing is imported."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.host.containment import load_timeout
from puqpanel.host.contract.config import Config
from puqpanel.host.contract.refusal import Refused, import_failure
from puqpanel.host.sanitize import plain
from puqpanel.infra import code_cache

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_VERSION = re.compile(r"\d[A-Za-z0-9]*(?:[-.+][A-Za-z0-9]+)*")
MAX_CONFIG_BYTES = 256 * 1024
_configs: dict[Path, tuple[tuple[int, ...], Config]] = {}


@dataclass(frozen=True)
class Found:
    """A folder under modules/{Type}/.

    Attributes:
        type: of the module.
        name: of the module.
        folder: its path.
        version: from config.py.
        config: config.py.
        error: why it cannot be loaded, as a sentence; empty if it can.
    """

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
    """Return the modules under `modules_dir`, sorted by type and name.

    Args:
        modules_dir: holds a folder for each type.
    """
    return [look(folder, *key) for key, folder in folders(modules_dir).items()]


def folders(modules_dir: Path) -> dict[tuple[str, str], Path]:
    """Return the folders that may be modules by type and name, sorted; they are not read.

    Args:
        modules_dir: holds a folder for each type.
    """
    return {
        # a name that is not valid UTF-8 is refused, and shown with replacement characters
        (module_type, os.fsencode(name).decode("utf-8", "replace")): modules_dir
        / module_type
        / name
        for module_type in MODULE_TYPES
        for name in _names(modules_dir / module_type)
    }


def _names(base: Path) -> list[str]:
    """Return the names of the subfolders that may be modules; none if they cannot be read."""
    try:
        with os.scandir(base) as entries:
            names = [
                entry.name
                for entry in entries
                if not entry.name.startswith((".", "_")) and _is_folder(entry)
            ]
    except OSError:
        return []
    return sorted(names, key=lambda name: (name.lower(), name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def look(folder: Path, module_type: str, name: str) -> Found:
    """Return one folder, with its config or the reason why it cannot be loaded."""
    try:
        check_folder(folder, name)
        config = _known_config(folder)
    except (Refused, load_timeout.LoadTimeout) as error:
        return Found(module_type, name, folder, error=str(error))
    return Found(module_type, name, folder, str(config["version"]), config)


def _known_config(folder: Path) -> Config:
    """Return the cached config.py, reading it again if the file has changed.

    Raises:
        Refused: it is invalid.
        LoadTimeout: it did not finish in time.
    """
    try:
        state = (folder / "config.py").stat()
    except OSError:
        return load_timeout.run(folder, "config.py", lambda: read_config(folder))
    stamp = (state.st_mtime_ns, state.st_size, state.st_ino, state.st_ctime_ns)
    known = _configs.get(folder)
    if known is None or known[0] != stamp:
        _configs.pop(folder, None)
        config = load_timeout.run(folder, "config.py", lambda: read_config(folder))
        known = _configs[folder] = (stamp, config)
    return known[1]


def check_folder(folder: Path, name: str) -> None:
    """Check the names of the folder and its main file.

    Raises:
        Refused: they break the naming rule, or cannot be read.
    """
    try:
        _check_files(folder, name)
    except OSError as error:
        raise Refused(
            f"The folder {name} cannot be read ({error.strerror or type(error).__name__}); check"
            " its owner and permissions."
        ) from error


def _check_files(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise Refused(
            f"The folder {folder.name} does not exist; restore it or deactivate the module."
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
    """Run config.py and check its required keys.

    Raises:
        Refused: it cannot be run, or a key is missing.
    """
    path = folder / "config.py"
    if not path.is_file():
        raise Refused(
            "config.py is missing; it must define CONFIG = {…} with at least a name and a version."
        )
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise Refused(f"config.py is larger than {MAX_CONFIG_BYTES // 1024} KB.")
    scope: dict[str, Any] = {"__file__": str(path), "__name__": "config"}
    try:
        exec(code_cache.compiled(path.read_bytes(), str(path)), scope)  # noqa: S102 - the module's own file
    except BaseException as error:
        raise Refused(import_failure("config.py", error, folder)) from error
    values = scope.get("CONFIG")
    if not isinstance(values, Mapping):
        raise Refused("config.py defines no CONFIG = {…} dictionary.")
    for key in ("name", "version"):
        value = values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise Refused(
                f'The “{key}” in config.py is the number {value}; it must be a string: "{value}".'
            )
        if value is not None and not isinstance(value, str):
            kind = type(value).__name__
            raise Refused(f"The “{key}” in config.py is a {kind}; it must be a string.")
        if not value or not value.strip():
            raise Refused(f"CONFIG in config.py has no “{key}” text.")
    if len(values["version"]) > 40 or not _VERSION.fullmatch(values["version"].strip()):
        raise Refused(
            f"The version “{values['version']}” in config.py is not a version such as 1.0.0."
        )
    return Config(
        {
            plain(str(key)): plain(value) if isinstance(value, str) else value
            for key, value in values.items()
        }
    )
