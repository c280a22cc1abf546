"""Loads a module from its folder: imported under a fresh package name, checked by the rules."""

import os
from pathlib import Path

from puqpanel.host import importer, languages
from puqpanel.host.containment import crash_markers, load_timeout
from puqpanel.host.context import Context, entered
from puqpanel.host.contract import hooks, rules, templates
from puqpanel.host.contract.config import Config
from puqpanel.host.contract.names import BothSpellings
from puqpanel.host.contract.refusal import Refused, import_failure
from puqpanel.host.discover import check_folder, read_config
from puqpanel.host.loaded import LoadedModule

CONTROLLERS = ("controllers", "Controllers")
LOADING = "loading"
"""What a crash marker says of a module's import; others name the method that was called."""


def load_module(folder: Path, type: str, name: str, recorded_version: str = "") -> LoadedModule:
    """Import and check a module.

    Args:
        folder: its files.
        type: Product, Plugin, Payment or Notification.
        name: of folder, file and class.
        recorded_version: at its last activation or update; empty before the first.

    Raises:
        Refused: whatever the module's code does; one sentence that says what to change.
    """
    try:
        folder = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise Refused(
            f"The folder {name} cannot be resolved: {import_failure(name, error, folder)}"
        ) from error
    check_folder(folder, name)
    package = importer.fresh(folder, type, name)

    def work() -> LoadedModule:
        context = Context(type, name, package)
        with entered(context), crash_markers.marked(f"{type}/{name} {LOADING}"):
            return _load(package, folder, read_config(folder), (type, name), recorded_version)

    try:
        return load_timeout.run(folder, f"Loading {name}", work)
    except load_timeout.LoadTimeout as error:
        # it hung and crashed nothing, but the abandoned thread left its marker
        crash_markers.forget(f"{type}/{name} {LOADING}")
        importer.drop(package)
        raise Refused(str(error)) from error
    except BaseException:
        importer.drop(package)
        raise


def unload(*packages: str) -> None:
    """Forget everything that was imported under these package names."""
    importer.drop(*packages)


def _load(
    package: str, folder: Path, config: Config, key: tuple[str, str], recorded_version: str
) -> LoadedModule:
    # SystemExit, RecursionError and the like in a module's code are refusals too
    module_type, name = key
    step = f"{name}.py"
    try:
        module = importer.load(package, name)
        step = f"{name}()"
        cls = rules.check_class(module, module_type, name)
        cls.module_type, cls.module_name = module_type, name
        cls.module_folder, cls.module_config = folder, config
        instance = cls()
        instance.recorded_version = recorded_version
        declared = rules.read(instance, lambda wanted: _controller(package, folder, wanted))
        step = "views/"
        templates.check_syntax(folder)
        step = "hooks.py"
        listeners: tuple[hooks.Hook, ...] = ()
        if os.path.isfile(f"{folder}/hooks.py"):
            listeners = hooks.read(importer.load(package, "hooks"), cls)
    except Refused:
        raise
    except BothSpellings as error:
        raise Refused(str(error)) from error
    except BaseException as error:
        raise Refused(import_failure(step, error, folder)) from error
    return LoadedModule(
        type=module_type,
        name=name,
        version=str(config["version"]).strip(),
        recorded_version=recorded_version,
        cls=cls,
        config=config,
        folder=folder,
        package=package,
        permissions=tuple(declared.permissions),
        routes=tuple(declared.routes),
        sidebar=tuple(declared.sidebar),
        tabs=tuple(declared.tabs),
        warnings=(*declared.warnings, *languages.read(folder).problems),
        schedule=declared.schedule,
        hooks=listeners,
        webhooks=_webhooks(cls, package),
    )


def _webhooks(cls: type, package: str) -> frozenset[str]:
    """Return the HTTP methods of the webhook: the panel stores a POST that `read_event` reads."""
    methods = {verb for verb in ("get", "post") if callable(getattr(cls, f"api_webhook_{verb}", 0))}
    reads = any(
        "read_event" in vars(base)
        for base in cls.__mro__
        if f"{base.__module__}.".startswith(f"{package}.")
    )
    return frozenset(methods | {"post"} if reads else methods)


def _controller(package: str, folder: Path, name: str) -> type:
    path = f"controllers/{name}.py"
    if not any(os.path.isfile(f"{folder}/{base}/{name}.py") for base in CONTROLLERS):
        raise Refused(f"A route points to {name}, but {path} does not exist.")
    try:
        module = importer.load(f"{package}.controllers", name)
    except BothSpellings as error:
        raise Refused(str(error)) from error
    except BaseException as error:
        raise Refused(import_failure(path, error, folder)) from error
    controller = vars(module).get(name)
    if not isinstance(controller, type):
        raise Refused(f"A route points to {name}, but {path} defines no class {name}.")
    return controller
