"""The vendor's PHP spellings, for modules ported from its documentation.

`from puqpanel.sdk.compat import DB, Schema` beside `from puqpanel.sdk import Product, Task`. Every
name that the vendor documents and `puqpanel.sdk` does not have is here, and behaves as documented
there. A new module does not need this package: each entry names what to use instead.
"""

from puqpanel.host.contract.config import Config
from puqpanel.sdk.caching import cache
from puqpanel.sdk.compat.blueprint import Blueprint
from puqpanel.sdk.compat.facades import DB, Crypt, JsonResponse, Response, View, auth
from puqpanel.sdk.compat.guzzle import Client, GuzzleException
from puqpanel.sdk.compat.model import Model
from puqpanel.sdk.compat.schema import Schema
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.events import event
from puqpanel.sdk.passwords import generate_strong_password
from puqpanel.sdk.texts import strip_tags, version_compare
from puqpanel.sdk.validator import ValidationError
from puqpanel.sdk.web import auth_id, current_admin, json_error, json_success, log_module

Cache = cache
Event = event

ExternalServiceException = ExternalServiceError
InvalidArgumentException = ValueError
ValidationException = ValidationError

authId = auth_id
currentAdmin = current_admin
generateStrongPassword = generate_strong_password
jsonError = json_error
jsonSuccess = json_success
logModule = log_module
stripTags = strip_tags

__all__ = [
    "DB",
    "Blueprint",
    "Cache",
    "Client",
    "Config",
    "Crypt",
    "Event",
    "ExternalServiceException",
    "GuzzleException",
    "InvalidArgumentException",
    "JsonResponse",
    "Model",
    "Response",
    "Schema",
    "ValidationException",
    "View",
    "auth",
    "authId",
    "currentAdmin",
    "generateStrongPassword",
    "jsonError",
    "jsonSuccess",
    "logModule",
    "stripTags",
    "version_compare",
]
