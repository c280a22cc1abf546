"""`Client({"base_uri": …})`: requests as the vendor's clients write them, over the same bounded and
logged wire as `http.session`.

Anything but a whole answer below 400 is raised, as a GuzzleException. New code reads better with
`http.session`, where a failure is an answer.
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

_CLIENT = frozenset(
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
_REQUEST = _CLIENT - {"base_uri", "policy"} | {"json", "form_params", "body", "query"}
_FOLLOWED = 5


@bind
class GuzzleException(ExternalServiceError):
    """No answer came, or one of 400 and above.

    `response` is the answer; None where none came. `lost`: the work may be done all the same.
    """

    def __init__(
        self, message: str = "", code: int = 0, response: Answer | None = None, lost: bool = False
    ) -> None:
        super().__init__(message, code)
        self.response = response
        self.lost = lost

    def get_response(self) -> Answer | None:
        """`response`, by the texts' kind of name."""
        return self.response

    def has_response(self) -> bool:
        """Whether an answer came."""
        return self.response is not None


class Client:
    """One provider, in the vendor's way of calling it.

    Args: options, as a dictionary or by name: base_uri, timeout and connect_timeout in seconds,
    headers, auth (user name, password), verify, http_errors (False answers 400 and above instead of
    raising), allow_redirects (a GET follows up to five unless False), policy (as of `http.session`:
    which addresses may be connected to).

    Raises: UserError for any other option.
    """

    def __init__(self, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        self._options = _known({**(options or {}), **more}, _CLIENT, "Client")
        self._sessions: dict[tuple[Any, ...], http.Client] = {}

    def request(
        self, method: str, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any
    ) -> Answer:
        """One request.

        Args: uri is joined to base_uri as addresses in a page are; options, as a dictionary or by
        name: json, form_params or body, query, and all that a Client takes besides base_uri and
        policy.

        Raises: GuzzleException; UserError for an option that there is not.
        """
        asked = _known({**(options or {}), **more}, _REQUEST, "A request")
        given = {**self._options, **asked}
        session = self._session(given)
        answer = session.request(
            method,
            urljoin(str(self._options.get("base_uri") or ""), str(uri)),
            json=given.get("json"),
            data=given["body"] if given.get("body") is not None else given.get("form_params"),
            params=given.get("query"),
            headers=asked.get("headers"),
            follow=0 if given.get("allow_redirects") is False else _FOLLOWED,
        )
        if not answer.http_code:
            raise GuzzleException(answer.error, 0, None, answer.lost)
        if answer.http_code >= 400 and given.get("http_errors", True):
            raise GuzzleException(answer.error, answer.http_code, answer)
        return answer

    def get(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """As `request`."""
        return self.request("GET", uri, options, **more)

    def post(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """As `request`."""
        return self.request("POST", uri, options, **more)

    def put(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """As `request`."""
        return self.request("PUT", uri, options, **more)

    def patch(self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        """As `request`."""
        return self.request("PATCH", uri, options, **more)

    def delete(
        self, uri: str = "", options: Mapping[str, Any] | None = None, **more: Any
    ) -> Answer:
        """As `request`."""
        return self.request("DELETE", uri, options, **more)

    def _session(self, given: Mapping[str, Any]) -> http.Client:
        # Guzzle's 0 waits for ever, which nothing here does
        limits = (
            float(given.get("connect_timeout") or CONNECT_TIMEOUT),
            float(given.get("timeout") or TIMEOUT),
        )
        auth = given.get("auth")
        user = (str(auth[0]), str(auth[1])) if auth else None
        key = (limits, user, given.get("verify", True))
        if key not in self._sessions:
            self._sessions[key] = http.session(
                timeout=limits,
                auth=user,
                verify=given.get("verify", True),
                headers=self._options.get("headers"),
                policy=self._options.get("policy"),
            )
        return self._sessions[key]


def _known(options: Mapping[str, Any], names: frozenset[str], what: str) -> dict[str, Any]:
    unknown = sorted(set(options) - names)
    if unknown:
        raise UserError(
            f"{what} takes no option “{unknown[0]}”; there are {', '.join(sorted(names))}."
        )
    return dict(options)
