"""The form in which staff say what the columns of an account's CSV files mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from puqpanel.sdk import __, forms

from ..services.csv_files import DELIMITERS
from ..services.texts import DATE_FORMATS, ENCODINGS

V = forms.validators
SAMPLE_DAY = date(2026, 12, 31)


class ColumnsForm(forms.Form):
    """Columns by their headings. The choices of columns are those of the file."""

    day = forms.SelectField("Date", [V.InputRequired()])
    amount = forms.SelectField(
        "Amount",
        [V.InputRequired()],
        description="If incoming amounts have a column of their own, choose it.",
    )
    direction = forms.SelectField(
        "Credit or debit",
        description="Only if amounts have no sign: the column that says C, CR, H or +.",
    )
    currency = forms.SelectField("Currency")
    payer = forms.SelectField("Payer")
    payer_account = forms.SelectField("Payer's account")
    text = forms.SelectMultipleField(
        "Title of the transfer",
        description="One or more columns in which the reference may be.",
    )
    bank_id = forms.SelectField(
        "Transaction ID",
        description="Only if the bank gives each transaction an ID of its own.",
    )
    encoding = forms.SelectField(
        "Encoding", choices={"": "Detect", **{name: name for name in ENCODINGS}}
    )
    delimiter = forms.SelectField(
        "Delimiter", choices={"": "Detect", **{name: name for name in DELIMITERS}}
    )
    mark = forms.SelectField(
        "Decimals",
        choices={"": "Detect", ",": "After a comma: 1.234,50", ".": "After a point: 1,234.50"},
    )
    dates = forms.SelectField("Date format")

    def offer(self, names: Sequence[str]) -> ColumnsForm:
        """Set the choices of columns and date formats."""
        columns = {name: name for name in names if name}
        self.day.choices = self.amount.choices = {"": __("Choose a column"), **columns}
        optional = (self.direction, self.currency, self.payer, self.payer_account, self.bank_id)
        for field in optional:
            field.choices = {"": __("None"), **columns}
        self.text.choices = columns
        samples = {form: SAMPLE_DAY.strftime(form) for form in DATE_FORMATS}
        self.dates.choices = {"": __("Detect"), **samples}
        return self
