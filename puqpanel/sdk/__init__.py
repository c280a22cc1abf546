"""The face of the panel towards modules: all that a module may import, `from puqpanel.sdk import
…`.

Belongs here: base classes that act, handles, and tools for modules, each callable in both spellings
of the contract. Does not belong here: use cases (operations). Called by modules only.
"""

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.host.contract.config import Config
from puqpanel.host.contract.hooks import Hook
from puqpanel.host.contract.result import Result
from puqpanel.infra.crypto import EncryptedJSON, EncryptedText
from puqpanel.infra.db import UtcDateTime
from puqpanel.sdk import db, forms, http, statistics
from puqpanel.sdk.caching import Cache
from puqpanel.sdk.compat.carbon import now
from puqpanel.sdk.compat.guzzle import Client, GuzzleException
from puqpanel.sdk.compat.model import Model
from puqpanel.sdk.compat.schema import Blueprint, Schema
from puqpanel.sdk.crypt import Crypt, decrypt, encrypt
from puqpanel.sdk.db import DB
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.events import Event
from puqpanel.sdk.invoice import Invoice
from puqpanel.sdk.mail import Mail, MailError, NotificationMail
from puqpanel.sdk.notification import Notification
from puqpanel.sdk.passwords import generate_strong_password
from puqpanel.sdk.payment import Payment
from puqpanel.sdk.performance import measure
from puqpanel.sdk.plugin import Plugin
from puqpanel.sdk.product import Product
from puqpanel.sdk.service import Service
from puqpanel.sdk.task import Task
from puqpanel.sdk.texts import __, strip_tags, version_compare
from puqpanel.sdk.validator import ValidationError, Validator
from puqpanel.sdk.web import (
    Controller,
    JsonResponse,
    Request,
    Response,
    View,
    abort,
    auth,
    auth_id,
    current_admin,
    json_error,
    json_success,
    log_module,
    response,
    url_for_module,
    view_admin_module,
)

# One thing, two names: as the contract writes it and as the vendor's facades do.
cache = Cache
event = Event

# The same in the vendor's spelling.
authId = auth_id
currentAdmin = current_admin
ExternalServiceException = ExternalServiceError
InvalidArgumentException = ValueError
generateStrongPassword = generate_strong_password
jsonError = json_error
jsonSuccess = json_success
logModule = log_module
stripTags = strip_tags
ValidationException = ValidationError

__all__ = [
    "DB",
    "Blueprint",
    "Cache",
    "Client",
    "Config",
    "Controller",
    "Crypt",
    "EncryptedJSON",
    "EncryptedText",
    "Event",
    "ExternalServiceError",
    "ExternalServiceException",
    "GuzzleException",
    "Hook",
    "InvalidArgumentException",
    "Invoice",
    "JsonResponse",
    "Mail",
    "MailError",
    "Model",
    "Notification",
    "NotificationMail",
    "Payment",
    "Plugin",
    "Product",
    "Request",
    "Response",
    "Result",
    "Schema",
    "Service",
    "Task",
    "UtcDateTime",
    "ValidationError",
    "ValidationException",
    "Validator",
    "View",
    "__",
    "abort",
    "auth",
    "authId",
    "auth_id",
    "cache",
    "csv_line",
    "currentAdmin",
    "current_admin",
    "db",
    "decrypt",
    "encrypt",
    "event",
    "forms",
    "generateStrongPassword",
    "generate_strong_password",
    "http",
    "jsonError",
    "jsonSuccess",
    "json_error",
    "json_success",
    "logModule",
    "log_module",
    "measure",
    "now",
    "response",
    "statistics",
    "stripTags",
    "strip_tags",
    "url_for_module",
    "version_compare",
    "view_admin_module",
]
