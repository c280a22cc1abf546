"""Renders modules' templates.

Each module has its own Jinja environment over its `views/` folder.

The panel's own templates are available as `panel/…` (macros such as field and csrf); the web layer
passes in their loader and the globals of a request through `install`.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound
from markupsafe import Markup

from puqpanel.host import languages
from puqpanel.host.contract import templates
from puqpanel.infra.compiled_templates import CompiledTemplates


@dataclass
class _Panel:
    """What the panel lends to modules, and the environments that were made with it."""

    loader: BaseLoader | None = None
    globals: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    messages: Any = None
    environments: dict[Path | None, Environment] = field(default_factory=dict)


_panel = _Panel()
_compiled = CompiledTemplates()


def install(
    loader: BaseLoader | None = None,
    globals: Mapping[str, Any] | None = None,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    messages: Any = None,
) -> None:
    """Lend the panel's templates and messages to modules.

    Args:
        loader: finds templates named `panel/…`, without that prefix.
        globals: added to each environment.
        filters: added to each environment.
        messages: translates the default messages of WTForms' validators.
    """
    global _panel
    _panel = _Panel(loader, dict(globals or {}), dict(filters or {}), messages)


def has_panel() -> bool:
    """Return whether the panel's templates are available; a worker renders without them."""
    return _panel.loader is not None


def form_messages() -> Any:
    """Return the translations of WTForms' default messages; None in a worker."""
    return _panel.messages


def environment(folder: Path | None) -> Environment:
    """Return the Jinja environment of a module's folder."""
    panel = _panel  # another thread may replace it meanwhile
    found = panel.environments.get(folder)
    if found is None:
        found = _Environment(
            loader=_Loader(folder),
            autoescape=True,
            auto_reload=True,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_compiled,
        )
        found.globals.update(panel.globals)
        found.globals["__"] = partial(languages.translate, folder)
        found.globals["n__"] = partial(languages.translate_plural, folder)
        found.globals["format_number"] = languages.format_number
        found.filters.update(panel.filters)
        panel.environments[folder] = found
    return found


def render(folder: Path | None, template: str, data: Mapping[str, Any]) -> Markup:
    """Render a module's template.

    Args:
        folder: the module's; None for a class that was not loaded from one.
        template: its name, dots for slashes.
        data: its variables.

    Returns:
        HTML that is safe to place in a page: everything in it was escaped.

    Raises:
        TemplateNotFound: its text is a sentence for the module's author.
    """
    if templates.file(folder, template) is None:
        raise _missing(folder, template)
    page = environment(folder).get_template(templates.relative(template)).render(**data)
    return Markup(page)  # noqa: S704 - autoescaped


def _missing(folder: Path | None, template: str) -> TemplateNotFound:
    shown = str(template)[:120]
    name = f"{folder.parent.name}/{folder.name}" if folder else "This module"
    problem = f"{name} has no template “{shown}”"
    if folder is not None and _leads_out(folder / "views", str(template)):
        return TemplateNotFound(
            template,
            f"{problem}: template names are relative to its views/ folder and cannot leave it.",
        )
    return TemplateNotFound(
        template, f"{problem}; expected views/{shown.removesuffix('.html')}.html."
    )


def _leads_out(views: Path, template: str) -> bool:
    """Return whether a name tries to leave views/, by its path or through a link."""
    if ".." in template or template.startswith(("/", "\\", "~")) or ":" in template:
        return True
    names = (template, templates.relative(template))
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        return any((views / name).exists() for name in names if name.strip("./"))
    return False


class _Loader(BaseLoader):
    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        if template.startswith("panel/"):
            if _panel.loader is None:
                raise TemplateNotFound(
                    template,
                    f"“{template[:120]}” is a panel template, which cannot be rendered in a"
                    " worker.",
                )
            source: tuple[str, str | None, Callable[[], bool] | None]
            source = _panel.loader.get_source(environment, template.removeprefix("panel/"))
            return source
        path = templates.inside(self.folder, template) or templates.file(self.folder, template)
        if path is None:
            raise _missing(self.folder, template)
        modified = path.stat().st_mtime_ns
        return (
            path.read_text("utf-8"),
            str(path),
            lambda: path.is_file() and path.stat().st_mtime_ns == modified,
        )


class _Environment(Environment):
    """Templates of the panel include each other by plain names, which here start with `panel/`."""

    def join_path(self, template: str, parent: str) -> str:
        if parent.startswith("panel/") and not template.startswith("panel/"):
            return f"panel/{template}"
        return template
