"""The provisioning jobs of an account.

Each job reads the account's state before it changes something, so each may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from puqpanel.sdk import Product, Result, Service, Task, __, generate_strong_password

from ..models.accounts import Account
from ..models.servers import Server
from . import placement
from .explanations import explain
from .memberships import Memberships
from .ocs_client import OcsClient
from .ocs_response import OcsResponse, Outcome, parse_bool, parse_names
from .quota import is_same

JOBS = (
    "create_job",
    "suspend_job",
    "unsuspend_job",
    "termination_job",
    "change_package_job",
    "cancellation_job",
)
PASSWORD_LENGTH = 20
NAME_ATTEMPTS = 5


class Provisioning(Product):
    """Creates and manages accounts on Nextcloud servers."""

    repeatable = (*JOBS, "display_name_job")
    job_options: ClassVar = {job: {"tries": 3, "backoff": 30} for job in JOBS}

    @property
    def _uuid(self) -> str:
        return self.service_uuid or ""

    # Data of a product and of a service

    def get_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the product's server group, quota, user group and naming."""
        data = data or {}
        group = str(data.get("server_group") or "")
        self.product_data = {
            "server_group": int(group) if group.isdecimal() else 0,
            "user_group": str(data.get("user_group") or ""),
            "quota": str(data.get("quota", "5 GB") or "none"),
            "username_prefix": str(data.get("username_prefix", "nc_") or ""),
            "username_suffix": str(data.get("username_suffix") or ""),
        }
        return self.product_data

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what staff chose for the account, and its credentials once it exists."""
        data = data or {}
        self.service_data = {
            "username": str(data.get("username") or ""),
            "display_name": str(data.get("display_name") or ""),
            "server": data.get("server", ""),
            "password": str(data.get("password") or ""),
            # None for accounts from before this was recorded
            "created": data.get("created"),
            # the group of the last completed change, and those of unfinished ones
            "user_group": str(data.get("user_group") or ""),
            "tried_groups": parse_names(data.get("tried_groups")),
            "sent_display_name": str(data.get("sent_display_name") or ""),
            "reset_at": str(data.get("reset_at") or ""),
            # of a reset of the password that was not confirmed
            "reset_started": str(data.get("reset_started") or ""),
        }
        return self.service_data

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Validate what staff entered; name and server are fixed once an account may exist."""
        answer = super().save_service_data(data)
        account = placement.find_sent(self._uuid)
        if answer["status"] == "error" or account is None:
            return answer
        errors = {}
        if answer["data"]["username"] not in ("", account.username):
            errors["username"] = [__("Can't be changed after creation.")]
        if answer["data"]["server"] not in (0, account.server_id):
            errors["server"] = [
                __("The account is on :server and can't be moved.", {"server": account.server.name})
            ]
        if errors:
            return {
                "status": "error",
                "message": __("The service was not saved."),
                "errors": errors,
                "code": 422,
            }
        display = answer["data"]["display_name"]
        if display and display != self.service_data["display_name"]:
            job = {"module": self, "method": "display_name_job", "tries": 3, "backoff": 30}
            Task.add("ModuleJob", "Module", {**job, "display_name": display})
        return answer

    # Jobs

    def create_job(self) -> Result:
        """Create the account.

        If the response to an earlier request was lost, read the account before sending another.
        """
        self._data_before = dict(self.service_data)
        server = str(self.service_data["server"])
        server_id = int(server) if server.isdecimal() else 0
        group_id = self.product_data["server_group"]
        try:
            account = placement.reserve(self._uuid, group_id, self._make_name, server_id=server_id)
            client = self.client(account.server)
            user = client.user(account.username)
            for _ in range(NAME_ATTEMPTS):
                if not user.ok or account.sent_at is not None:
                    break
                # The user existed before this service asked for it, so it is somebody else's.
                account = placement.rename(self._uuid, self._make_name)
                user = client.user(account.username)
        except placement.PlacementError as error:
            placement.release(self._uuid)
            return Result.error(str(error), retry=False)
        if user.ok and account.sent_at is not None:
            return self._complete(account, client, user)
        if user.outcome is not Outcome.NOT_FOUND:
            return self._failed(user, account)
        self.service_data |= {"created": False, "reset_at": "", "reset_started": ""}
        self._save_credentials(account)
        account = placement.mark_sent(self._uuid)
        response = client.create(
            account.username,
            self.service_data["password"],
            groups=parse_names(self.product_data["user_group"]),
            quota=self.product_data["quota"],
            display=self.service_data["display_name"],
        )
        return self._settle_create(response, account, client)

    def _settle_create(self, response: OcsResponse, account: Account, client: OcsClient) -> Result:
        """Read the account back, unless the server certainly created nothing."""
        created_nothing = not (
            response.ok or response.uncertain or response.outcome is Outcome.EXISTS
        )
        if created_nothing:
            return self._failed(response, placement.clear_sent(self._uuid))
        user = client.user(account.username)
        if user.ok:
            return self._complete(account, client, user)
        if user.outcome is not Outcome.NOT_FOUND:
            return self._failed(user, account)
        if response.outcome in (Outcome.REJECTED, Outcome.DENIED):
            return self._failed(response, placement.clear_sent(self._uuid))
        # The server may still be working on it; the next attempt reads the account first.
        return Result.error(explain(response, account.server.name), retry=True)

    def _complete(self, account: Account, client: OcsClient, user: OcsResponse) -> Result:
        """Bring an existing account of this service into line with the product."""
        self._save_credentials(account)
        note, failure = self._send_display_name(account, client, user)
        failure = failure or self._adjust(account, client, user)[0]
        if failure is None and not parse_bool(user.data.get("enabled", True)):
            response = client.enable(account.username)
            failure = None if response.ok else response
        if failure:
            return self._failed(failure, account)
        self.service_data["created"] = True
        self._save()  # not left to the panel: it may have been true before this job
        values = {"name": account.username, "server": account.server.name}
        return Result.success(f"{__(':name is ready on :server.', values)} {note}".strip())

    def suspend_job(self) -> Result:
        """Disable the user; the files remain."""
        return self._set_enabled(False)

    def unsuspend_job(self) -> Result:
        """Enable the user."""
        return self._set_enabled(True)

    def _set_enabled(self, enabled: bool) -> Result:
        account = placement.find_sent(self._uuid)
        if account is None:
            return self._no_account()
        client = self.client(account.server)
        change = client.enable if enabled else client.disable
        response = change(account.username)
        return Result.success() if response.ok else self._failed(response, account)

    def termination_job(self) -> Result:
        """Delete the user with all files; succeed if the user no longer exists."""
        account = placement.find_sent(self._uuid)
        if account is not None:
            client = self.client(account.server)
            response = client.delete(account.username)
            if not response.ok:
                user = client.user(account.username)
                if response.outcome is Outcome.NOT_FOUND and user.ok:
                    response = replace(response, outcome=Outcome.REJECTED)
                if user.outcome is not Outcome.NOT_FOUND:
                    return self._failed(response if user.ok else user, account)
        placement.release(self._uuid)
        return Result.success()

    def cancellation_job(self) -> Result:
        """Delete what a failed create may have left of a service that never became active."""
        return self.termination_job()

    def change_package_job(self) -> Result:
        """Apply the new product's quota and user group; the account stays on its server.

        A refused change leaves the account as it was: the panel keeps the previous product then.
        """
        account = placement.find_sent(self._uuid)
        if account is None:
            return self._no_account()
        client = self.client(account.server)
        user = client.user(account.username)
        if not user.ok:
            return self._failed(user, account)
        note, failure = self._send_display_name(account, client, user)
        if failure:
            return self._failed(failure, account)
        failure, memberships = self._adjust(account, client, user)
        if failure is None:
            return Result.success(note)
        if failure.retryable or failure.outcome is Outcome.NOT_FOUND:
            return self._failed(failure, account, memberships.describe_changes())
        old, tried = self.service_data["user_group"], self.service_data["tried_groups"]
        if memberships.move(old, tried) is None:
            self.service_data["tried_groups"] = []
            return self._failed(failure, account, __("The account keeps its quota and user group."))
        state = memberships.describe_changes()
        return self._failed(failure, account, f"{__('The quota was not changed.')} {state}".strip())

    def display_name_job(self) -> Result:
        """Send a display name that staff changed after the creation."""
        account = placement.find_sent(self._uuid)
        if account is None:
            return self._no_account()
        client = self.client(account.server)
        display = str(self.task_data["display_name"])
        response = client.set_display_name(account.username, display)
        if not response.ok:
            return self._failed(response, account)
        self.service_data["sent_display_name"] = display
        return Result.success()

    def observe(self) -> Result | dict[str, Any]:
        """Return the account's state on its server."""
        absent = {"exists": False, "suspended": False, "data": {}}
        account = placement.find_sent(self._uuid)
        if account is None:
            return absent
        user = self.client(account.server).user(account.username)
        if user.ok:
            data: dict[str, Any] = {"username": account.username}
            if self.service_data["created"] is False:
                data["created"] = True  # an attempt whose response was lost created it
            enabled = parse_bool(user.data.get("enabled", True))
            return {"exists": True, "suspended": not enabled, "data": data}
        if user.outcome is Outcome.NOT_FOUND:
            return absent
        return Result.error(explain(user, account.server.name), retry=True)

    def _send_display_name(
        self, account: Account, client: OcsClient, user: OcsResponse
    ) -> tuple[str, OcsResponse | None]:
        """Send the display name that staff entered, unless the server has it or had it before.

        Returns:
            A sentence if the server refused the name, which does not fail the job; and the response
            of a request that did fail.
        """
        display = self.service_data["display_name"]
        reported = str(user.data.get("displayname") or user.data.get("display-name") or "")
        if not display or display == self.service_data["sent_display_name"]:
            return "", None  # the customer may have changed it since
        if display != reported:
            response = client.set_display_name(account.username, display)
            if response.outcome is Outcome.REJECTED:
                reason = explain(response, account.server.name)
                return __("The display name was not set. :reason", {"reason": reason}), None
            if not response.ok:
                return "", response
        self.service_data["sent_display_name"] = display
        return "", None

    def _adjust(
        self, account: Account, client: OcsClient, user: OcsResponse
    ) -> tuple[OcsResponse | None, Memberships]:
        """Change the groups, and then the quota, if they differ from the product.

        Returns:
            The first response that is not ok, or None, and the groups.
        """
        quota, new_group = self.product_data["quota"], self.product_data["user_group"]
        memberships = Memberships(client, account.username, user.data)
        tried = {*self.service_data["tried_groups"], new_group}
        # kept after a failure, so that a later change leaves these groups
        self.service_data["tried_groups"] = sorted(tried - {"", self.service_data["user_group"]})
        failure = memberships.move(new_group, {self.service_data["user_group"], *tried})
        if failure:
            return failure, memberships
        reported = user.data.get("quota")
        if not is_same(reported.get("quota") if isinstance(reported, dict) else reported, quota):
            response = client.set_quota(account.username, quota)
            if not response.ok:
                return response, memberships
        self.service_data["user_group"], self.service_data["tried_groups"] = new_group, []
        return None, memberships

    def _failed(self, response: OcsResponse, account: Account, state: str = "") -> Result:
        """Return a failed result; release the account if no create request was sent.

        Args:
            response: The response that is not ok.
            account: The account.
            state: Sentences about changes that were made and remain.
        """
        if account.sent_at is None:
            placement.release(self._uuid)
            self.service_data = self._data_before
            Service.find(self._uuid).set_provision_data({})
        elif response.outcome is Outcome.NOT_FOUND:
            Service.find(self._uuid).set_provision_status("not_found")
        message = f"{explain(response, account.server.name)} {state}".strip()
        if response.outcome is Outcome.MAINTENANCE:
            return Result.pending(message)  # asked again after each backoff, for up to 8 hours
        return Result.error(message, retry=response.retryable)

    def _no_account(self) -> Result:
        return Result.error(__("This service has no account yet. Create it first."), retry=False)

    def _save_credentials(self, account: Account) -> None:
        """Save name and password before they are sent, so that a crash cannot lose them."""
        data = self.service_data
        data["username"] = account.username
        data["password"] = data["password"] or generate_strong_password(PASSWORD_LENGTH)
        self._save()

    def _save(self) -> None:
        """Save the account's data besides what staff chose."""
        chosen = ("display_name", "server")
        Service.find(self._uuid).set_provision_data(
            {key: value for key, value in self.service_data.items() if key not in chosen}
        )

    def _make_name(self) -> str:
        """Return the name that staff chose, else a new random one."""
        if self.service_data["username"]:
            return str(self.service_data["username"])
        prefix, suffix = self.product_data["username_prefix"], self.product_data["username_suffix"]
        return f"{prefix}{placement.random_number()}{suffix}"

    @staticmethod
    def client(server: Server) -> OcsClient:
        """Return a client that signs in as the server's administrator."""
        return OcsClient(server.url, server.username, server.password, verify=server.verify_tls)
