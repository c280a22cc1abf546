"""The one table of what a signature cannot say of a hook.

Who calls it, when, in which process, and what becomes of its answer.

The API reference (`puqpanel docs build`) is made of it and of the docstrings. A test says which
hook is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from puqpanel.host.contract.hook_facts import (
    ASKED,
    LOAD_ERROR,
    LOADING,
    PAGE_ERROR,
    REQUEST,
    RESULT,
    SENT,
    STORED,
    WEB,
    WORKER,
    Fact,
)
from puqpanel.host.contract.payment_hooks import CONFIGURED, PAYMENT


def _declares(what: str) -> Fact:
    return Fact(
        "the loader",
        "when the module is loaded, on an instance without data",
        LOADING,
        what,
        LOAD_ERROR,
    )


def _verb(doing: str, job: str) -> Fact:
    return Fact(
        f"the service page and bulk actions, for {doing}",
        "after the service is locked for the operation; a second click is refused before this call",
        WEB,
        f"a result; the default enqueues `{job}` and returns success",
        "an error or exception restores the service's previous state and is shown to staff",
    )


def _job(doing: str) -> Fact:
    return Fact(
        "`ModuleJob`",
        f"when a worker runs the task that {doing} enqueued",
        WORKER,
        f"{RESULT}, or `Result.pending(…)` to be called again after the backoff",
        "an error: the task is retried while `tries` remain, then fails; an exception also counts"
        " towards `max_exceptions`; a timeout ends the attempt",
    )


EVERY: Mapping[str, Fact] = MappingProxyType(
    {
        "activate": Fact(
            "staff on the Modules page, `puqpanel module activate`",
            "before the module becomes active",
            ASKED,
            '`"success"`, or a message',
            "anything else or an exception: the message is shown and the module stays inactive",
        ),
        "update": Fact(
            "staff on the Modules page, `puqpanel module update`; the default `activate()`",
            "when staff update to a newer installed version",
            ASKED,
            '`"success"`, or a message',
            "anything else or an exception: the message is shown and the update stays pending",
        ),
        "deactivate": Fact(
            "staff on the Modules page, `puqpanel module deactivate`",
            "before the module becomes inactive",
            ASKED,
            '`"success"`, or a message',
            "anything else or an exception: the message is shown and the module stays active",
        ),
        "admin_permissions": _declares("a list of `{name, key, description}`"),
        "admin_sidebar": _declares("a list of `{title, link, active_links, permission}`"),
        "admin_web_routes": _declares("a list of `{method, uri, permission, name, controller}`"),
        "admin_api_routes": _declares("a list of `{method, uri, permission, name, controller}`"),
        "{Name}Controller.{method}": Fact(
            "a request to a route of `admin_web_routes()` or `admin_api_routes()`",
            "on each request by staff with the route's permission; the CSRF token is checked",
            WEB,
            "text (rendered in the panel's layout), a dictionary (JSON), `(dictionary,"
            " status)`, a Response or a Result",
            "an exception: an error page with a reference, and one failure for the circuit"
            " breaker; `abort(404)` and `UserError` do not count as failures",
            signature="(request: Request, **parameters: str) -> Any",
            does=(
                "A page or action for staff, in `controllers/{Name}Controller.py`. `self.module`"
                " is the module; arguments are passed by name, as the signature requires."
            ),
            arguments=f"{REQUEST}; the `{{parameters}}` of the URI, by name",
        ),
        "scheduler": _declares("a list of `{name, method, every | cron, timeout}`"),
        "HOOKS": Fact(
            "`HookJob`, one task per listener",
            "after the change is committed, in order of priority",
            WORKER,
            "nothing, or a result",
            "the task fails and its page shows the reason; listeners are not retried, and other"
            " listeners are not affected",
            signature=" = [Hook(event, listener, priority=0)]",
            does=(
                "Event listeners, in `hooks.py`. A listener is a function or the name of a method."
            ),
            arguments=(
                "a listener takes `(payload)` or `(event, payload)`; the payload is a dictionary of"
                " plain values"
            ),
        ),
        "{method}_of_a_task": Fact(
            "`ModuleJob`",
            "when a worker runs a task for this method, added by `Task.add` or `scheduler()`",
            WORKER,
            f"{RESULT}, or `Result.pending(…)`",
            "as for a Product's jobs; a scheduled run is not retried",
            signature="() -> Any",
            does=(
                "Any method of the module. `self.task_data` has the other keys passed to"
                " `Task.add`."
            ),
        ),
        "get_module_data": Fact(
            "the host",
            "before every call to the module",
            "same as the call",
            "a dictionary, which becomes `self.module_data`",
            "an exception aborts the call",
            arguments=STORED,
        ),
        "api_webhook_post": Fact(
            "a POST to `/webhooks/{type}/{Name}` or, for a gateway or sender,"
            " `/webhooks/{type}/{Name}/{instance_uuid}`",
            "on each request; no session, no CSRF token, at most 1 MB",
            WEB,
            "text, a dictionary (JSON), `(dictionary, status)`, a Response or a Result",
            "an exception: 500 with a reference, so that the provider retries; it does not count"
            " towards the circuit breaker. 503 with Retry-After while the module is unavailable",
            signature="(request: Request) -> Any",
            does=("Handle a webhook. Verify its signature over `request.get_data()` first."),
            arguments=REQUEST,
        ),
        "api_webhook_get": Fact(
            "a GET request to the same URLs",
            "on each request",
            WEB,
            "as `api_webhook_post`",
            "as `api_webhook_post`",
            signature="(request: Request) -> Any",
            does=(
                "Respond to a provider that verifies the webhook URL. If a module defines only"
                " `api_webhook_post`, the panel returns 200 and `ok`."
            ),
            arguments=REQUEST,
        ),
    }
)
PRODUCT: Mapping[str, Fact] = MappingProxyType(
    {
        "get_product_data": Fact(
            "the host",
            "before every call to the module",
            "same as the call",
            "a dictionary, which becomes `self.product_data`",
            "an exception aborts the call",
            arguments=STORED,
        ),
        "save_product_data": Fact(
            "the product's page",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored",
            "an error keeps the saved data; `errors` are shown beside the fields",
            arguments=SENT,
        ),
        "get_product_page": Fact(
            "the product's page",
            "when it is rendered, and again with `self.errors` after a failed save",
            WEB,
            "HTML of the fields; the panel renders the surrounding form",
            PAGE_ERROR,
        ),
        "get_service_data": Fact(
            "the host",
            "before every call about a service",
            "same as the call",
            "a dictionary, which becomes `self.service_data`",
            "an exception aborts the call",
            arguments=STORED,
        ),
        "save_service_data": Fact(
            "the service's page, and the form of a new service",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored, encrypted",
            "an error keeps the saved data; `errors` are shown beside the fields",
            arguments=SENT,
        ),
        "get_service_page": Fact(
            "the service's page",
            "when it is rendered, and again with `self.errors` after a failed save",
            WEB,
            "HTML of the fields",
            PAGE_ERROR,
        ),
        "create": _verb("create", "create_job"),
        "suspend": _verb("suspend", "suspend_job"),
        "unsuspend": _verb("unsuspend", "unsuspend_job"),
        "change_package": _verb("a change of package", "change_package_job"),
        "termination": _verb("terminate", "termination_job"),
        "idle": _verb("idle", "idle_job"),
        "unidle": _verb("unidle", "unidle_job"),
        "cancellation": _verb("a cancellation", "cancellation_job"),
        "retry": Fact(
            "a module's own code; *Retry* in the panel retries the failed task instead",
            "when the module repeats a failed verb",
            "the caller's",
            "as the verb's own method",
            '`{status: "error", code: 409}` if nothing failed',
        ),
        "create_job": _job("`create()`"),
        "suspend_job": _job("`suspend()`"),
        "unsuspend_job": _job("`unsuspend()`"),
        "change_package_job": _job("`change_package()`"),
        "termination_job": _job("`termination()`"),
        "idle_job": _job("`idle()`"),
        "unidle_job": _job("`unidle()`"),
        "cancellation_job": _job("`cancellation()`"),
        "observe": Fact(
            "`ModuleJob`, `ObserveJob` (Refresh) and `ReconcileJob` (the daily comparison)",
            "when staff click Refresh; for every provisioned service about once a day; instead of"
            " a job whose last attempt was interrupted, unless it is in `repeatable`",
            WORKER,
            '`{"exists": bool, "suspended": bool, "data": {…}}`; `data` has the names and values'
            " of the service data, and is saved there when staff accept the provider state",
            "an error, an exception or an `exists` that is not a boolean: the state is unknown; an"
            " interrupted task is marked lost for staff to resolve",
            signature="() -> Mapping[str, Any] | Result",
            does=(
                "Return the current state at the provider, without changing anything there. Staff"
                " see what differs; a create that may have succeeded is not repeated."
            ),
        ),
        "get_client_area_menu_config": Fact(
            "the loader; the client area",
            "when the module is loaded, without a service, and when a tab is rendered",
            f"{LOADING}; {WEB}",
            '`{key: {"name", "template"}}`, in tab order; a service that is not active'
            " shows the first only",
            LOAD_ERROR,
        ),
        "variables_{tab}": Fact(
            "the client area",
            "when the tab is rendered",
            WEB,
            "a dictionary for the template",
            "an exception: the tab shows a notice with a reference",
            signature="() -> Mapping[str, Any]",
            does=(
                "Return the variables of the tab's template, in addition to `service_uuid`, `tab`"
                " and `service_data`."
            ),
        ),
        "controller_client_{tab}_{verb}": Fact(
            "a request to `/client/services/{uuid}/{tab}/api/{verb}`",
            "on each request by a user of the service's client; the CSRF token is checked",
            WEB,
            "text, a dictionary (JSON), `(dictionary, status)`, a Response or a Result",
            "an exception: 500 with a message for the customer and a reference; `abort(404)`"
            " returns 404",
            signature="(request: Request) -> Any",
            does=(
                "Handle a request from a tab's scripts. A verb that is an HTTP method accepts only"
                " that method; other verbs accept GET, POST, PUT and DELETE."
            ),
            arguments=REQUEST,
        ),
        "client_tab": Fact(
            "the client area",
            "when a tab is shown",
            WEB,
            "the HTML of the tab",
            "an exception: the tab shows a notice with a reference",
            arguments="`tab`: the key of a declared tab",
        ),
    }
)
PLUGIN: Mapping[str, Fact] = MappingProxyType({})
NOTIFICATION: Mapping[str, Fact] = MappingProxyType(
    {
        **CONFIGURED,
        "send": Fact(
            "`NotificationJob`",
            "when a message is sent, including test messages; always in a task, never in a request",
            WORKER,
            RESULT,
            "an error or exception: the task is retried while `tries` remain, unless the result"
            " has `errors`, code 422 or `retry=False`; each attempt is recorded",
        ),
    }
)
HOOKS: Mapping[str, Mapping[str, Fact]] = MappingProxyType(
    {
        "Module": EVERY,
        "Product": PRODUCT,
        "Plugin": PLUGIN,
        "Payment": PAYMENT,
        "Notification": NOTIFICATION,
    }
)
"""Base class → hook → what is so of it."""
OFFERED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Module": frozenset(
            {"view", "config", "log_info", "log_error", "log_debug", "get_current_version"}
        ),
        "Product": frozenset({"set_product_uuid", "set_service_uuid", "on_loss"}),
        "Plugin": frozenset(),
        "Payment": frozenset(
            {
                "webhook_url",
                "instances",
                "report_payments",
            }
        ),
        "Notification": frozenset({"webhook_url", "instances"}),
    }
)
"""Base class → what a module calls on itself: public, and no hook."""
