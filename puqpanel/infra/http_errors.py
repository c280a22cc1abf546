"""What the errors of requests and urllib3 mean, as sentences."""

from __future__ import annotations

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from puqpanel.infra.guarded_adapter import Refused

# Raised before anything was sent.
_NOT_SENT = (ConnectTimeoutError, NewConnectionError)
# OpenSSL's reasons if the server's first bytes are not of TLS.
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "HTTP_REQUEST",
)
_REFUSED_BEFORE_SENDING = (
    requests.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
)


def may_be_processed(error: requests.RequestException) -> bool:
    """Return whether the server may have received the request."""
    return not is_unsent(error) and not isinstance(error, _REFUSED_BEFORE_SENDING)


def is_unsent(error: requests.RequestException) -> bool:
    """Return whether no connection was made."""
    return isinstance(_cause(error), _NOT_SENT)


def _cause(error: requests.RequestException) -> object:
    """Return urllib3's error, which requests wraps in its own and urllib3 in MaxRetryError."""
    wrapped = error.args[0] if error.args else None
    return getattr(wrapped, "reason", wrapped)


def message(error: requests.RequestException) -> str:
    """Return a sentence for an error."""
    cause = _cause(error)
    if isinstance(cause, Refused):
        return cause.refusal
    if isinstance(error, requests.ConnectTimeout):
        return "Connecting to the server timed out."
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "The server did not respond in time."
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_message(str(cause))
    if isinstance(error, requests.ConnectionError):
        if is_unsent(error):
            return "Could not connect to the server."
        if "BadStatusLine('\\x15\\x03" in str(cause):  # an alert of TLS
            return "The server expects TLS (https) on this port."
        if "BadStatusLine(" in str(cause):
            return "The server does not use HTTP on this port."
        return "The server closed the connection without a response."
    return f"The request failed ({type(error).__name__})."


def _tls_message(cause: str) -> str:
    """Return a sentence that explains a TLS error to staff."""
    if any(reason in cause for reason in _NO_TLS):
        return "The server does not use TLS (https) on this port; it may expect plain HTTP."
    if "CERTIFICATE_VERIFY_FAILED" not in cause and "CertificateError" not in cause:
        return "The server ended the TLS handshake."
    if "expired" in cause:
        return "The server's certificate has expired."
    if "mismatch" in cause or "doesn't match" in cause:
        return "The server's certificate is for another host name."
    return "The server's certificate is not trusted."
