"""Staff pages of accounts: list, forms, connection test."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect

from puqpanel.sdk import Controller, Request, __, abort, db, format_number, forms, n__, noop__

from ..forms.accounts import AccountForm
from ..models.accounts import Account
from ..models.servers import TERMINATED, Server
from ..services import placement
from ..services.connection import test_connection
from .pages import link, page

CRUMBS = ((noop__("Accounts"), "accounts"),)


class AccountsController(Controller):
    """`/admin/modules/Product/VPSHosting/accounts`."""

    def index(self, request: Request) -> Any:
        """List the accounts with their number of servers."""
        accounts = db.session.scalars(sa.select(Account).order_by(Account.name)).all()
        counts = placement.servers_per_account()
        rows = [_row(account, counts.get(account.id, 0)) for account in accounts]
        return page("accounts", __("Accounts"), rows=rows)

    def add_form(self, request: Request) -> Any:
        """Show an empty form with the default API URL."""
        return self._form(AccountForm(api_url=self.module.config("api_url")), __("Add account"))

    def add_submit(self, request: Request) -> Any:
        """Save a new account."""
        form = AccountForm()
        if not form.validate():
            return self._form(form, __("Add account")), 422
        with db.transaction() as session:
            session.add(form.fill(Account()))
        flash(__(":name saved. Test the connection now.", {"name": form.name.data}), "good")
        return redirect(link("accounts"))

    def edit_form(self, request: Request, id: str) -> Any:
        """Show an account in the form, without its token."""
        account = find_account(id)
        return self._form(AccountForm(obj=account), account.name, account)

    def edit_submit(self, request: Request, id: str) -> Any:
        """Save a changed account."""
        account = find_account(id)
        form = AccountForm()
        form.record = account
        forms.keep_secrets(form, account)
        if not form.validate():
            return self._form(form, account.name, account), 422
        with db.transaction():
            form.fill(find_account(id))
        flash(__(":name saved.", {"name": form.name.data}), "good")
        return redirect(link("accounts"))

    def remove_form(self, request: Request, id: str) -> Any:
        """Ask for confirmation, or explain why the account can't be deleted."""
        account = find_account(id)
        servers = placement.servers_per_account().get(account.id, 0)
        return page(
            "remove",
            __("Delete :name?", {"name": account.name}),
            name=account.name,
            crumbs=CRUMBS,
            back=link("accounts"),
            button=__("Delete account"),
            blocker=_blocker(account, servers),
            advice=__("Terminate these services first, or turn off “Accept new servers”."),
            deleted=[__("the account's API token, and its list of terminated servers")],
            retained=__("The DigitalOcean account and its resources are not affected."),
        )

    def remove_submit(self, request: Request, id: str) -> Any:
        """Delete an account that has no servers."""
        with db.transaction() as session:
            query = sa.select(Account).where(Account.id == find_account(id).id)
            account = session.scalars(query.with_for_update()).one()
            server_id = session.scalar(
                sa.select(Server.id)
                .where(Server.account_id == account.id, Server.status != TERMINATED)
                .limit(1)
            )
            if server_id is None:
                session.execute(sa.delete(Server).where(Server.account_id == account.id))
                session.delete(account)
        if server_id is not None:
            return self.remove_form(request, id), 409
        flash(__(":name deleted.", {"name": account.name}), "good")
        return redirect(link("accounts"))

    def test(self, request: Request, id: str) -> Any:
        """Test the connection and the account's token."""
        ok, message = test_connection(find_account(id))
        flash(message, "good" if ok else "bad")
        return redirect(link("accounts"))

    def _form(self, form: AccountForm, title: str, account: Account | None = None) -> Any:
        links = {}
        if account:
            form.api_token.description = __("Leave blank to keep the current value.")
            links = {
                "test": link("accounts.test", id=account.id),
                "remove": link("accounts.remove", id=account.id),
            }
        return page(
            "form",
            title,
            form=form,
            crumbs=CRUMBS,
            save=__("Save account"),
            back=link("accounts"),
            wide=("api_token",),
            **links,
        )


def _row(account: Account, servers: int) -> dict[str, Any]:
    """Return what the list shows of an account."""
    if account.has_capacity(servers):
        tone, icon, state = "good", "check", __("Accepted")
    elif account.active:
        tone, icon, state = "warn", "pause", __("Full")
    else:
        tone, icon, state = "mute", "stop", __("Not accepted")
    count = format_number(servers)
    if account.max_servers:
        limit = format_number(account.max_servers)
        count = __(":count of :limit", {"count": count, "limit": limit})
    return {
        "id": account.id,
        "name": account.name,
        "api_url": account.api_url,
        "servers": count,
        "tone": tone,
        "icon": icon,
        "state": state,
    }


def _blocker(account: Account, servers: int) -> str:
    """Return why the account can't be deleted, or an empty string."""
    if not servers:
        return ""
    return n__(
        ":name has the server of a service.",
        ":name has the servers of :count services.",
        servers,
        {"name": account.name},
    )


def find_account(id: str) -> Account:
    """Return the account with this id, or abort with 404."""
    account: Account | None = None
    if id.isdecimal() and len(id) < 10:
        account = db.session.get(Account, int(id))
    if account is None:
        abort(404)
    return account
