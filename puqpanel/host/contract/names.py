"""The one table of names: each name of the vendor's documentation beside its Python name.

It binds the methods a module defines, the methods it calls on the SDK, dictionary keys and the
method strings of tasks; the API reference and `module check` read it too. A name that is not in it
is a module's own and is used as written.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakSet

MODULE = {
    "logInfo": "log_info",
    "logError": "log_error",
    "logDebug": "log_debug",
    "adminPermissions": "admin_permissions",
    "adminSidebar": "admin_sidebar",
    "adminWebRoutes": "admin_web_routes",
    "adminApiRoutes": "admin_api_routes",
    "getCurrentVersion": "get_current_version",
    "getModuleData": "get_module_data",
    "saveModuleData": "save_module_data",
    "getSettingsPage": "get_settings_page",
    "testConnection": "test_connection",
    "apiWebhookPost": "api_webhook_post",
    "apiWebhookGet": "api_webhook_get",
}
PRODUCT = {
    "getProductData": "get_product_data",
    "saveProductData": "save_product_data",
    "getProductPage": "get_product_page",
    "getServiceData": "get_service_data",
    "saveServiceData": "save_service_data",
    "getServicePage": "get_service_page",
    "setServiceUuid": "set_service_uuid",
    "setProductUuid": "set_product_uuid",
    "createJob": "create_job",
    "suspendJob": "suspend_job",
    "unsuspendJob": "unsuspend_job",
    "terminationJob": "termination_job",
    "change_packageJob": "change_package_job",
    "idleJob": "idle_job",
    "unidleJob": "unidle_job",
    "cancellationJob": "cancellation_job",
    "getClientAreaMenuConfig": "get_client_area_menu_config",
}
PAYMENT = {
    "getClientAreaHtml": "get_client_area_html",
    "getReturnUrl": "get_return_url",
    "getCancelUrl": "get_cancel_url",
    "onPaymentSuccess": "on_payment_success",
    "onPaymentFailed": "on_payment_failed",
}
SERVICE = {
    "setProvisionStatus": "set_provision_status",
    "setProvisionData": "set_provision_data",
}
SCHEMA = {
    "hasTable": "has_table",
    "hasColumn": "has_column",
    "dropIfExists": "drop_if_exists",
    "bigInteger": "big_integer",
    "ipAddress": "ip_address",
    "dateTime": "date_time",
    "foreignId": "foreign_id",
    "dropColumn": "drop_column",
    "onDelete": "on_delete",
    "cascadeOnDelete": "cascade_on_delete",
    "nullOnDelete": "null_on_delete",
    "useCurrent": "use_current",
}
QUERY = {
    "orderBy": "order_by",
    "whereIn": "where_in",
    "whereNull": "where_null",
    "whereNotNull": "where_not_null",
    "insertGetId": "insert_get_id",
    "updateOrInsert": "update_or_insert",
    "primaryKey": "primary_key",
    "toArray": "to_dict",
}
SUPPORT = {
    "generateStrongPassword": "generate_strong_password",
    "logModule": "log_module",
    "viewAdminModule": "view_admin_module",
    "encryptString": "encrypt_string",
    "decryptString": "decrypt_string",
    "hasPermission": "has_permission",
    "stripTags": "strip_tags",
    "authId": "auth_id",
    "toISOString": "to_iso_string",
    "toIso8601String": "to_iso_string",
    "toDateTimeString": "to_date_time_string",
    "addSeconds": "add_seconds",
    "addMinutes": "add_minutes",
    "addHours": "add_hours",
    "addDays": "add_days",
    "subDays": "sub_days",
    "getStatusCode": "get_status_code",
    "getBody": "get_body",
    "getContents": "get_contents",
    "getResponse": "get_response",
    "hasResponse": "has_response",
    "getMessage": "get_message",
    "getCode": "get_code",
}
KEYS = {"maxExceptions": "max_exceptions"}
# Methods of the vendor that are properties here.
ACCESSORS = {"getDueAmountAttribute": "due_amount"}
EXCEPTIONS = {
    "ExternalServiceException": "ExternalServiceError",
    "ValidationException": "ValidationError",
    "InvalidArgumentException": "ValueError",
}

# What the vendor documentation imports, and the name to import from puqpanel.sdk.
IMPORTS: Mapping[str, str] = MappingProxyType(
    {
        "App\\Http\\Controllers\\Controller": "Controller",
        "App\\Models\\Service": "Service",
        "App\\Models\\Task": "Task",
        "App\\Modules\\Notification": "Notification",
        "App\\Modules\\Payment": "Payment",
        "App\\Modules\\Plugin": "Plugin",
        "App\\Modules\\Product": "Product",
        "GuzzleHttp\\Client": "Client",
        "GuzzleHttp\\Exception\\GuzzleException": "GuzzleException",
        "Illuminate\\Contracts\\View\\View": "View",
        "Illuminate\\Database\\Eloquent\\Model": "Model",
        "Illuminate\\Database\\Schema\\Blueprint": "Blueprint",
        "Illuminate\\Http\\JsonResponse": "JsonResponse",
        "Illuminate\\Http\\Request": "Request",
        "Illuminate\\Http\\Response": "Response",
        "Illuminate\\Support\\Facades\\Cache": "Cache",
        "Illuminate\\Support\\Facades\\Crypt": "Crypt",
        "Illuminate\\Support\\Facades\\DB": "DB",
        "Illuminate\\Support\\Facades\\Event": "Event",
        "Illuminate\\Support\\Facades\\Mail": "Mail",
        "Illuminate\\Support\\Facades\\Schema": "Schema",
        "Illuminate\\Support\\Facades\\Validator": "Validator",
        "NotificationMail": "NotificationMail",
        "ExternalServiceException": "ExternalServiceException",
        "InvalidArgumentException": "InvalidArgumentException",
        "ValidationException": "ValidationException",
    }
)

GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Every module": MODULE,
        "Product": PRODUCT,
        "Payment": PAYMENT,
        "Service": SERVICE,
        "Schema": SCHEMA,
        "DB": QUERY,
        "Helpers": SUPPORT,
        "Keys": KEYS,
        "Accessors": ACCESSORS,
        "Errors": EXCEPTIONS,
    }
)
NAMES: Mapping[str, str] = MappingProxyType(
    {v: p for group in GROUPS.values() for v, p in group.items()}
)

_VENDORS: dict[str, list[str]] = {}
for _vendor, _python in NAMES.items():
    _VENDORS.setdefault(_python, []).append(_vendor)
_bound: WeakSet[type] = WeakSet()

HTTP_VERBS = ("get", "post", "put", "delete")
_CLIENT = re.compile(r"^controllerClient_(?P<tab>.[^A-Z]*)(?P<verb>[A-Z]\w*)$")
_PREFIX = "controller_client_"
_MUTATOR = re.compile(r"^(get|set)([A-Z]\w*)Attribute$")

C = TypeVar("C", bound=type)


class BothSpellings(TypeError):
    """A class defines a name in both spellings, with different values."""


def snake(name: str) -> str:
    """`getURLList` → `get_url_list`."""
    name = re.sub(r"(?<=[A-Z])([A-Z][a-z])", r"_\1", name)
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


@lru_cache
def python_name(name: str) -> str:
    """Return the Python name of a documented one.

    A name that is not documented is returned unchanged.
    """
    found = NAMES.get(name)
    if found is not None:
        return found
    match = _CLIENT.match(name)
    if match:
        return f"{_PREFIX}{match['tab']}_{snake(match['verb'])}"
    column = _MUTATOR.match(name)
    return f"{column[1]}_{snake(column[2])}_attribute" if column else name


def vendor_name(name: str) -> str:
    """Return the documented name of a Python one; unchanged if there is none."""
    return next(iter(_VENDORS.get(name, ())), name)


def python_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with the documented keys (`maxExceptions`) in Python spelling."""
    return {KEYS.get(key, key): value for key, value in data.items()}


