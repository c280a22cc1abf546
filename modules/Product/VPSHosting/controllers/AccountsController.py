"""Accounts: the list, the form pairs, and the test of a connection."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db

from ..forms.accounts import AccountForm
from ..models.accounts import Account
from ..models.servers import TERMINATED, Server
from ..services import placement
from ..services.connection import test_connection
from .pages import link, page

CRUMBS = (("Accounts", "accounts"),)


class AccountsController(Controller):
    """`/admin/modules/Product/VPSHosting/accounts`."""

    def index(self, request: Request) -> Any:
        """All accounts, and how full they are."""
        accounts = db.session.scalars(sa.select(Account).order_by(Account.name)).all()
        return page("accounts", __("Accounts"), accounts=accounts, taken=placement.count())

    def add_form(self, request: Request) -> Any:
        """An empty form, with DigitalOcean's own address in it."""
        return self._form(AccountForm(api_url=self.module.config("api_url")), __("Add account"))

    def add_submit(self, request: Request) -> Any:
        """Keep a new account."""
        form = AccountForm()
        if not form.validate():
            return self._form(form, __("Add account")), 422
        with db.transaction() as session:
            session.add(form.fill(Account()))
        flash(
            __(
                ":name is kept. Test the connection before a customer needs it.",
                {"name": form.name.data},
            ),
            "good",
        )
        return redirect(link("accounts"))

    def edit_form(self, request: Request, id: str) -> Any:
        """An account in the form; the token is never shown."""
        account = find(id)
        return self._form(AccountForm(obj=account), account.name, account)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Change an account."""
        account = find(id)
        form = AccountForm()
        form.record = account
        if not form.validate():
            return self._form(form, account.name, account), 422
        with db.transaction():
            form.fill(find(id))
        flash(__(":name is changed.", {"name": form.name.data}), "good")
        return redirect(link("accounts"))

    def remove_form(self, request: Request, id: str) -> Any:
        """The question before an account is forgotten."""
        account = find(id)
        held = placement.count().get(account.id, 0)
        return page(
            "remove",
            __("Delete :name?", {"name": account.name}),
            thing=account.name,
            crumbs=CRUMBS,
            back=link("accounts"),
            button=__("Delete account"),
            refused=(
                __(":name holds servers of :count services.", {"name": account.name, "count": held})
                if held
                else ""
            ),
            instead=__(
                "Terminate these services first, or switch the account off for new servers."
            ),
            goes=[
                __(
                    "the panel's record of the account, with its token and the list of servers that"
                    " are gone"
                )
            ],
            stays=__("The account at DigitalOcean and all that is in it stay as they are."),
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Forget an account that holds no server."""
        with db.transaction() as session:
            account = session.scalars(
                sa.select(Account).where(Account.id == find(id).id).with_for_update()
            ).one()
            held = session.scalar(
                sa.select(Server.id)
                .where(Server.account_id == account.id, Server.status != TERMINATED)
                .limit(1)
            )
            if held is None:
                session.execute(sa.delete(Server).where(Server.account_id == account.id))
                session.delete(account)
        if held is not None:
            return self.remove_form(request, id), 409
        flash(__(":name is deleted.", {"name": account.name}), "good")
        return redirect(link("accounts"))

    def test(self, request: Request, id: str) -> Any:
        """Ask whose token it is and whether the panel may see servers."""
        ok, sentence = test_connection(find(id))
        flash(sentence, "good" if ok else "bad")
        return redirect(link("accounts"))

    def _form(self, form: AccountForm, title: str, account: Account | None = None) -> Any:
        if account:
            form.api_token.description = __("Empty keeps the one that is stored.")
        more = (
            {
                "test": link("accounts.test", id=account.id),
                "remove": link("accounts.remove", id=account.id),
            }
            if account
            else {}
        )
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save=__("Save account"),
            back=link("accounts"),
            sentence="",
            wide=("api_token",),
            **more,
        )


def find(id: str) -> Account:
    """The account of that id, or 404."""
    account: Account | None = (
        db.session.get(Account, int(id)) if id.isdecimal() and len(id) < 10 else None
    )
    if account is None:
        abort(404)
    return account
