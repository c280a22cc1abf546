"""The viewer of the current page, for templates; each value is loaded when a template uses it."""

from __future__ import annotations

from flask import request

from puqpanel import __version__
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User
from puqpanel.web import guard, navigation

THEMES = ("light", "dark", "auto")


class Viewer:
    """The viewer of the current page."""

    version = __version__

    @staticmethod
    def theme() -> str:
        """Return light, dark or auto, from the cookie."""
        theme = request.cookies.get("theme", "auto")
        return theme if theme in THEMES else "auto"

    @staticmethod
    def staff() -> Staff | None:
        """Return the signed-in staff member, or None."""
        return guard.find_staff()

    @staticmethod
    def user() -> User | None:
        """Return the signed-in user, or None."""
        return guard.find_user()

    @staticmethod
    def groups() -> list[navigation.Group]:
        """Return the sidebar."""
        return navigation.staff_groups()

    @staticmethod
    def links() -> tuple[navigation.Entry, ...]:
        """Return the links of the client area."""
        return navigation.customer_links()

    @staticmethod
    def attention() -> navigation.Attention:
        """Return the counts for the sidebar."""
        return navigation.attention()


def initials(name: str) -> str:
    """Return the initials for an avatar."""
    words = name.split()
    if len(words) > 1:
        words = [words[0], words[-1]]
    return "".join(word[0] for word in words).upper() or "?"
