"""A module's templates: each module has its own Jinja environment over its `views/` folder.

The panel's own templates are reachable under `panel/…` (macros such as field and csrf); the web
floor hands their loader and the globals of a request in through `install`.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound
from markupsafe import Markup

from puqpanel.host import languages
from puqpanel.host.contract.base import ModuleBase

_panel: dict[str, Any] = {"loader": None, "globals": {}, "filters": {}}
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def install(
    loader: BaseLoader | None = None,
    globals: Mapping[str, Any] | None = None,
    filters: Mapping[str, Callable[..., Any]] | None = None,
) -> None:
    """What the panel lends to the templates of modules.

    Args: loader finds templates asked for as `panel/…`, without that prefix; globals and filters
    are added to each environment.
    """
    _panel.update(loader=loader, globals=dict(globals or {}), filters=dict(filters or {}))


def has_panel() -> bool:
    """Whether the panel's templates are there; a worker renders without them."""
    return _panel["loader"] is not None


def path_of(template: str) -> str:
    """`client_area.general` → `views/client_area/general.html`."""
    return f"views/{_relative(template)}"


def _relative(template: str) -> str:
    return template.removesuffix(".html").replace(".", "/") + ".html"


def find(cls: type[ModuleBase], template: str) -> Path | None:
    """The file of a template named by `view()`, or None where there is none under views/."""
    return _inside(cls, _relative(template))


def _inside(cls: type[ModuleBase], relative: str) -> Path | None:
    """A file under views/; links are followed and must not lead out, nor may views/ itself."""
    if cls.module_folder is None or not all(_PART.fullmatch(part) for part in relative.split("/")):
        return None
    try:
        root = (cls.module_folder / "views").resolve()
        path = (root / relative).resolve()
        inside = root.is_relative_to(cls.module_folder.resolve()) and path.is_relative_to(root)
        return path if inside and path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _missing(cls: type[ModuleBase], template: str) -> TemplateNotFound:
    """The error for a template that is not there, or is none of the module's, with the sentence
    for its author.
    """
    shown = str(template)[:120]
    why = f"{cls.module_type}/{cls.module_name} has no template “{shown}”"
    if cls.module_folder is not None and _leaves(cls.module_folder / "views", str(template)):
        return TemplateNotFound(
            template,
            f"{why}: templates are named from its own views/, and no path leaves that folder.",
        )
    return TemplateNotFound(
        template, f"{why}; it would be views/{shown.removesuffix('.html')}.html."
    )


def _leaves(views: Path, template: str) -> bool:
    """Whether a name tries to lead out: by its way of writing, or over a link."""
    if ".." in template or template.startswith(("/", "\\", "~")) or ":" in template:
        return True
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        return any(
            (views / name).exists() for name in (template, _relative(template)) if name.strip("./")
        )
    return False


class _Loader(BaseLoader):
    def __init__(self, cls: type[ModuleBase]) -> None:
        self.cls = cls

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        if template.startswith("panel/"):
            if _panel["loader"] is None:
                raise TemplateNotFound(
                    template,
                    f"“{template[:120]}” is a template of the panel's, and a worker renders without"
                    " those.",
                )
            source: tuple[str, str | None, Callable[[], bool] | None]
            source = _panel["loader"].get_source(environment, template.removeprefix("panel/"))
            return source
        path = _inside(self.cls, template) or find(self.cls, template)
        if path is None:
            raise _missing(self.cls, template)
        stamp = path.stat().st_mtime_ns
        return (
            path.read_text("utf-8"),
            str(path),
            lambda: path.is_file() and path.stat().st_mtime_ns == stamp,
        )


class _Environment(Environment):
    """Templates of the panel ask for each other by their plain names; here those begin with
    `panel/`.
    """

    def join_path(self, template: str, parent: str) -> str:
        if parent.startswith("panel/") and not template.startswith("panel/"):
            return f"panel/{template}"
        return template


def environment(cls: type[ModuleBase]) -> Environment:
    """The Jinja environment of a module class; made at its first use, and gone with the class."""
    made: Environment | None = cls.__dict__.get("_puq_environment")
    if made is None:
        made = _Environment(
            loader=_Loader(cls),
            autoescape=True,
            auto_reload=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.globals["__"] = partial(languages.translate, cls.module_folder)
        made.globals.update(
            {name: value for name, value in _panel["globals"].items() if name != "__"}
        )
        made.filters.update(_panel["filters"])
        cls._puq_environment = made  # type: ignore[attr-defined]
    return made


def render(cls: type[ModuleBase], template: str, data: Mapping[str, Any]) -> Markup:
    """A rendered template, safe to place in a page.

    Raises: TemplateNotFound; its text is a sentence for the module's author.
    """
    if find(cls, template) is None:
        raise _missing(cls, template)
    # autoescaped above
    return Markup(environment(cls).get_template(_relative(template)).render(**data))  # noqa: S704
