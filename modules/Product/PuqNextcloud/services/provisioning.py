"""The five verbs, and what is asked after a crash.

Each looks at what is there before it changes something, so each may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from puqpanel.sdk import Product, Result, Service, generate_strong_password

from ..models.accounts import Account
from ..models.servers import Server
from . import placement
from .ocs_answer import OcsAnswer, Outcome, texts, truth
from .ocs_client import OcsClient, explain
from .quota import same

JOBS = (
    "create_job",
    "suspend_job",
    "unsuspend_job",
    "termination_job",
    "change_package_job",
    "cancellation_job",
)


class Provisioning(Product):
    """What happens at the provider."""

    repeatable = JOBS
    job_options: ClassVar = {job: {"tries": 3, "backoff": 30} for job in JOBS}

    @property
    def _uuid(self) -> str:
        """The service that the call is about."""
        return self.service_uuid or ""

    # What a product and a service hold

    def get_product_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Where accounts of this product are made, how they are named, and what they may hold."""
        data = data or {}
        self.product_data = {
            "server_group": (
                int(group) if (group := str(data.get("server_group") or "")).isdecimal() else 0
            ),
            "user_group": str(data.get("user_group") or ""),
            "quota": str(data.get("quota", "5 GB") or "none"),
            "username_prefix": str(data.get("username_prefix", "nc_") or ""),
            "username_suffix": str(data.get("username_suffix") or ""),
        }
        return self.product_data

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The account: what staff chose beforehand, and what came of it."""
        data = data or {}
        self.service_data = {
            "username": str(data.get("username") or ""),
            "display_name": str(data.get("display_name") or ""),
            "server": data.get("server", ""),
            "password": str(data.get("password") or ""),
            "user_group": str(data.get("user_group") or ""),
        }
        return self.service_data

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What staff entered. Once there may be an account, its name and its server stay."""
        answer = super().save_service_data(data)
        account = placement.find(self._uuid)
        if answer["status"] == "error" or account is None or account.sent_at is None:
            return answer
        wrong = {}
        if answer["data"]["username"] not in ("", account.username):
            wrong["username"] = ["An account keeps its name."]
        if answer["data"]["server"] not in (0, account.server_id):
            wrong["server"] = [f"The account is on {account.server.name} and stays there."]
        return (
            {"status": "error", "message": "This was not saved.", "errors": wrong, "code": 422}
            if wrong
            else answer
        )

    # What jobs do

    def create_job(self) -> Result:
        """Make the account.

        A request whose answer was lost is never sent again before a look at what it did.
        """
        self._before = dict(self.service_data)
        try:
            wanted = int(self.service_data["server"] or 0)
            account = placement.take(
                self._uuid, self.product_data["server_group"], self._name, server_id=wanted
            )
            cloud = self.cloud(account.server)
            seen = cloud.user(account.username)
            for _ in range(5):
                if not seen.ok or account.sent_at is not None:
                    break
                account = placement.rename(self._uuid, self._name)  # the name is somebody else's
                seen = cloud.user(account.username)
        except placement.NoPlaceError as error:
            placement.give_back(self._uuid)
            return Result.error(str(error), retry=False)
        if seen.ok and account.sent_at is not None:
            return self._finish(account, cloud, seen)
        if seen.outcome is not Outcome.MISSING:
            return self._failed(seen, account)
        self._remember(account)
        account = placement.sent(self._uuid)
        made = cloud.create(
            account.username,
            self.service_data["password"],
            groups=texts(self.product_data["user_group"]),
            quota=self.product_data["quota"],
            display=self.service_data["display_name"],
        )
        return self._made(made, account, cloud)

    def _made(self, made: OcsAnswer, account: Account, cloud: OcsClient) -> Result:
        """What came of the request: look, unless the server said clearly that nothing was made."""
        certain = not (made.ok or made.doubtful or made.outcome is Outcome.EXISTS)
        if certain:
            return self._failed(made, placement.unsent(self._uuid))
        seen = cloud.user(account.username)
        if seen.ok:
            return self._finish(account, cloud, seen)
        if seen.outcome is not Outcome.MISSING:
            return self._failed(seen, account)
        if made.outcome is Outcome.INVALID:
            return self._failed(made, placement.unsent(self._uuid))
        # The request may still be under way: the next attempt looks again before it asks again.
        return Result.error(explain(made, account.server.name), retry=True)

    def _finish(self, account: Account, cloud: OcsClient, seen: OcsAnswer) -> Result:
        """The account is there and is ours: see that it has what the product says."""
        self._remember(account)
        wrong = self._adjust(account, cloud, seen)
        if wrong is None and not truth(seen.data.get("enabled", True)):
            answer = cloud.enable(account.username)
            wrong = None if answer.ok else answer
        return (
            self._failed(wrong, account)
            if wrong
            else Result.success(f"{account.username} is ready on {account.server.name}.")
        )

    def suspend_job(self) -> Result:
        """Keep the user out; the files stay."""
        return self._switch("disable")

    def unsuspend_job(self) -> Result:
        """Let the user in again."""
        return self._switch("enable")

    def _switch(self, verb: str) -> Result:
        account = placement.find(self._uuid)
        if account is None:
            return self._nothing()
        cloud = self.cloud(account.server)
        answer = (
            cloud.disable(account.username) if verb == "disable" else cloud.enable(account.username)
        )
        return Result.success() if answer.ok else self._failed(answer, account)

    def termination_job(self) -> Result:
        """Delete the user with all files. Who is gone already needs no deleting."""
        account = placement.find(self._uuid)
        if account is not None and account.sent_at is not None:
            cloud = self.cloud(account.server)
            answer = cloud.delete(account.username)
            if not answer.ok:
                seen = cloud.user(account.username)
                if seen.outcome is not Outcome.MISSING:
                    return self._failed(answer if seen.ok else seen, account)
        placement.give_back(self._uuid)
        return Result.success()

    def cancellation_job(self) -> Result:
        """Withdraw a service that never became active, with what a failed create may have left."""
        return self.termination_job()

    def change_package_job(self) -> Result:
        """Give the account the quota and the group of the product it now has; it stays on its
        server.
        """
        account = placement.find(self._uuid)
        if account is None:
            return self._nothing()
        cloud = self.cloud(account.server)
        seen = cloud.user(account.username)
        wrong = self._adjust(account, cloud, seen) if seen.ok else seen
        return self._failed(wrong, account) if wrong else Result.success()

    def observe(self) -> Result | dict[str, Any]:
        """What the server says exists now."""
        account = placement.find(self._uuid)
        if account is None or account.sent_at is None:
            return {"exists": False, "suspended": False, "data": {}}
        seen = self.cloud(account.server).user(account.username)
        if seen.ok:
            data = {"username": account.username, "server": account.server.name}
            return {
                "exists": True,
                "suspended": not truth(seen.data.get("enabled", True)),
                "data": data,
            }
        if seen.outcome is Outcome.MISSING:
            return {"exists": False, "suspended": False, "data": {}}
        return Result.error(explain(seen, account.server.name), retry=True)

    def _adjust(self, account: Account, cloud: OcsClient, seen: OcsAnswer) -> OcsAnswer | None:
        """Change of quota and groups what is not as the product says; the answer that was no
        yes, or None.
        """
        name, had, wanted = (
            account.username,
            self.service_data["user_group"],
            self.product_data["user_group"],
        )
        told = seen.data.get("quota")
        limit = told.get("quota") if isinstance(told, dict) else told
        quota, groups = self.product_data["quota"], texts(seen.data.get("groups"), "groups")
        steps: list[Callable[[], OcsAnswer]] = []
        if not same(limit, quota):
            steps.append(lambda: cloud.set_quota(name, quota))
        if wanted and wanted not in groups:
            steps.append(lambda: cloud.join(name, wanted))
        if had and had != wanted and had in groups:
            steps.append(lambda: cloud.leave(name, had))
        for step in steps:
            if not (answer := step()).ok:
                return answer
        self.service_data["user_group"] = wanted
        return None

    def _failed(self, answer: OcsAnswer, account: Account) -> Result:
        """An answer that was no yes as the job's result; what was never sent keeps no place."""
        if account.sent_at is None:
            placement.give_back(self._uuid)
            self.service_data = self._before
            Service.find(self._uuid).set_provision_data({})
        elif answer.outcome is Outcome.MISSING:
            Service.find(self._uuid).set_provision_status("not_found")
        return Result.error(explain(answer, account.server.name), retry=answer.later)

    def _nothing(self) -> Result:
        return Result.error(
            "This service has no account on any server. Create it first.", retry=False
        )

    def _remember(self, account: Account) -> None:
        """Keep the name and the password before the server hears of them."""
        self.service_data["username"] = account.username
        self.service_data["password"] = self.service_data["password"] or generate_strong_password(
            20
        )
        kept = {key: self.service_data[key] for key in ("username", "password", "user_group")}
        Service.find(self._uuid).set_provision_data(kept)

    def _name(self) -> str:
        """The name that staff chose, else a new one each time."""
        data, middle = self.product_data, placement.number()
        generated = f"{data['username_prefix']}{middle}{data['username_suffix']}"
        return self.service_data["username"] or generated

    @staticmethod
    def cloud(server: Server) -> OcsClient:
        """A client that signs in as the server's administrator."""
        return OcsClient(server.url, server.username, server.password, verify=server.verify_tls)
