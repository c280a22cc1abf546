"""The password of an account, as its customer sees and resets it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from puqpanel.sdk import Service, __, db, format_date, generate_strong_password, now

from ..models.accounts import Account
from . import placement
from .explanations import explain
from .ocs_response import OcsResponse, Outcome
from .provisioning import PASSWORD_LENGTH, Provisioning

# Longer than a request of a page; an older reset was not confirmed.
RESET_SECONDS = 15


class Credentials(Provisioning):
    """Shows and resets the password that the panel set."""

    def find_created(self) -> Account | None:
        """Return the account if its creation was completed, else None."""
        created = self.service_data["created"]
        if created is None:
            created = Service.find(self._uuid).status in ("active", "suspended")
        return placement.find_sent(self._uuid) if created else None

    def password_note(self) -> str:
        """Return when the panel set the password, and what that means."""
        if self.service_data["reset_started"]:
            return __(
                "The last reset was not confirmed, so this password may not work. Reset it again."
            )
        if self.service_data["reset_at"]:
            day = format_date(datetime.fromisoformat(self.service_data["reset_at"]))
            return __(
                "This password was set by the reset on :date. If you have changed it in Nextcloud"
                " since, it no longer works.",
                {"date": day},
            )
        return __(
            "This password was set when the account was created. If you have changed it in"
            " Nextcloud since, it no longer works."
        )

    def reset_password(self, account: Account) -> tuple[bool, str]:
        """Set a new generated password on the server.

        Returns:
            Whether it was set, and a sentence for the customer.
        """
        if not self._start_reset(account):
            return False, __("Another change is in progress. Try again in a minute.")
        password = generate_strong_password(PASSWORD_LENGTH)
        response = self.client(account.server).set_password(account.username, password)
        with db.transaction():
            self._lock(account)
            if response.ok:
                self.service_data |= {"password": password, "reset_at": now().isoformat()}
            if response.outcome is not Outcome.UNKNOWN:
                self.service_data["reset_started"] = ""
                self._save()
        if response.ok:
            self.log_info("password reset by the customer")
            return True, __("The password was reset.")
        self.log_error(f"password not reset: {explain(response, account.server.name)}")
        return False, _explain_to_customer(response)

    def _start_reset(self, account: Account) -> bool:
        """Record that a password is about to be sent, unless a job or another reset runs."""
        with db.transaction():
            self._lock(account)
            processing = Service.find(self._uuid).provision_status == "processing"
            started = self.service_data["reset_started"]
            limit = now() - timedelta(seconds=RESET_SECONDS)
            if processing or (started and datetime.fromisoformat(started) > limit):
                return False
            self.service_data["reset_started"] = now().isoformat()
            self._save()
            return True

    def _lock(self, account: Account) -> None:
        """Keep other resets waiting, and read what a job or another request has saved."""
        query = sa.select(Account.id).where(Account.id == account.id)
        db.session.execute(query.with_for_update())
        self.set_service_uuid(self._uuid)


def _explain_to_customer(response: OcsResponse) -> str:
    """Return a sentence about a failed reset, without details of the server."""
    if response.outcome is Outcome.UNKNOWN:
        return __("It is unknown whether the password was reset. Reset it again in a minute.")
    if response.outcome is Outcome.NOT_FOUND:
        return __("This account no longer exists on the server. Contact support.")
    if response.retryable:
        return __("The password was not reset. Try again later.")
    return __("The password was not reset. Contact support.")
