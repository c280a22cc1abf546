"""Sentences about responses that are not ok."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import __, format_number

from .ocs_response import CODE_UNAUTHORIZED, OcsResponse, Outcome, Problem

# Shorter requests did not fail because of their duration.
SLOW_SECONDS = 1.0


def explain(response: OcsResponse, server: str) -> str:
    """Return a sentence for staff about a response that is not ok.

    Args:
        response: The response.
        server: The server's name.
    """
    message = response.message.strip(" .:;")
    values = {
        "server": server,
        "message": message,
        # It follows a word directly: it is empty, or starts with a colon.
        "detail": f": {message}" if message else "",
        "code": response.code,
        "http": response.http,
        "seconds": format_number(round(response.seconds)),
    }
    if response.outcome is Outcome.DENIED:
        return _explain_denial(response, values)
    if response.outcome is Outcome.RATE_LIMITED:
        return __(":server received too many requests. Try again later.", values)
    if response.outcome is Outcome.MAINTENANCE:
        return __(":server is in maintenance mode.", values)
    if response.outcome is Outcome.NOT_FOUND:
        return __("The user no longer exists on :server.", values)
    if response.ok or response.outcome is Outcome.EXISTS:
        return __(":server already has another user with this name.", values)
    if response.outcome is Outcome.REJECTED:
        return _explain_rejection(response, values)
    return _explain_unknown(response, values)


def _explain_denial(response: OcsResponse, values: Mapping[str, Any]) -> str:
    if response.http == 403 and not response.code:
        return __(
            "Access to :server was refused with HTTP 403. Check whether a firewall or proxy in"
            " front of it blocks the panel.",
            values,
        )
    if response.code in (0, CODE_UNAUTHORIZED, 401):
        return __(
            ":server refused the panel's credentials. Check the user name and password of"
            " the server.",
            values,
        )
    if "password confirmation" in response.message.lower():
        return __(
            ":server requires the password of the panel's user there: an app password does not"
            " suffice. Enter the password of the user in the settings of the server.",
            values,
        )
    return __(
        "The panel's user on :server isn't allowed to manage users:detail. Add it to the"
        " group admin there.",
        values,
    )


def _explain_rejection(response: OcsResponse, values: Mapping[str, Any]) -> str:
    if response.code:
        return __(":server rejected the request:detail (code :code).", values)
    if response.problem is Problem.TLS_PORT:
        return __(
            ":server expects TLS on this port. Turn on “Use TLS (https)”, or enter the port for"
            " plain HTTP.",
            values,
        )
    if response.problem is Problem.UNTRUSTED_DOMAIN:
        return __(
            ":server does not accept this host name. Add it to trusted_domains in the"
            " configuration of Nextcloud.",
            values,
        )
    if 300 <= response.http < 400:
        if response.message:
            return __(
                ":server redirects to :message. Enter that address, with or without TLS.", values
            )
        return __(
            ":server redirects to another address. Enter that address, with or without TLS.", values
        )
    return __(
        "No Nextcloud found at the URL of :server (HTTP :http). Check its address and folder.",
        values,
    )


def _explain_unknown(response: OcsResponse, values: Mapping[str, Any]) -> str:
    if response.http >= 500 or response.code:
        return __(":server reported an internal error:detail.", values)
    if response.problem:
        return __(
            ":server sent a web page instead of a response of its API (HTTP :http). Check its"
            " address and whether a proxy is in front of it.",
            values,
        )
    if response.http:
        return __(":server sent an unreadable response:detail.", values)
    if response.seconds >= SLOW_SECONDS:
        return __("The request to :server failed after :seconds s:detail.", values)
    return __("The request to :server failed:detail.", values)
