"""Membership of an account in the user groups of products."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from puqpanel.sdk import __

from .ocs_client import OcsClient
from .ocs_response import OcsResponse, parse_names


class Memberships:
    """The user groups of one account, as they change.

    Attributes:
        groups: The groups that the account is certainly in.
    """

    def __init__(self, client: OcsClient, name: str, user: dict[str, Any]) -> None:
        """Read the groups from a user's details."""
        self.client, self.name = client, name
        self.groups = set(parse_names(user.get("groups"), "groups"))
        self._before = set(self.groups)

    def move(self, into: str, out_of: Iterable[str]) -> OcsResponse | None:
        """Join a group, then leave others.

        Args:
            into: The group to join; empty for none.
            out_of: Groups to leave, except `into`.

        Returns:
            The first response that is not ok, or None.
        """
        if into and into not in self.groups:
            response = self.client.join(self.name, into)
            if not response.ok:
                return response
            self.groups.add(into)
        for group in sorted(set(out_of) & self.groups - {into}):
            response = self.client.leave(self.name, group)
            if not response.ok:
                return response
            self.groups.discard(group)
        return None

    def describe_changes(self) -> str:
        """Return a sentence about what changed, or an empty string."""
        joined, left = sorted(self.groups - self._before), sorted(self._before - self.groups)
        if joined and left:
            values = {"joined": ", ".join(joined), "left": ", ".join(left)}
            return __("The account was moved from the group :left to :joined.", values)
        if joined:
            return __("The account was added to the group :joined.", {"joined": ", ".join(joined)})
        if left:
            return __("The account was removed from the group :left.", {"left": ", ".join(left)})
        return ""
