"""The choice of a period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from puqpanel.sdk import __, forms, statistics

LONGEST = 5 * 366


class PeriodForm(forms.Form):
    """From a day to a day."""

    since = forms.DateField("From", [forms.validators.Optional()])
    until = forms.DateField("To", [forms.validators.Optional()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.since.label.text, self.until.label.text = __("From"), __("To")

    def validate(self, extra_validators: Any = None) -> bool:
        """Both days, in order, not too far apart and none to come."""
        if not super().validate(extra_validators):
            return False
        first, last = self.since.data, self.until.data
        if first is None or last is None:
            wrong = self.since if first is None else self.until
            wrong.errors = [*wrong.errors, __("Choose a day.")]
            return False
        if last > statistics.today():
            self.until.errors = [*self.until.errors, __("This day is still to come.")]
        elif last < first:
            self.until.errors = [*self.until.errors, __("The last day lies before the first.")]
        elif last - first > timedelta(days=LONGEST):
            self.since.errors = [*self.since.errors, __("Five years at most.")]
        return not self.errors
