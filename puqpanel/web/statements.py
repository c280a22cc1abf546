"""The page of a statement and its files, for staff and customers."""

from __future__ import annotations

from itertools import chain
from typing import Any

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import Principal
from puqpanel.domain.statements import Statement
from puqpanel.models import Client
from puqpanel.operations.billing import statements
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, choices, errors_in


class StatementForm(Form):
    """The days of a statement; they are sent in the URL."""

    start = DateField(_("From"), [InputRequired(_("Enter a valid date."))])
    end = DateField(_("To"), [InputRequired(_("Enter a valid date."))])
    currency = SelectField(_("Currency"))
    company = SelectField(_("Company"))


def statement_page(template: str, actor: Principal, client: Client) -> ResponseReturnValue:
    """Return the page of a client's statement, with the days of the URL."""
    form, written = _read(actor, client)
    page = render_template(
        template,
        form=form,
        statement=written,
        client=client,
        day=shown_day,
        query={name: request.args[name] for name in form.data if name in request.args},
    )
    return page, 422 if form.errors else 200


def statement_file(kind: str, actor: Principal, client: Client) -> ResponseReturnValue:
    """Return a client's statement as a file.

    Args:
        kind: `pdf` or `csv`.
        actor: who asks.
        client: whose.

    Raises:
        UserError: a value in the URL is invalid.
    """
    form, written = _read(actor, client)
    if written is None:
        texts = [text for texts in form.errors.values() for text in texts]
        raise UserError(_("The statement can't be made: %(reason)s", reason=" ".join(texts)))
    content: Any
    if kind == "pdf":
        content, mimetype = (
            statements.statement_pdf(client, written, form.company.data),
            "application/pdf",
        )
    else:
        content = chain(("\ufeff",), list(statements.statement_csv(written)))
        mimetype = "text/csv"
    response = Response(content, mimetype=mimetype)
    name = f"statement-{written.start}-{written.end}.{kind}"
    placement = "inline" if kind == "pdf" else "attachment"
    response.headers.set("Content-Disposition", placement, filename=name)
    return response


def _read(actor: Principal, client: Client) -> tuple[StatementForm, Statement | None]:
    """Return the form, and the statement unless a value is invalid."""
    start, end = statements.first_days(client)
    sellers = statements.companies_of(client)
    first = {"currency": client.currency, "company": sellers[0].uuid}
    values = {"start": start, "end": end, **first}
    form = StatementForm(request.args or None, data=values, meta={"csrf": False})
    codes = statements.currencies_of(client)
    form.currency.choices = choices((code, code) for code in codes)
    form.company.choices = choices((each.uuid, each.name) for each in sellers)
    for name, value in first.items():
        if request.args and name not in request.args:
            form[name].data = value
    if request.args and not form.validate():
        return form, None
    with errors_in(form):
        assert form.start.data is not None
        assert form.end.data is not None
        return form, statements.statement(
            actor=actor,
            client_uuid=client.uuid,
            start=form.start.data,
            end=form.end.data,
            currency=form.currency.data,
            company_uuid=form.company.data,
        )
    return form, None
