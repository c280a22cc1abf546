"""The one table of what a signature cannot say of a hook.

Who calls it, when, in which process, and what becomes of its answer.

The API reference (`puqpanel docs build`) is made of it and of the docstrings. A test says which
hook is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WEB, WORKER, ASKED = "web", "worker", "web, or the shell for `puqpanel module`"
LOADING = "every process that loads the module: web, worker, shell"
NO_TRANSACTION = "none open"
RESULT = (
    'a result: `{"status": "success" | "error", "message", "errors", "data", "code"}`, `{"success":'
    " bool, …}` or `Result`"
)
_STORED = "`data`: what is stored; nothing for a module, product or service of which nothing is"
_SENT = (
    "`data`: the fields as they were sent, text by name; a box that was not ticked is not among"
    " them"
)
_REQUEST = "`request`: Flask's, with `all()`, `input()` and `has()`"
_LOAD_ERROR = (
    "an exception, another shape, or more than 10 seconds: the module is refused, with the sentence"
)
_PAGE_ERROR = (
    "an exception: a notice with a reference number stands where the fields would; the log has the"
    " traceback"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """What is so of one hook.

    Args:
        called_by: who calls it.
        when: at which moment.
        process: in which process.
        returns: what it is to answer.
        errors: what becomes of an exception, or of an answer that says error.
        transaction: the state of the database at that moment.
        signature: parameters and answer, where no base class defines the hook.
        does: a sentence, where no base class has a docstring for it.
        arguments: what is handed over, where the docstring does not say it.
    """

    called_by: str
    when: str
    process: str
    returns: str
    errors: str
    transaction: str = NO_TRANSACTION
    signature: str = ""
    does: str = ""
    arguments: str = ""


def _declares(what: str) -> Fact:
    return Fact(
        "the loader",
        "when the module is loaded, on an instance without data",
        LOADING,
        what,
        _LOAD_ERROR,
    )


def _verb(doing: str, job: str) -> Fact:
    return Fact(
        f"the service's page and the bulk actions of the list, for {doing}",
        "after the service was reserved: a second click is refused before it comes here",
        WEB,
        f"a result; the default adds `{job}` as a task and answers success",
        "an error or an exception gives the service back as it stood, with the sentence for staff",
    )


def _job(doing: str) -> Fact:
    return Fact(
        "`ModuleJob`",
        f"when a worker takes the task that {doing} added",
        WORKER,
        f"{RESULT}, or `Result.pending(…)` to be called again after the backoff",
        "an error: the task is failed, or retried while `tries` remain; an exception counts against"
        " `max_exceptions` too; a timeout ends the attempt",
    )


EVERY: Mapping[str, Fact] = MappingProxyType(
    {
        "activate": Fact(
            "staff on the Modules page, `puqpanel module activate`",
            "before the module goes live anywhere",
            ASKED,
            '`"success"`, or a message',
            "anything else, or an exception: the message is shown, and the module stays off",
        ),
        "update": Fact(
            "staff on the Modules page, `puqpanel module update`; the default `activate()`",
            "when the version on disk is newer than the recorded one",
            ASKED,
            '`"success"`, or a message',
            "anything else, or an exception: the message is shown, and the module stays restricted",
        ),
        "deactivate": Fact(
            "staff on the Modules page, `puqpanel module deactivate`",
            "before the module goes off everywhere",
            ASKED,
            '`"success"`, or a message',
            "anything else, or an exception: the message is shown, and the module stays on",
        ),
        "admin_permissions": _declares("a list of `{name, key, description}`"),
        "admin_sidebar": _declares("a list of `{title, link, active_links, permission}`"),
        "admin_web_routes": _declares("a list of `{method, uri, permission, name, controller}`"),
        "admin_api_routes": _declares("a list of `{method, uri, permission, name, controller}`"),
        "{Name}Controller.{method}": Fact(
            "a request to a route of `admin_web_routes()` or `admin_api_routes()`",
            "at each such request of staff who have the route's permission; CSRF is checked",
            WEB,
            "text (the panel puts its layout around it), a dictionary (JSON), `(dictionary,"
            " status)`, a Response or a Result",
            "an exception: the error page with a reference number, and one strike for the breaker;"
            " `abort(404)` and a UserError are answers",
            signature="(request: Request, **parameters: str) -> Any",
            does=(
                "In `controllers/{Name}Controller.py`: one page or action for staff. `self.module`"
                " is the module; what it asks for in its signature it is given."
            ),
            arguments=f"{_REQUEST}; the `{{parameters}}` of the uri, by name",
        ),
        "scheduler": _declares("a list of `{name, method, every | cron, timeout}`"),
        "HOOKS": Fact(
            "`HookJob`, each listener as a task of its own",
            "after the commit of what it is told about, those with a higher priority first",
            WORKER,
            "nothing, or a result",
            "the task is failed, and the reason is on its page; a listener is told once, and the"
            " others are told all the same",
            signature=" = [Hook(event, listener, priority=0)]",
            does=(
                "In `hooks.py`: what the module hears. A listener is a function or the name of a"
                " method."
            ),
            arguments=(
                "a listener takes `(payload)` or `(event, payload)`; the payload is a dictionary of"
                " plain values"
            ),
        ),
        "{method}_of_a_task": Fact(
            "`ModuleJob`",
            "when a worker takes a task that `Task.add` or `scheduler()` named this method for",
            WORKER,
            f"{RESULT}, or `Result.pending(…)`",
            "as for a Product's jobs; a scheduled run is not retried",
            signature="() -> Any",
            does=(
                "Any method of the module. Further keys that `Task.add` was given are in"
                " `self.task_data`."
            ),
        ),
        "get_module_data": Fact(
            "the host",
            "before every call of the module",
            "the process of that call",
            "a dictionary, which becomes `self.module_data`",
            "an exception ends the call that it stands before",
            arguments=_STORED,
        ),
        "api_webhook_post": Fact(
            "a POST to `/webhooks/{type}/{Name}` or, for a gateway or sender,"
            " `/webhooks/{type}/{Name}/{instance_uuid}`",
            "at each such request; no session and no CSRF token; 1 MB at most",
            WEB,
            "text, a dictionary (JSON), `(dictionary, status)`, a Response or a Result",
            "an exception: 500 with a reference number, so that the provider sends it again; the"
            " breaker does not count it; 503 with Retry-After while the module is held back",
            signature="(request: Request) -> Any",
            does=(
                "Takes a message of an outside service. Check its signature over"
                " `request.get_data()` first."
            ),
            arguments=_REQUEST,
        ),
        "api_webhook_get": Fact(
            "a GET to the same addresses",
            "at each such request",
            WEB,
            "as `api_webhook_post`",
            "as `api_webhook_post`",
            signature="(request: Request) -> Any",
            does=(
                "Answers a provider that looks whether the address is there. Where a module has"
                " only `api_webhook_post`, the panel answers 200 and `ok`."
            ),
            arguments=_REQUEST,
        ),
    }
)
PRODUCT: Mapping[str, Fact] = MappingProxyType(
    {
        "get_product_data": Fact(
            "the host",
            "before every call of the module",
            "the process of that call",
            "a dictionary, which becomes `self.product_data`",
            "an exception ends the call that it stands before",
            arguments=_STORED,
        ),
        "save_product_data": Fact(
            "the product's page",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored",
            "an error keeps what was stored; `errors` stand beside the fields",
            arguments=_SENT,
        ),
        "get_product_page": Fact(
            "the product's page",
            "when it is shown, and again with `self.errors` after a refused save",
            WEB,
            "HTML of the fields; the panel supplies the form around them",
            _PAGE_ERROR,
        ),
        "get_service_data": Fact(
            "the host",
            "before every call about a service",
            "the process of that call",
            "a dictionary, which becomes `self.service_data`",
            "an exception ends the call that it stands before",
            arguments=_STORED,
        ),
        "save_service_data": Fact(
            "the service's page, and the form of a new service",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored, encrypted",
            "an error keeps what was stored; `errors` stand beside the fields",
            arguments=_SENT,
        ),
        "get_service_page": Fact(
            "the service's page",
            "when it is shown, and again with `self.errors` after a refused save",
            WEB,
            "HTML of the fields",
            _PAGE_ERROR,
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
            "a module's own code; the panel's *Retry* takes the failed task up again instead",
            "when a failed verb is to be tried once more",
            "the caller's",
            "as the verb's own method",
            '`{status: "error", code: 409}` where nothing failed',
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
            "`ModuleJob`",
            "in place of a job whose last attempt was cut off, unless the job is in `repeatable`",
            WORKER,
            '`{"exists": bool, "suspended": bool, "data": {…}}`; `data` is kept as service data',
            "an error or an exception: the task is lost, and staff decide",
            signature="() -> Mapping[str, Any] | Result",
            does=(
                "What the provider says exists now. Asked instead of repeating a create that may"
                " have worked."
            ),
        ),
        "get_client_area_menu_config": Fact(
            "the loader; the client area",
            "when the module is loaded, without a service; and for each tab that is shown",
            f"{LOADING}; {WEB}",
            '`{key: {"name", "template"}}`, in the order of the tabs; a service that is not active'
            " shows the first only",
            _LOAD_ERROR,
        ),
        "variables_{tab}": Fact(
            "the client area",
            "when that tab is shown",
            WEB,
            "a dictionary for the template",
            "an exception: the tab shows a notice with a reference number",
            signature="() -> Mapping[str, Any]",
            does=(
                "What the template of one tab is given, beside `service_uuid`, `tab` and"
                " `service_data`."
            ),
        ),
        "controller_client_{tab}_{verb}": Fact(
            "a request to `/client/services/{uuid}/{tab}/api/{verb}`",
            "at each such request by a user of the service's client; CSRF is checked",
            WEB,
            "text, a dictionary (JSON), `(dictionary, status)`, a Response or a Result",
            "an exception: 500 with a sentence for the customer and a reference number;"
            " `abort(404)` is 404",
            signature="(request: Request) -> Any",
            does=(
                "What a page of the client area asks for later. A verb that is an HTTP method"
                " answers that method only; any other answers GET, POST, PUT and DELETE."
            ),
            arguments=_REQUEST,
        ),
        "client_tab": Fact(
            "the client area",
            "when a tab is shown",
            WEB,
            "the HTML of the tab",
            "an exception: the tab shows a notice with a reference number",
            arguments="`tab`: the key of a declared tab",
        ),
    }
)
PLUGIN: Mapping[str, Fact] = MappingProxyType({})
_MONEY = "an error or an exception is for the module's own code that called it"
CONFIGURED: Mapping[str, Fact] = MappingProxyType(
    {
        "get_settings_page": Fact(
            "the page of a gateway or sender",
            "when it is shown, and again with `self.errors` after a refused save",
            WEB,
            "HTML of the fields; the panel supplies the form around them",
            _PAGE_ERROR,
        ),
        "save_module_data": Fact(
            "the page of a gateway or sender",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored, encrypted",
            "an error keeps what was stored; `errors` stand beside the fields",
            arguments=_SENT,
        ),
        "test_connection": Fact(
            "the page of a gateway or sender",
            "when staff press *Test connection*; the button is there where a module has the method",
            WEB,
            RESULT,
            "the sentence is shown to staff",
            signature="() -> Any",
            does="Tries whether what is stored works.",
        ),
    }
)
PAYMENT: Mapping[str, Fact] = MappingProxyType(
    {
        **CONFIGURED,
        "get_client_area_html": Fact(
            "the gateway's page, through `preview_client_area()`, with a sample invoice; the page"
            " on which a client pays, in a later version",
            "when it is shown",
            WEB,
            "HTML",
            _PAGE_ERROR,
        ),
        "preview_client_area": Fact(
            "the gateway's page",
            "when staff look at what a client would see",
            WEB,
            "HTML",
            _PAGE_ERROR,
        ),
        "get_return_url": Fact(
            "the module itself",
            "when it tells the provider where to send a client who has paid",
            "the caller's",
            "an address",
            "none",
        ),
        "get_cancel_url": Fact(
            "the module itself",
            "when it tells the provider where to send a client who gave up",
            "the caller's",
            "an address",
            "none",
        ),
        "on_payment_success": Fact(
            "the module itself, from `api_webhook_post`",
            "when a provider's message says so",
            WEB,
            RESULT,
            _MONEY,
        ),
        "on_payment_failed": Fact(
            "the module itself, from `api_webhook_post`",
            "when a provider's message says so",
            WEB,
            RESULT,
            _MONEY,
            arguments="`payload`: what the provider said, after its signature was checked",
        ),
        "refund": Fact(
            "nothing in this version; invoices come later",
            "when money is to be given back",
            "the caller's",
            RESULT,
            _MONEY,
        ),
    }
)
NOTIFICATION: Mapping[str, Fact] = MappingProxyType(
    {
        **CONFIGURED,
        "send": Fact(
            "`NotificationJob`",
            "when a message goes out, a test send too; always as a task, never in a request",
            WORKER,
            RESULT,
            "an error or an exception: the task is retried while tries remain, unless the answer"
            " has `errors`, the code 422 or `retry=False`; each attempt is kept",
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
        "Payment": frozenset({"webhook_url"}),
        "Notification": frozenset({"webhook_url"}),
    }
)
"""Base class → what a module calls on itself: public, and no hook."""
