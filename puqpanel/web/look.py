"""The one dictionary of statuses: tone, icon and word of every state the panel shows.

Tones: good, warn, bad, busy, odd, mute. What was bought (service, module) is drawn as a filled
badge; what a machine does (provision, task) as plain text with a coloured icon, so that the two
never blur.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Tone = Literal["good", "warn", "bad", "busy", "odd", "mute"]


class Status(NamedTuple):
    """How one state is drawn: its tone, its Font Awesome name (with the set where it is not
    solid) and its word.
    """

    tone: Tone
    icon: str
    word: str

    @property
    def turns(self) -> bool:
        """Whether the icon turns: something is under way."""
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
        "restricted": Status("warn", "lock", "Restricted"),
        "error": Status("bad", "circle-xmark", "Error"),
        "failing": Status("bad", "triangle-exclamation", "Failing"),
    },
    "level": {
        "debug": Status("mute", "bug", "Debug"),
        "info": Status("good", "check", "Info"),
        "error": Status("bad", "circle-xmark", "Error"),
    },
    "check": {
        "ok": Status("good", "check", "Well"),
        "warn": Status("warn", "triangle-exclamation", "Look at it"),
        "fail": Status("bad", "circle-xmark", "Fails"),
    },
    "account": {
        "active": Status("good", "circle-check", "Active"),
        "inactive": Status("mute", "power-off", "Inactive"),
    },
    "instance": {
        "on": Status("good", "circle-check", "On"),
        "off": Status("mute", "power-off", "Off"),
        "held": Status("warn", "circle-pause", "Not served"),
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


def told_action(action: str) -> tuple[str, str]:
    """The action of a line of the module log, `GET https://host/path`, as what was asked and the
    host it was asked of.

    Args:
        action: as it was logged; one that names no address has no host.
    """
    verb, _, address = action.partition(" ")
    scheme, found, rest = address.partition("://")
    if not found or scheme not in ("http", "https"):
        return action, ""
    host, slash, path = rest.partition("/")
    return f"{verb} {slash + path or '/'}", host


def status(kind: str, key: str) -> Status:
    """How a state is drawn; one that nobody knows is shown as itself, muted, never an error page.

    Args:
        kind: a key of STATUSES.
        key: the state as it is stored.
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
    (".let_go_on", "good", "play"),
    (".purged", "bad", "trash-can"),
    ("password", "mute", "key"),
    ("signed_", "mute", "arrow-right-to-bracket"),
)


def event_tone(action: str) -> tuple[Tone, str]:
    """The tone and icon of an entry in a timeline, by what its action is called."""
    return next(
        ((tone, icon) for part, tone, icon in EVENT_TONES if part in action), ("mute", "pen")
    )
