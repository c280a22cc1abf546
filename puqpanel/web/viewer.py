"""What templates may ask about the person who looks: everything is asked for by a page, nothing
is loaded for it beforehand.
"""

from __future__ import annotations

from flask import request

from puqpanel import __version__
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User
from puqpanel.web import guard, navigation

THEMES = ("light", "dark", "auto")


class Viewer:
    """The person who looks at this page, as templates see them."""

    version = __version__

    @staticmethod
    def theme() -> str:
        """light, dark or auto, from the cookie."""
        chosen = request.cookies.get("theme", "auto")
        return chosen if chosen in THEMES else "auto"

    @staticmethod
    def staff() -> Staff | None:
        """The signed-in staff member, if there is one."""
        return guard.find_staff()

    @staticmethod
    def user() -> User | None:
        """The signed-in customer, if there is one."""
        return guard.find_user()

    @staticmethod
    def groups() -> list[navigation.Group]:
        """The side bar."""
        return navigation.staff_groups()

    @staticmethod
    def links() -> tuple[navigation.Entry, ...]:
        """The customer's links."""
        return navigation.customer_links()

    @staticmethod
    def attention() -> navigation.Attention:
        """What needs a person, as far as this process knows."""
        return navigation.attention()


def initials(name: str) -> str:
    """Two letters for the round mark beside a name."""
    words = name.split()
    return (
        "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
        or "?"
    )
