"""One module from its folder: imported under fresh names, checked by the rules, ready to be
called.
"""

import builtins
from dataclasses import dataclass
from pathlib import Path

from puqpanel.domain.module_states import version_order
from puqpanel.domain.permissions import Permission
from puqpanel.host import importer, languages, load_timeout
from puqpanel.host.context import Context, entered, table_prefix
from puqpanel.host.contract import hooks, rules
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.config import Config
from puqpanel.host.contract.names import BothSpellings
from puqpanel.host.contract.timetable import Work
from puqpanel.host.discover import HUNG, Refused, check_folder, import_failure, read_config
from puqpanel.host.surroundings import kept
from puqpanel.infra import crash_markers

__all__ = ["LoadedModule", "Refused", "load_module", "unload"]

LOADING = "loading"
"""The mark of a module's import; other marks name the method that was called."""


@dataclass(frozen=True, repr=False)
class LoadedModule:
    """A module that passed every rule.

    Attributes: restricted, its version on disk is not the recorded one, so only its lifecycle
    methods may be called; webhooks, which of "get" and "post" it defines a webhook method for.
    """

    type: str  # the contract's word for what kind of module it is
    name: str
    version: str
    recorded_version: str
    cls: "builtins.type[ModuleBase]"
    config: Config
    folder: Path
    package: str
    permissions: tuple[Permission, ...]
    routes: tuple[rules.Route, ...]
    sidebar: tuple[rules.SidebarEntry, ...]
    tabs: tuple[rules.Tab, ...]
    warnings: tuple[str, ...]
    schedule: tuple[Work, ...] = ()
    hooks: "tuple[hooks.Hook, ...]" = ()
    webhooks: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"LoadedModule({self.key} {self.version})"

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"

    @property
    def slug(self) -> str:
        """`product_mycloudservice`."""
        return f"{self.type}_{self.name}".lower()

    @property
    def blueprint(self) -> str:
        """`mod_product_mycloudservice`."""
        return f"mod_{self.slug}"

    @property
    def prefix(self) -> str:
        """What its tables begin with."""
        return table_prefix(self.type, self.name)

    @property
    def title(self) -> str:
        """The name people read."""
        return str(self.config("name") or self.name)

    @property
    def restricted(self) -> bool:
        """Whether the version on disk differs from the recorded one; never before the first
        activation.
        """
        return bool(self.recorded_version) and version_order(self.version) != version_order(
            self.recorded_version
        )


def load_module(folder: Path, type: str, name: str, recorded_version: str = "") -> LoadedModule:
    """Imports and checks a module.

    Raises: Refused with the one sentence that says what to mend, whatever the module's code does.
    """
    try:
        folder = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise Refused(
            f"The folder {name} leads nowhere: {import_failure(name, error, folder)}"
        ) from error
    check_folder(folder, name)
    package = importer.fresh(folder, type, name)

    def work() -> LoadedModule:
        with (
            kept(),
            entered(Context(type, name, package)),
            crash_markers.during(f"{type}/{name} {LOADING}"),
        ):
            return _load(
                package, folder, read_config(folder), type, name, recorded_version=recorded_version
            )

    try:
        return load_timeout.within(folder, work)
    except load_timeout.TooLong as late:
        # it hung, and ended nothing; the thread that was given up keeps its mark else
        crash_markers.clear()
        importer.drop(package)
        raise Refused(HUNG.format(f"Loading {name}", late.seconds)) from late
    except BaseException:
        importer.drop(package)
        raise


def _load(
    package: str,
    folder: Path,
    config: Config,
    module_type: str,
    name: str,
    *,
    recorded_version: str,
) -> LoadedModule:
    # A module's own code: SystemExit, RecursionError and the like are refusals too, never the
    # panel's end.
    what = f"{name}.py"
    try:
        module = importer.load(package, name)
        what = f"{name}()"
        cls = rules.check_class(module, module_type, name)
        cls.module_type, cls.module_name, cls.module_folder, cls.module_config = (
            module_type,
            name,
            folder,
            config,
        )
        instance = cls()
        instance.recorded_version = recorded_version
        declared = rules.read(instance, lambda wanted: _controller(package, folder, wanted))
        what = "hooks.py"
        listening = (
            hooks.read(importer.load(package, "hooks"), cls)
            if (folder / "hooks.py").is_file()
            else ()
        )
    except Refused:
        raise
    except BothSpellings as error:
        raise Refused(str(error)) from error
    except BaseException as error:
        raise Refused(import_failure(what, error, folder)) from error
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
        warnings=(*declared.warnings, *languages.problems(folder)),
        schedule=declared.schedule,
        hooks=listening,
        webhooks=frozenset(
            verb for verb in ("get", "post") if callable(getattr(cls, f"api_webhook_{verb}", None))
        ),
    )


def _controller(package: str, folder: Path, name: str) -> type:
    where = f"controllers/{name}.py"
    if not any((folder / base / f"{name}.py").is_file() for base in ("controllers", "Controllers")):
        raise Refused(f"A route leads to {name}, but {where} is not there.")
    try:
        module = importer.load(f"{package}.controllers", name)
    except BothSpellings as error:
        raise Refused(str(error)) from error
    except BaseException as error:
        raise Refused(import_failure(where, error, folder)) from error
    controller = vars(module).get(name)
    if not isinstance(controller, type):
        raise Refused(f"A route leads to {name}, but {where} defines no class {name}.")
    return controller


def unload(*names: str) -> None:
    """Forgets everything that was imported under these package names; the classes go when
    nobody holds them any more.
    """
    importer.drop(*names)
