"""The SDK: everything a module may import from the panel, `from puqpanel.sdk import …`.

Contains the base classes of modules, handles on panel data, and tools. Use cases belong to
operations; nothing in the panel depends on this package except the entry points that document it.
The vendor's PHP spellings are in `puqpanel.sdk.compat`.
"""

from typing import TYPE_CHECKING, Any

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.host.contract.hooks import Hook
from puqpanel.host.contract.payments import (
    Checkout,
    DisputeReport,
    MethodReport,
    PaymentReport,
    PayoutReport,
    RefundReport,
    SavedMethod,
    WebhookEvent,
)
from puqpanel.host.contract.result import Result
from puqpanel.infra.crypto import EncryptedJSON, EncryptedText
from puqpanel.infra.db import UtcDateTime
from puqpanel.sdk import db, forms, http, statistics
from puqpanel.sdk.attempt import PaymentAttempt
from puqpanel.sdk.caching import cache
from puqpanel.sdk.compat.carbon import now
from puqpanel.sdk.crypt import decrypt, encrypt
from puqpanel.sdk.errors import ExternalServiceError
from puqpanel.sdk.events import event
from puqpanel.sdk.invoice import Invoice
from puqpanel.sdk.mail import Mail, MailError, NotificationMail
from puqpanel.sdk.money import major_units, minor_units
from puqpanel.sdk.notification import Notification
from puqpanel.sdk.passwords import generate_strong_password
from puqpanel.sdk.payment import Payment
from puqpanel.sdk.performance import measure
from puqpanel.sdk.plugin import Plugin
from puqpanel.sdk.product import Product
from puqpanel.sdk.service import Service
from puqpanel.sdk.task import Task
from puqpanel.sdk.texts import __, format_date, format_number, n__, noop__, strip_tags
from puqpanel.sdk.transfers import transfer_image
from puqpanel.sdk.validator import ValidationError, Validator
from puqpanel.sdk.web import (
    Controller,
    Request,
    abort,
    auth_id,
    current_admin,
    json_error,
    json_success,
    log_module,
    reading,
    refuse_impersonation,
    response,
    url_for_module,
    view_admin_module,
)

__all__ = [
    "Checkout",
    "Controller",
    "DisputeReport",
    "EncryptedJSON",
    "EncryptedText",
    "ExternalServiceError",
    "Hook",
    "Invoice",
    "Mail",
    "MailError",
    "MethodReport",
    "Notification",
    "NotificationMail",
    "Payment",
    "PaymentAttempt",
    "PaymentReport",
    "PayoutReport",
    "Plugin",
    "Product",
    "RefundReport",
    "Request",
    "Result",
    "SavedMethod",
    "Service",
    "Task",
    "UtcDateTime",
    "ValidationError",
    "Validator",
    "WebhookEvent",
    "__",
    "abort",
    "auth_id",
    "cache",
    "csv_line",
    "current_admin",
    "db",
    "decrypt",
    "encrypt",
    "event",
    "format_date",
    "format_number",
    "forms",
    "generate_strong_password",
    "http",
    "json_error",
    "json_success",
    "log_module",
    "major_units",
    "measure",
    "minor_units",
    "n__",
    "noop__",
    "now",
    "reading",
    "refuse_impersonation",
    "response",
    "statistics",
    "strip_tags",
    "transfer_image",
    "url_for_module",
    "view_admin_module",
]

# Hidden from type checkers, which would otherwise accept every name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a name of `puqpanel.sdk.compat`; kept for modules ported earlier."""
        from puqpanel.sdk import compat

        if name in compat.__all__:
            return getattr(compat, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
