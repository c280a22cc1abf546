"""The hosts at which the panel may be opened.

Once a public address is configured, a request for any other host is refused, so that no link, cache
or session belongs to a host that a visitor invented. Hosts of this machine are always accepted:
staff can mend a wrong setting from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from flask import Flask, Response, current_app, make_response, render_template, request

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.hosts import host_of, is_loopback, is_trusted, typed_host
from puqpanel.domain.settings import SettingError
from puqpanel.domain.settings_table import find
from puqpanel.domain.texts import _
from puqpanel.infra import addresses
from puqpanel.infra.settings import Settings
from puqpanel.operations.system import settings
from puqpanel.web import refusals
from puqpanel.web.answers import wants_json
from puqpanel.web.guard import find_principal

log = structlog.get_logger(__name__)
PUBLIC_ADDRESS, OTHER_ADDRESSES = "site.base_url", "site.trusted_hosts"
ANY_HOST = frozenset({"public.health.index", "public.metrics.index"})
"""Endpoints for load balancers and monitors, which address each host by its IP address."""
ASSETS = frozenset({"static", "bootstrap.static", "assets.serve", "module_assets.serve"})
"""Endpoints of files that are the same for every host, and need no database."""
ALL_INTERFACES = frozenset({"", "0.0.0.0", "::"})  # noqa: S104
UNKNOWN = _("The panel can't be opened at this address. Check the address.")


def requested_host() -> str:
    """Return the host of this request, as `domain.hosts.host_of` returns it.

    With trusted proxies, it is that of X-Forwarded-Host.
    """
    return host_of(request.environ.get("HTTP_HOST", ""))


def is_own(host: str) -> bool:
    """Return whether a host is a loopback address or the address that the web server listens on.

    Args:
        host: as `requested_host` returns it.
    """
    listening: Settings = current_app.extensions["puqpanel-settings"]
    if is_loopback(host) or (host and host == typed_host(listening.host)):
        return True
    return listening.host in ALL_INTERFACES and addresses.is_own(host)


def check_reachable(values: Mapping[str, object]) -> None:
    """Refuse settings with which the person who saves them could not open the panel any more.

    Args:
        values: what was typed, by setting; values that are not valid are left to `settings.save`.

    Raises:
        InvalidInput: The host of this request would be refused.
    """
    names = [name for name in (OTHER_ADDRESSES, PUBLIC_ADDRESS) if name in values]
    if not names:
        return
    try:
        typed = {name: str(find(name).check(values[name])) for name in names}
    except SettingError:
        return
    base_url, others = (typed.get(n, settings.text(n)) for n in (PUBLIC_ADDRESS, OTHER_ADDRESSES))
    host = requested_host()
    if not is_own(host) and not is_trusted(host, base_url=base_url, others=others):
        message = _(
            "These settings would lock you out: you are using the panel at %(host)s. Add it to"
            " “Other addresses”.",
            host=host,
        )
        raise InvalidInput({names[0]: [message]})


def _check() -> Response | None:
    if request.endpoint in ANY_HOST:
        return None
    header, host = request.environ.get("HTTP_HOST", ""), requested_host()
    malformed = header and not host  # HTTP/1.0 requires no Host header
    if not malformed and (request.endpoint in ASSETS or is_own(host) or _is_configured(host)):
        return None
    return _refuse(header)


def _is_configured(host: str) -> bool:
    find_principal()  # its query reads the version of the settings too
    base_url, others = settings.text(PUBLIC_ADDRESS), settings.text(OTHER_ADDRESSES)
    return is_trusted(host, base_url=base_url, others=others)


def _refuse(header: str) -> Response:
    ip = request.remote_addr or ""
    repeated = refusals.count(400, "untrusted host", ip, time.monotonic())
    if repeated is not None:
        log.warning(
            "request for an unknown host refused", host=header[:200], ip=ip, repeated=repeated
        )
    if wants_json():
        response = make_response({"status": "error", "message": str(UNKNOWN), "code": 400})
    else:
        response = make_response(render_template("unknown_host.html", sentence=UNKNOWN))
    response.status_code = 400
    return response


def install(app: Flask) -> None:
    """Refuse requests for unknown hosts; before access control."""
    app.before_request(_check)
