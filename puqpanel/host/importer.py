"""Imports a module's folder under a new package name, and drops it again.

`puqmod_{serial}.{Type}.{Name}` stands for the folder; relative imports inside it work. It reads and
writes no .pyc files: after an edit of the same size within a second they would be out of date.
Compiled code comes from `infra.code_cache` instead.
"""

import ast
import contextlib
import importlib
import itertools
import logging
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sqlalchemy.orm import registry as OrmRegistry

from puqpanel.infra import code_cache

PREFIX = "puqmod_"
_serial = itertools.count(1)
_folders: dict[str, Path] = {}


class _SourceLoader(SourceFileLoader):
    """Compiles the source, not a .pyc file."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        package = package_of(fullname)
        if f"odules.{package.partition('.')[2]}".encode() not in source:
            return code_cache.compiled(source, path)
        # it may import its own module by its full name
        tree = _rename_own_imports(ast.parse(source, path), package)
        return compile(tree, path, "exec", dont_inherit=True)


def _rename_own_imports(tree: ast.Module, package: str) -> ast.Module:
    """Rewrite a module's absolute imports of itself to the package of this load."""
    own = package.split(".")[1:3]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            node.module = _new_name(node.module, own, package)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # without “as” the name would be that of the outermost package
                if alias.asname:
                    alias.name = _new_name(alias.name, own, package)
    return tree


def _new_name(name: str, own: list[str], package: str) -> str:
    parts = name.split(".")
    return (
        ".".join([package, *parts[3:]])
        if parts[0] in ("modules", "Modules") and parts[1:3] == own
        else name
    )


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        parts = fullname.split(".")
        own = _folders.get(".".join(parts[:3]))
        if own is None:
            return None
        folder = str(own)
        for part in parts[3:-1]:
            folder = _subfolder(folder, part)
        return _spec(fullname, folder, parts[-1] if len(parts) > 3 else None)


def _subfolder(folder: str, name: str) -> str:
    """Return `controllers`, or `Controllers` if only that exists."""
    plain = f"{folder}/{name}"
    if not os.path.isdir(plain):
        for other in (name.capitalize(), name.lower()):
            if other != name and os.path.isdir(f"{folder}/{other}"):
                return f"{folder}/{other}"
    return plain


def _spec(fullname: str, folder: str, name: str | None) -> ModuleSpec | None:
    package = folder if name is None else _subfolder(folder, name)
    init, file = f"{package}/__init__.py", f"{folder}/{name}.py"
    has_init = os.path.isfile(init)
    if name is not None and not has_init and os.path.isfile(file):
        return spec_from_file_location(fullname, file, loader=_SourceLoader(fullname, file))
    if has_init:
        return spec_from_file_location(
            fullname,
            init,
            loader=_SourceLoader(fullname, init),
            submodule_search_locations=[package],
        )
    if not os.path.isdir(package):
        return None
    spec = ModuleSpec(fullname, None, is_package=True)
    spec.submodule_search_locations = [package]
    return spec


_finder = _Finder()


def fresh(folder: Path, module_type: str, name: str) -> str:
    """Return a package name for a folder that was not used before in this process."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    root = f"{PREFIX}{next(_serial)}"
    package = f"{root}.{module_type}.{name}"
    _folders[package] = folder
    for outer in (root, f"{root}.{module_type}"):
        sys.modules[outer] = module_from_spec(ModuleSpec(outer, None, is_package=True))
    return package


def load(package: str, name: str) -> ModuleType:
    """Import a file of the package; raises whatever the file raises."""
    return importlib.import_module(f"{package}.{name}")


def package_of(name: str) -> str:
    """Return the package that a dotted Python name belongs to; empty if it is not in a module."""
    return ".".join(name.split(".")[:3]) if name.startswith(PREFIX) else ""


def folder_of(package: str) -> Path | None:
    """Return the folder of a package that is imported; None for any other."""
    return _folders.get(package)


def drop(*packages: str) -> None:
    """Forget packages: sys.modules, logger entries, and the mappings of their tables.

    Never raises.
    """
    roots = {package.split(".", 1)[0] for package in packages}
    for package in packages:
        _folders.pop(package, None)
    for name in [name for name in list(sys.modules) if name.split(".", 1)[0] in roots]:
        module: Any = sys.modules.pop(name)
        with contextlib.suppress(Exception):
            for registry in _registries(module):
                registry.dispose(cascade=True)
    loggers = logging.Logger.manager.loggerDict
    for name in [name for name in list(loggers) if name.split(".", 1)[0] in roots]:
        loggers.pop(name, None)


def _registries(module: ModuleType) -> list[OrmRegistry]:
    """Return the mapper registries of a module's declarative bases.

    Registries of classes from other packages are left out.
    """
    found = []
    for value in list(vars(module).values()):
        registry = value.__dict__.get("registry") if isinstance(value, type) else None
        if isinstance(registry, OrmRegistry) and value.__module__.startswith(PREFIX):
            found.append(registry)
    return found
