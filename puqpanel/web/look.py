"""Tone, icon and label of every status the panel shows.

Tones: good, warn, bad, busy, odd, mute. Kinds in PLAIN (background work) are shown as text with a
coloured icon, all others (services, modules) as filled badges, to keep the two apart.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from flask import request

THEMES = ("light", "dark", "auto")
Tone = Literal["good", "warn", "bad", "busy", "odd", "mute"]


class Status(NamedTuple):
    """The appearance of a status.

    Args:
        tone: selects the colour.
        icon: a Font Awesome name, with its style if that is not solid.
        word: the label.
    """

    tone: Tone
    icon: str
    word: str

    @property
    def turns(self) -> bool:
        """Whether the icon spins because work is in progress."""
        return self.icon == "rotate"


STATUSES: dict[str, dict[str, Status]] = {
    "service": {
        "pending": Status("mute", "fa-regular fa-clock", "Pending"),
        "active": Status("good", "circle-check", "Active"),
        "suspended": Status("warn", "circle-pause", "Suspended"),
        "terminated": Status("mute", "circle-stop", "Terminated"),
        "cancelled": Status("mute", "ban", "Cancelled"),
        "fraud": Status("odd", "user-secret", "Fraud"),
    },
    "provision": {
        "pending": Status("mute", "hourglass-start", "Pending"),
        "processing": Status("busy", "rotate", "Processing"),
        "completed": Status("good", "check", "Completed"),
        "failed": Status("bad", "triangle-exclamation", "Failed"),
        "suspended": Status("warn", "pause", "Suspended"),
        "terminated": Status("mute", "stop", "Terminated"),
        "not_found": Status("bad", "circle-question", "Not found"),
    },
    "task": {
        "queued": Status("mute", "hourglass-start", "Queued"),
        "running": Status("busy", "rotate", "Running"),
        "retrying": Status("warn", "rotate-right", "Retrying"),
        "completed": Status("good", "check", "Completed"),
        "failed": Status("bad", "circle-xmark", "Failed"),
        "lost": Status("bad", "link-slash", "Lost"),
        "cancelled": Status("mute", "ban", "Cancelled"),
        "parked": Status("warn", "circle-pause", "Parked"),
    },
    "module": {
        "inactive": Status("mute", "power-off", "Inactive"),
        "active": Status("good", "circle-check", "Active"),
        "restricted": Status("warn", "lock", "Needs an update"),
        "error": Status("bad", "circle-xmark", "Error"),
        "failing": Status("bad", "triangle-exclamation", "Circuit breaker open"),
    },
    "level": {
        "debug": Status("mute", "bug", "Debug"),
        "info": Status("good", "check", "Info"),
        "error": Status("bad", "circle-xmark", "Error"),
    },
    "check": {
        "ok": Status("good", "check", "OK"),
        "warn": Status("warn", "triangle-exclamation", "Warning"),
        "fail": Status("bad", "circle-xmark", "Failed"),
    },
    "account": {
        "active": Status("good", "circle-check", "Active"),
        "inactive": Status("mute", "power-off", "Inactive"),
    },
    "instance": {
        "on": Status("good", "circle-check", "Enabled"),
        "off": Status("mute", "power-off", "Disabled"),
        "held": Status("warn", "circle-pause", "Unavailable"),
    },
    "currency": {
        "base": Status("good", "star", "Base currency"),
        "enabled": Status("good", "circle-check", "Enabled"),
        "disabled": Status("mute", "power-off", "Disabled"),
    },
    "product": {
        "active": Status("good", "circle-check", "On sale"),
        "inactive": Status("mute", "box-archive", "Not on sale"),
    },
}
PLAIN = frozenset({"provision", "task", "level", "check"})
NOTICE_ICONS = {
    "good": "circle-check",
    "warn": "triangle-exclamation",
    "bad": "circle-xmark",
    "busy": "circle-info",
}


def actor_label(row: Any) -> str:
    """Return who did something, with the staff member who viewed as a client, if any.

    Args:
        row: with the columns of `models.actors.ActedBy`.
    """
    if row.impersonator_name:
        return f"{row.impersonator_name} as {row.actor_name}"
    return str(row.actor_name)


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


def status(kind: str, key: str) -> Status:
    """Return the appearance of a status; an unknown one is shown muted under its own name.

    Args:
        kind: a key of STATUSES.
        key: the status as stored.
    """
    return STATUSES.get(kind, {}).get(key) or Status(
        "mute", "circle-question", key.replace("_", " ").capitalize()
    )


EVENT_TONES: tuple[tuple[str, Tone, str], ...] = (
    (".suspend_succeeded", "warn", "pause"),
    (".terminate_succeeded", "mute", "stop"),
    ("_failed", "bad", "triangle-exclamation"),
    ("_refused", "bad", "ban"),
    ("failed_authorization", "bad", "lock"),
    ("_requested", "busy", "rotate"),
    ("_succeeded", "good", "check"),
    (".created", "good", "plus"),
    (".switched_on", "good", "power-off"),
    (".switched_off", "mute", "power-off"),
    (".deleted", "bad", "trash-can"),
    (".activated", "good", "power-off"),
    (".deactivated", "mute", "power-off"),
    ("module.failing", "bad", "triangle-exclamation"),
    (".resumed", "good", "play"),
    (".purged", "bad", "trash-can"),
    ("password", "mute", "key"),
    ("signed_", "mute", "arrow-right-to-bracket"),
)


def event_tone(action: str) -> tuple[Tone, str]:
    """Return the tone and icon of a timeline entry, by its audit action."""
    return next(
        ((tone, icon) for part, tone, icon in EVENT_TONES if part in action), ("mute", "pen")
    )


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
