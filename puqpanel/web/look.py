"""Names of subjects, actors, checks, units, actions and tasks as the panel shows them."""

from __future__ import annotations

from typing import Any

from flask import request

from puqpanel.domain.dunning import LABELS, StepKind
from puqpanel.domain.permissions import SERVICES_PROVISION
from puqpanel.domain.principals import PrincipalKind
from puqpanel.domain.service_states import (
    VERBS,
)
from puqpanel.domain.texts import Text, _, _c, named, verbatim
from puqpanel.host import languages, registry

THEMES = ("light", "dark", "auto")
SUBJECTS = {
    "service": _("Service"),
    "client": _("Client"),
    "user": _("User"),
    "staff": _("Staff account"),
    "role": _("Role"),
    "product": _("Product"),
    "gateway": _("Gateway"),
    "sender": _("Sender"),
    "task": _("Task"),
    "module": _("Module"),
    "currency": _("Currency"),
    "document": _("Document"),
    "payment": _("Payment"),
    "order": _("Order"),
    "company": _("Company"),
    "tax": _("Tax rate"),
    "product_group": _("Product group"),
    "option_group": _("Option group"),
    "settings": _("Settings"),
    "setup": _("Setup"),
    "automation": _("Automation"),
}
ACTORS: dict[str, Text] = {
    PrincipalKind.CLI: _c("actor", "command line"),
    PrincipalKind.AUTOMATION: _c("actor", "automation"),
    PrincipalKind.LINK: _c("actor", "public link"),
}
"""The actors that are not people, by kind."""


HEALTH = {
    "database": _("Database"),
    "migrations": _("Migrations"),
    "keys": _("Keys"),
    "queue": _("Queue"),
    "workers": _("Workers"),
    "schedule": _("Schedule"),
    "modules": _("Modules"),
    "jobs": _("Jobs of modules"),
    "products": _("Products"),
    "differences": _("Differences"),
    "templates": _("PDF templates"),
    "taxes": _("Tax rates"),
    "books": _("Books"),
    "payments": _("Payments"),
    "due_work": _("Cancellations, changes and offers"),
    "renewals": _("Renewals"),
    "approvals": _("Stopped automation"),
    "translations": _("Translations"),
    "disk": _("Disk"),
}
UNITS = {
    "": verbatim(""),
    "minutes": _c("unit of a setting", "minutes"),
    "hours": _c("unit of a setting", "hours"),
    "days": _c("unit of a setting", "days"),
}
MODULE_TYPES = {
    "Product": _c("type of a module", "Product"),
    "Plugin": _c("type of a module", "Plugin"),
    "Payment": _c("type of a module", "Payment"),
    "Notification": _c("type of a module", "Notification"),
}


def health_label(check: str) -> Text:
    """Return the name of a health check."""
    return HEALTH.get(check) or verbatim(check)


def step_label(step: str) -> Text:
    """Return the name of a kind of step about something that is not paid."""
    return LABELS[StepKind(step)]


def subject_label(kind: str) -> Text:
    """Return the name of a type of subject of audit entries and tasks."""
    return SUBJECTS.get(kind) or verbatim(kind.replace("_", " ").capitalize())


def verb_label(key: str) -> Text:
    """Return the name of a provisioning action."""
    return VERBS[key].label if key in VERBS else verbatim(key.replace("_", " ").capitalize())


def verb_permission(key: str) -> str:
    """Return the permission to request a provisioning action."""
    return VERBS[key].permission if key in VERBS else SERVICES_PROVISION


def actor_label(row: Any) -> Text | str:
    """Return who did something, with the staff member who viewed as a client, if any.

    Args:
        row: with the columns of `models.actors.ActedBy`.
    """
    if getattr(row, "impersonator_name", ""):
        return _(
            "%(impersonator_name)s as %(actor_name)s",
            impersonator_name=row.impersonator_name,
            actor_name=row.actor_name,
        )
    return actor_name(row.actor_kind, row.actor_name)


def actor_name(kind: str, name: str) -> Text | str:
    """Return the name of an actor as it is stored, or that of the actor's kind."""
    return ACTORS.get(kind) or name


def task_title(row: Any) -> Text | str:
    """Return the title of a task in the viewer's language.

    Args:
        row: with the title, the job and the module of the task.
    """
    return title_of(row.title or row.job, row.module)


def title_of(title: str, module: str) -> Text | str:
    """Return a stored title of a task; a module's translates the part after its own name."""
    loaded = registry.current().modules.get(module)
    prefix = f"{loaded.config('name') or loaded.name}: " if loaded else ""
    if loaded is None or not title.startswith(prefix):
        return named(title)
    return f"{loaded.title}: {languages.translate(loaded.folder, title.removeprefix(prefix))}"


def split_action(action: str) -> tuple[str, str]:
    """Split the action of a module log entry, `GET https://host/path`, into request and host.

    Args:
        action: as it was logged.

    Returns:
        `GET /path` and `host`; the action unchanged and no host if it contains no URL.
    """
    method, _, url = action.partition(" ")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https"):
        return action, ""
    host, slash, path = rest.partition("/")
    return f"{method} {slash + path or '/'}", host


def theme() -> str:
    """Return light, dark or auto, from the cookie."""
    theme = request.cookies.get("theme", "auto")
    return theme if theme in THEMES else "auto"


def initials(name: str) -> str:
    """Return the initials for an avatar."""
    words = name.split()
    if len(words) > 1:
        words = [words[0], words[-1]]
    return "".join(word[0] for word in words).upper() or "?"
