"""What the tables of hooks are made of, and words that several hooks share."""

from __future__ import annotations

from dataclasses import dataclass

WEB, WORKER, ASKED = "web", "worker", "web, or shell for `puqpanel module`"
LOADING = "every process that loads the module: web, worker, shell"
NO_TRANSACTION = "none open"
RESULT = (
    'a result: `{"status": "success" | "error", "message", "errors", "data", "code"}`, `{"success":'
    " bool, …}` or `Result`"
)
STORED = "`data`: the saved data; empty if none was saved"
SENT = "`data`: the submitted fields as text by name; unticked checkboxes are missing"
REQUEST = "`request`: Flask's request, with `all()`, `input()` and `has()`"
LOAD_ERROR = (
    "an exception, an invalid value or more than 10 seconds: the module is refused with a message"
)
PAGE_ERROR = "an exception: a notice with a reference replaces the fields; the traceback is logged"


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
