"""Forms that are not saved if someone else changed the same values after they were shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

from wtforms import HiddenField

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import transaction
from puqpanel.web.forms import Form, _

CHANGED = _("Someone else changed this in the meantime. Reload the page to see it.")


class EditForm(Form):
    """A form of stored values; its template has to render the field `shown`.

    `shown` holds a digest of each value that the form was rendered with.
    """

    shown = HiddenField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.has_input:
            self.shown.data = urlencode(self.digests())

    def digests(self) -> dict[str, str]:
        """Return a digest of each stored value, whatever was submitted."""
        return {
            field.short_name: _digest(field.object_data)
            for field in self
            if field.type not in ("CSRFTokenField", "HiddenField")
        }


@contextmanager
def unchanged(form: EditForm, current: Callable[[], EditForm]) -> Iterator[None]:
    """Run in a transaction, unless the stored values differ from those that the form showed.

    For example::

        with unchanged(form, lambda: ProductForm(obj=products.lock_product(uuid))):
            products.save_product(actor=actor(), uuid=uuid, **form.values("name"))

    Args:
        form: the submitted form; one without the field `shown` is not checked.
        current: locks what is edited, and returns the form of its current values.

    Raises:
        InvalidInput: some values changed, by the names of their fields.
    """
    with transaction():
        if form.shown.data:
            shown = dict(parse_qsl(form.shown.data))
            unset = _digest(None)
            changed = [
                name
                for name, digest in current().digests().items()
                if shown.get(name, unset) != digest
            ]
            if changed:
                raise InvalidInput({name: [CHANGED] for name in changed})
        yield


def _digest(value: Any) -> str:
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")  # as browsers send the same text
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]