def bind(cls: C) -> C:
    """Give a class both spellings of every documented name that it or a base defines.

    Also usable as a decorator.

    The nearest class of the MRO that defines either spelling wins, so that an override in one
    spelling replaces an inherited method in both.

    Raises:
        BothSpellings: a class defines both, with different values.
    """
    pairs: set[tuple[str, str]] = set()
    for klass in cls.__mro__:
        # a class that is bound has both spellings; a mixin may not be bound
        if klass not in _bound:
            for name in vars(klass):
                if name in NAMES or _CLIENT.match(name):
                    pairs.add((name, python_name(name)))
                pairs.update((vendor, name) for vendor in _VENDORS.get(name, ()))
    for vendor, python in sorted(pairs):
        for klass in cls.__mro__:
            own = vars(klass)
            if vendor not in own and python not in own:
                continue
            if vendor in ACCESSORS:
                _bind_accessor(cls, vendor, python, own)
                break
            if vendor in own and python in own and own[vendor] is not own[python]:
                raise BothSpellings(
                    f"{klass.__name__} defines both {vendor} and {python}; keep one of them."
                )
            value = own[python] if python in own else own[vendor]
            for name in (vendor, python):
                if _inherited(cls, name) is not value:
                    setattr(cls, name, value)
            break
    _bound.add(cls)
    return cls


_MISSING = object()


def _inherited(cls: type, name: str) -> object:
    """Return an attribute as its class defines it, without calling descriptors."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _MISSING)


def _bind_accessor(cls: type, vendor: str, python: str, own: Mapping[str, Any]) -> None:
    if vendor not in own:
        setattr(cls, vendor, lambda self: getattr(self, python))
    elif python not in own:
        setattr(cls, python, property(own[vendor]))


def client_method(cls: type, tab: str, verb: str, tabs: Iterable[str]) -> str | None:
    """Return the name of the method that handles `/{tab}/api/{verb}`, or None.

    A method belongs to the longest tab that its name begins with, so that tab `files` does not
    handle requests of tab `files_old`.

    Args:
        cls: the module's class.
        tab: a declared tab.
        verb: in snake case.
        tabs: all declared tabs.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", verb):
        return None
    for name in (f"{_PREFIX}{tab}_{verb}", f"{_PREFIX}{snake(tab)}_{verb}"):
        if callable(getattr(cls, name, None)):
            rest = name.removeprefix(_PREFIX)
            owner = max(
                (t for t in tabs if rest.startswith((f"{t}_", f"{snake(t)}_"))),
                key=len,
                default=tab,
            )
            return name if owner == tab else None
    return None
