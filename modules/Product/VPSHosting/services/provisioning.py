"""The five verbs, and what is asked after a crash.

Each looks at what is there before it changes something, so each may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from puqpanel.sdk import Result, Service, generate_strong_password, now

from ..models.servers import ACTIVE, SUSPENDED, Server
from . import catalog, keys, placement, sizes, userdata
from .answers import Outcome, Told, explain
from .api import DigitalOcean, address_of
from .power import RUNNING, Power, Seen

JOBS = (
    "create_job",
    "suspend_job",
    "unsuspend_job",
    "termination_job",
    "change_package_job",
    "cancellation_job",
)
# How long DigitalOcean may take to make a server before staff are told.
PATIENCE = timedelta(hours=1)

# How long a server may stay out of the list after a request whose answer was lost: what nobody sees
# would go on costing money.
LAG = timedelta(minutes=3)


class Provisioning(Power):
    """What happens at DigitalOcean.

    A job that waits answers that it is pending and is run again after its backoff, instead of
    adding a status check of its own: one row holds the whole verb, and a worker that is killed
    between two looks leaves nothing without a task.
    """

    repeatable = JOBS
    # Tries enough to come through the limit by the minute; a look that finds the work still under
    # way uses up none.
    job_options: ClassVar = {"create_job": {"tries": 10, "backoff": 30}} | {
        job: {"tries": 10, "backoff": 10} for job in JOBS[1:]
    }

    def create_job(self) -> Result:
        """Have the server made, then wait until it is on and has an address.

        A request whose answer was lost is never sent again before a look.
        """
        self._before = dict(self.service_data)
        try:
            server = self._take()
        except (sizes.WishError, catalog.ImageError, placement.NoPlaceError) as error:
            return Result.error(str(error), retry=False)
        cloud = self.cloud(server.account)
        found = self._find(cloud, server)
        if found.ok:
            return self._made(
                Seen(placement.note(self._uuid, server_id=str(found.data["id"])), cloud, found.data)
            )
        if not found.missing:
            return self._refused(found, server)
        if server.server_id is not None:
            placement.note(self._uuid, server_id=None, sent_at=None, **placement.NO_ACTION)
            return Result.error(
                "DigitalOcean gave the server up while it was being made.", retry=True
            )
        return self._ask_for(server, cloud)

    def suspend_job(self) -> Result:
        """Switch the server off; its disk stays."""
        seen = self._look()
        if isinstance(seen, Result):
            return seen
        step = self._off(seen)
        return self._stands(SUSPENDED) if step is None else step

    def unsuspend_job(self) -> Result:
        """Switch the server on again."""
        seen = self._look()
        if isinstance(seen, Result):
            return seen
        step = self._on(seen)
        return self._stands(ACTIVE) if step is None else step

    def change_package_job(self) -> Result:
        """Give the server the size and the backups of its product.

        It is off meanwhile; a disk grows and never shrinks.
        """
        try:
            size = sizes.smallest(sizes.wish_of(self.product_data))
        except sizes.WishError as error:
            return Result.error(str(error), retry=False)
        seen = self._look()
        if isinstance(seen, Result):
            return seen
        disk = int(seen.droplet.get("disk") or 0)
        suspended = Service.find(self._uuid).status == "suspended"
        if seen.droplet.get("size_slug") != size.slug:
            if size.disk < disk:
                return Result.error(
                    f"The product's size {size.slug} has a disk of {size.disk} GB, the server has"
                    f" one of {disk} GB, and a disk cannot shrink. Choose a product with at least"
                    f" {disk} GB of disk.",
                    retry=False,
                )
            step = self._off(seen)
            return self._resize(seen, size, on_after=not suspended) if step is None else step
        step = self._backups(seen)
        if step is None and not suspended:
            step = self._on(seen)
        if step is not None:
            return step
        placement.note(self._uuid, size=size.slug, server_specs=dict(self.product_data))
        return self._stands(SUSPENDED if suspended else ACTIVE)

    def termination_job(self) -> Result:
        """Delete the snapshots of the server, and the server with its disk and backups.

        What is gone already needs no deleting.
        """
        server = placement.find(self._uuid)
        if server is None:
            return Result.success()
        if server.sent_at is None and server.server_id is None:
            placement.give_back(self._uuid)
            return Result.success()
        cloud = self.cloud(server.account)
        told = cloud.tagged(self._tag)
        if not told.ok:
            return self._no(told, server)
        ids = {str(one.get("id")) for one in told.data} | (
            {server.server_id} if server.server_id else set()
        )
        if not ids and server.sent_at is not None and server.sent_at + LAG > now():
            return Result.pending(
                "No answer came to the request for the server. It may still appear, so this looks"
                " again."
            )
        for server_id in sorted(ids):
            wrong = self._destroy(cloud, server_id)
            if wrong is not None:
                return self._no(wrong, server)
        placement.ended(self._uuid)
        return Result.success()

    def cancellation_job(self) -> Result:
        """Withdraw a service that never became active, with what a failed create may have left."""
        return self.termination_job()

    def observe(self) -> Result | dict[str, Any]:
        """What DigitalOcean says exists now."""
        server = placement.find(self._uuid)
        if server is None:
            return {"exists": False, "suspended": False, "data": {}}
        told = self._find(self.cloud(server.account), server)
        if told.missing:
            return {"exists": False, "suspended": False, "data": {}}
        if not told.ok:
            return Result.error(explain(told, server.account.name), retry=True)
        if told.data.get("status") == "new":
            return Result.pending("DigitalOcean is still making the server.")
        data = {"server_id": str(told.data["id"]), "ip_address": address_of(told.data)}
        return {"exists": True, "suspended": told.data.get("status") == "off", "data": data}

    # Making

    @property
    def _tag(self) -> str:
        """By which a server is known to be this service's."""
        return f"puqpanel:{self._uuid}"

    def _take(self) -> Server:
        size = sizes.smallest(sizes.wish_of(self.product_data))
        known = placement.find(self._uuid)
        image = (
            known.image
            if known is not None and known.sent_at
            else catalog.usable(self.service_data["image_id"]).slug
        )
        wish = {
            "hostname": self.service_data["hostname"] or f"vps-{self._uuid[:8]}",
            "region": sizes.REGIONS[self.product_data["location"]],
            "size": size.slug,
            "image": image,
            "root_password": self.service_data["root_password"] or generate_strong_password(20),
            "server_specs": dict(self.product_data),
        }
        return placement.take(self._uuid, self.product_data["account"], wish)

    def _find(self, cloud: DigitalOcean, server: Server) -> Told:
        """The service's server: by its id, or by its tag as long as no answer brought the id."""
        if server.server_id is not None:
            return cloud.droplet(server.server_id)
        told = cloud.tagged(self._tag)
        if not told.ok:
            return told
        return (
            Told(Outcome.OK, told.http, "", told.data[0])
            if told.data
            else Told(Outcome.MISSING, told.http)
        )

    def _ask_for(self, server: Server, cloud: DigitalOcean) -> Result:
        self._remember(server)
        ssh_keys = keys.known(cloud, self.service_data["ssh_keys"], f"puqpanel {server.hostname}")
        if isinstance(ssh_keys, Told):
            return self._refused(ssh_keys, server)
        password = userdata.new_hash(server.root_password)
        wish = {
            "name": server.hostname,
            "region": server.region,
            "size": server.size,
            "image": server.image,
            "ssh_keys": ssh_keys,
            "backups": self.product_data["backup_enabled"],
            "monitoring": True,
            "tags": ["puqpanel", self._tag],
            "user_data": userdata.cloud_config(password),
        }
        earlier = server.sent_at
        server = placement.note(self._uuid, sent_at=now())
        made = self.cloud(server.account, secrets=(password, server.root_password)).create(wish)
        if made.ok and made.data.get("id"):
            return self._made(
                Seen(placement.note(self._uuid, server_id=str(made.data["id"])), cloud, made.data)
            )
        if not (made.doubtful or made.ok):
            # Of this request nothing came; what came of an earlier one that was lost is still to be
            # looked for.
            return self._refused(made, placement.note(self._uuid, sent_at=earlier))
        found = self._find(cloud, server)
        if found.ok:
            return self._made(
                Seen(placement.note(self._uuid, server_id=str(found.data["id"])), cloud, found.data)
            )
        # The request may still be under way: the next attempt looks again before it asks again.
        return Result.error(
            explain(made if found.missing else found, server.account.name), retry=True
        )

    def _made(self, seen: Seen) -> Result:
        """The server is there: done once it is on and has an address."""
        self._remember(seen.server)
        address = address_of(seen.droplet)
        if seen.droplet.get("status") == "off":
            return self._reach(seen, "power_on")
        if seen.droplet.get("status") == "active" and address:
            placement.note(self._uuid, ip_address=address, status=ACTIVE, **placement.NO_ACTION)
            self.service_data |= {"ip_address": address, "server_id": str(seen.droplet["id"])}
            return Result.success(f"{seen.server.hostname} is ready at {address}.")
        if seen.server.sent_at is not None and seen.server.sent_at + PATIENCE < now():
            return Result.error(
                "DigitalOcean has been making the server for more than an hour. Look at it there; a"
                " retry looks again.",
                retry=False,
            )
        return Result.pending("DigitalOcean is making the server.")

    def _refused(self, told: Told, server: Server) -> Result:
        """An answer that was no yes; what was never asked for keeps no place."""
        if server.sent_at is None:
            placement.give_back(self._uuid)
            self.service_data = self._before
            Service.find(self._uuid).set_provision_data({})
        return self._no(told, server)

    def _remember(self, server: Server) -> None:
        """Keep the name and the password before DigitalOcean hears of them."""
        kept: Mapping[str, Any] = {
            "hostname": server.hostname,
            "root_password": server.root_password,
        }
        if any(self.service_data[name] != value for name, value in kept.items()):
            self.service_data |= kept
            Service.find(self._uuid).set_provision_data(
                {
                    **kept,
                    "image_id": self.service_data["image_id"],
                    "ssh_keys": self.service_data["ssh_keys"],
                }
            )

    # Changing and ending

    def _resize(self, seen: Seen, size: sizes.Size, *, on_after: bool) -> Result:
        state = self._state(seen)
        if isinstance(state, Result):
            return state
        if state == RUNNING:
            return self._wait(seen)
        if state == "errored" and seen.server.action_type == "resize":
            answer = Result.error(
                "DigitalOcean could not finish the resize. The server keeps its size.", retry=False
            )
        else:
            answer = self._begin_action(
                seen, "resize", size=size.slug, disk=size.disk > int(seen.droplet.get("disk") or 0)
            )
        if not answer.ok and answer.retry is False:
            placement.note(self._uuid, **placement.NO_ACTION)
            if on_after:  # it was switched off for nothing
                seen.cloud.act(seen.server.server_id or "", "power_on")
        return answer

    def _backups(self, seen: Seen) -> Result | None:
        wanted = bool(self.product_data["backup_enabled"])
        if ("backups" in (seen.droplet.get("features") or [])) == wanted:
            return None
        return self._reach(seen, "enable_backups" if wanted else "disable_backups")

    def _stands(self, status: str) -> Result:
        placement.note(self._uuid, status=status, **placement.NO_ACTION)
        return Result.success()

    @staticmethod
    def _destroy(cloud: DigitalOcean, server_id: str) -> Told | None:
        """Delete a server and its snapshots, which would go on costing money.

        The answer that was no yes, or None.
        """
        snapshots = cloud.snapshots(server_id)
        if snapshots.missing:
            snapshots = cloud.left_snapshots(server_id)
        if not snapshots.ok:
            return snapshots
        for one in snapshots.data:
            told = cloud.delete_snapshot(str(one.get("id")))
            if not (told.ok or told.missing):
                return told
        told = cloud.delete(server_id)
        return None if told.ok or told.missing else told
