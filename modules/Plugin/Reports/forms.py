"""The form of a custom period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from puqpanel.sdk import __, forms, statistics

MAX_PERIOD = timedelta(days=5 * 366)


class PeriodForm(forms.Form):
    """The first and the last day of a period."""

    since = forms.DateField("From", [forms.validators.Optional()])
    until = forms.DateField("To", [forms.validators.Optional()])

    def validate(self, extra_validators: Any = None) -> bool:
        """Require both days, in order, at most five years apart and not in the future."""
        if not super().validate(extra_validators):
            return False
        first, last = self.since.data, self.until.data
        if first is None or last is None:
            missing = self.since if first is None else self.until
            missing.errors = [*missing.errors, __("Choose a day.")]
            return False
        if last > statistics.today():
            self.until.errors = [*self.until.errors, __("The day must not be in the future.")]
        elif last < first:
            self.until.errors = [
                *self.until.errors,
                __("The last day must not be before the first."),
            ]
        elif last - first > MAX_PERIOD:
            self.since.errors = [*self.since.errors, __("Choose at most five years.")]
        return not self.errors
