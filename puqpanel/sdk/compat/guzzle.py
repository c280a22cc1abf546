"""Guzzle's client on top of `http.session`, with the same timeouts and logging.

A missing response and any status of 400 or above raise GuzzleException. In new code, use
`http.session`, where a failure is a return value.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from puqpanel.domain.errors import UserError
from puqpanel.host.contract.names import bind
from puqpanel.infra.http import CONNECT_TIMEOUT, TIMEOUT
from puqpanel.sdk import http
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.http import Answer

__all__ = ["Client", "GuzzleException"]

_CLIENT_OPTIONS = frozenset(
    {
        "base_uri",
        "timeout",
        "connect_timeout",
        "headers",
        "auth",
        "verify",
        "http_errors",
        "allow_redirects",
        "policy",
    }
)
_REQUEST_OPTIONS = _CLIENT_OPTIONS - {"base_uri", "policy"} | {
    "json",
    "form_params",
    "body",
    "query",
}
_MAX_REDIRECTS = 5


@bind
class GuzzleException(ExternalServiceError):
    """No response arrived, or its status was 400 or above.

    Attributes:
        response: the response; None if none arrived.
        lost: True if no response arrived but the request may have taken effect.
    """

    def __init__(
        self, message: str = "", code: int = 0, response: Answer | None = None, lost: bool = False
    ) -> None:
        super().__init__(message, code)
        self.response = response
        self.lost = lost

    def get_response(self) -> Answer | None:
        """Return `response`."""
        return self.response

    def has_response(self) -> bool:
        """Return whether a response arrived."""
        return self.response is not None


class Client:
    """Guzzle's HTTP client. In new code, use `http.session`.

        client = Client({"base_uri": "https://cloud.example.com/api/", "timeout": 20})
        accounts = client.get("accounts", {"query": {"page": 1}}).json()

    Args:
        options: base_uri; timeout and connect_timeout in seconds; headers; auth (user name and
            password); verify; http_errors (False returns statuses of 400 and above instead of
            raising); allow_redirects (unless False, a GET follows up to five); policy (see
            `http.session`).
        more: the same options as keyword arguments.

    Raises:
        UserError: an option is unknown.
    """

    def __init__(self, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        self._options = _known({**(options or {}), **more}, _CLIENT_OPTIONS, "Client")
        self._sessions: dict[tuple[Any, ...], http.Client] = {}

    def request(
        self, method: str, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any
    ) -> Answer:
        """Send one request.

        Args:
            method: the HTTP method.
            uri: an address, resolved against base_uri.
            options: json, form_params or body; query; and the client's options except base_uri and
                policy.
            more: the same options as keyword arguments.

        Raises:
            GuzzleException: no response arrived, or its status was 400 or above.
            UserError: an option is unknown.
        """
        own = _known({**(options or {}), **more}, _REQUEST_OPTIONS, "A request")
        merged = {**self._options, **own}
        session = self._session(merged)
        answer = session.request(
            method,
            urljoin(str(self._options.get("base_uri") or ""), str(uri)),
            json=merged.get("json"),
            data=merged["body"] if merged.get("body") is not None else merged.get("form_params"),
            params=merged.get("query"),
            headers=own.get("headers"),
            follow=0 if merged.get("allow_redirects") is False else _MAX_REDIRECTS,
        )
        if not answer.http_code:
            raise GuzzleException(answer.error, 0, None, answer.lost)
        if answer.http_code >= 400 and merged.get("http_errors", True):
            raise GuzzleException(answer.error, answer.http_code, answer)
        return answer

    def get(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """Send a GET request; see `request`."""
        return self.request("GET", uri, options, **more)

    def post(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """Send a POST request; see `request`."""
        return self.request("POST", uri, options, **more)

    def put(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """Send a PUT request; see `request`."""
        return self.request("PUT", uri, options, **more)

    def patch(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """Send a PATCH request; see `request`."""
        return self.request("PATCH", uri, options, **more)

    def delete(
        self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any
    ) -> Answer:
        """Send a DELETE request; see `request`."""
        return self.request("DELETE", uri, options, **more)

    def _session(self, merged: Mapping[str, Any]) -> http.Client:
        # 0 means no timeout in Guzzle; here it means the default
        limits = (
            float(merged.get("connect_timeout") or CONNECT_TIMEOUT),
            float(merged.get("timeout") or TIMEOUT),
        )
        auth = merged.get("auth")
        user = (str(auth[0]), str(auth[1])) if auth else None
        key = (limits, user, merged.get("verify", True))
        if key not in self._sessions:
            self._sessions[key] = http.session(
                timeout=limits,
                auth=user,
                verify=merged.get("verify", True),
                headers=self._options.get("headers"),
                policy=self._options.get("policy"),
            )
        return self._sessions[key]


def _known(options: Mapping[str, Any], names: frozenset[str], owner: str) -> dict[str, Any]:
    unknown = sorted(set(options) - names)
    if unknown:
        raise UserError(
            f"{owner} has no option “{unknown[0]}”; the options are {', '.join(sorted(names))}."
        )
    return dict(options)
