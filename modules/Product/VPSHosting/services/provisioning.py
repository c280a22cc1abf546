"""The provisioning jobs of a server.

Each job reads the server's state before it changes something, so each may be repeated.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from puqpanel.sdk import Result, Service, __, generate_strong_password, now

from ..models.servers import ACTIVE, CREATING, STOPPED, SUSPENDED, Server
from . import catalog, keys, placement, sizes, userdata
from .api import DigitalOcean, items, number, public_address
from .power import IN_PROGRESS, Current, Power
from .responses import ApiResponse, Outcome, explain

JOBS = (
    "create_job",
    "suspend_job",
    "unsuspend_job",
    "termination_job",
    "change_package_job",
    "cancellation_job",
)
# How long DigitalOcean may take to create a server before the job fails.
CREATE_LIMIT = timedelta(hours=1)
# How long a server may be missing from the list after a create request whose response was lost.
# A server that the panel does not see would be billed forever.
LIST_DELAY = timedelta(minutes=3)
PASSWORD_LENGTH = 20
# What is sent for each plan; without a policy, DigitalOcean makes daily backups.
BACKUP_POLICIES: dict[str, dict[str, Any]] = {
    "daily": {"plan": "daily", "hour": 0},
    "weekly": {"plan": "weekly", "weekday": "SUN", "hour": 0},
}


class Provisioning(Power):
    """Creates and manages servers at DigitalOcean.

    A job that has to wait returns a pending result and is run again after its backoff. One task
    covers the whole operation, so a worker that is killed while waiting leaves nothing behind.
    """

    repeatable = JOBS
    # Enough tries to outlast the rate limit; a pending result does not use one up.
    job_options: ClassVar = {"create_job": {"tries": 10, "backoff": 30}} | {
        job: {"tries": 10, "backoff": 10} for job in JOBS[1:]
    }

    def create_job(self) -> Result:
        """Request the server, then wait until it is on and has an address.

        If the response to a create request was lost, look for the server before sending another.
        """
        self._data_before = dict(self.service_data)
        try:
            server = self._reserve()
        except (sizes.SizeError, catalog.ImageError, placement.PlacementError) as error:
            return Result.error(str(error), retry=False)
        client = self.client(server.account)
        response = self._find(client, server)
        if response.ok:
            return self._check_ready(client, response.data)
        if not response.not_found:
            return self._create_failed(response, server)
        if server.server_id is not None:
            was_ready = server.status != CREATING
            forgotten = {"server_id": None, "sent_at": None, **placement.NO_ACTION}
            placement.update(self._uuid, status=CREATING, **forgotten)
            if was_ready:
                # It was deleted there. The next attempt looks for it by its tag first.
                return Result.pending(__("The server no longer exists. Creating it again."))
            return Result.error(__("DigitalOcean could not create the server."), retry=True)
        return self._send_create(server, client)

    def suspend_job(self) -> Result:
        """Power the server off; its disk remains."""
        current = self._read()
        if isinstance(current, Result):
            return current
        step = self._power_off(current)
        return self._complete(SUSPENDED) if step is None else step

    def unsuspend_job(self) -> Result:
        """Power the server on."""
        current = self._read()
        if isinstance(current, Result):
            return current
        step = self._check_archived(current.droplet)
        if step is None:
            step = self._power_on(current)
        return self._complete(ACTIVE) if step is None else step

    def change_package_job(self) -> Result:
        """Apply the size and the backups of the new product.

        The server is off meanwhile. A disk can grow but not shrink.
        """
        try:
            size = sizes.smallest(sizes.requirements_of(self.product_data))
        except sizes.SizeError as error:
            return Result.error(str(error), retry=False)
        current = self._read()
        if isinstance(current, Result):
            return current
        archived = self._check_archived(current.droplet)
        if archived is not None:
            return archived
        is_suspended = Service.find(self._uuid).status == "suspended"
        if current.droplet.get("size_slug") != size.slug:
            step = self._check_disk(current, size)
            if step is None:
                step = self._power_off(current)
            if step is None:
                step = self._resize(current, size, power_on_if_failed=not is_suspended)
            return step
        step = self._set_backups(current)
        if step is None and not is_suspended:
            step = self._power_on(current)
        if step is not None:
            return step
        placement.update(self._uuid, size=size.slug, server_specs=dict(self.product_data))
        return self._complete(SUSPENDED if is_suspended else ACTIVE)

    def termination_job(self) -> Result:
        """Delete the server with its disk and snapshots; DigitalOcean deletes its backups with it.

        Succeed if it no longer exists.
        """
        server = placement.find(self._uuid)
        if server is None:
            return Result.success()
        if server.sent_at is None and server.server_id is None:
            placement.release(self._uuid)
            return Result.success()
        client = self.client(server.account)
        response = client.tagged(self._tag)
        if not response.ok:
            return self._failed(response, server)
        server_ids = {str(droplet.get("id")) for droplet in response.data}
        if server.server_id:
            server_ids.add(server.server_id)
        if not server_ids and server.sent_at is not None and server.sent_at + LIST_DELAY > now():
            return Result.pending(
                __(
                    "The response to the create request was lost. Waiting in case the server"
                    " appears."
                )
            )
        for server_id in sorted(server_ids):
            failure = self._delete(client, server_id)
            if failure is None:
                continue
            if failure.rejected and client.is_locked(server_id):
                return Result.pending(__("Waiting for DigitalOcean to unlock the server."))
            return self._failed(failure, server)
        placement.mark_terminated(self._uuid)
        return Result.success()

    def cancellation_job(self) -> Result:
        """Delete what a failed create may have left of a service that never became active."""
        return self.termination_job()

    def observe(self) -> Result | dict[str, Any]:
        """Return the server's state at DigitalOcean.

        DigitalOcean knows no suspension: a server that is off is suspended, unless the customer
        may have shut it down.
        """
        absent = {"exists": False, "suspended": False, "data": {}}
        server = placement.find(self._uuid)
        if server is None:
            return absent
        response = self._find(self.client(server.account), server)
        if response.not_found:
            return absent
        if not response.ok:
            return Result.error(explain(response, server.account.name), retry=True)
        droplet = response.data
        if droplet.get("status") == "new":
            return Result.pending(__("DigitalOcean is creating the server."))
        data = {"server_id": str(droplet.get("id")), "ip_address": public_address(droplet)}
        suspended: bool | None = droplet.get("status") != "active"
        if droplet.get("status") == "off" and server.status == STOPPED:
            suspended = False
        elif droplet.get("status") == "off" and server.status == ACTIVE:
            suspended = None  # the customer may have shut it down from inside
        return {"exists": True, "suspended": suspended, "data": data}

    # Create

    @property
    def _tag(self) -> str:
        """Return the tag that marks a server as this service's."""
        return f"puqpanel:{self._uuid}"

    def _reserve(self) -> Server:
        size = sizes.smallest(sizes.requirements_of(self.product_data))
        server = placement.find(self._uuid)
        if server is not None and server.sent_at:
            image = server.image
        else:
            image = catalog.find_usable(self.service_data["image_id"]).slug
        password = self.service_data["root_password"]
        values = {
            "hostname": self.service_data["hostname"] or f"vps-{self._uuid[:8]}",
            "region": sizes.REGIONS[self.product_data["location"]],
            "size": size.slug,
            "image": image,
            "root_password": password or generate_strong_password(PASSWORD_LENGTH),
            "server_specs": dict(self.product_data),
        }
        return placement.reserve(self._uuid, self.product_data["account"], values)

    def _find(self, client: DigitalOcean, server: Server) -> ApiResponse:
        """Return the service's server by its id, or by its tag until the id is known."""
        if server.server_id is not None:
            return client.droplet(server.server_id)
        response = client.tagged(self._tag)
        if not response.ok:
            return response
        if not response.data:
            return ApiResponse(Outcome.NOT_FOUND, response.http)
        return ApiResponse(Outcome.OK, response.http, "", response.data[0])

    def _send_create(self, server: Server, client: DigitalOcean) -> Result:
        self._save_credentials(server)
        ssh_keys = keys.ensure(client, self.service_data["ssh_keys"], f"puqpanel {server.hostname}")
        if isinstance(ssh_keys, ApiResponse):
            return self._create_failed(ssh_keys, server)
        password_hash = userdata.hash_password(server.root_password)
        droplet = {
            "name": server.hostname,
            "region": server.region,
            "size": server.size,
            "image": server.image,
            "ssh_keys": ssh_keys,
            "backups": self.product_data["backup_enabled"],
            "monitoring": True,
            "tags": ["puqpanel", self._tag],
            "user_data": userdata.cloud_config(password_hash),
        }
        if self.product_data["backup_enabled"]:
            droplet["backup_policy"] = self._backup_policy
        sent_before = server.sent_at
        server = placement.update(self._uuid, sent_at=now())
        secrets = (password_hash, server.root_password)
        response = self.client(server.account, secrets=secrets).create(droplet)
        if response.ok and response.data.get("id"):
            return self._check_ready(client, response.data)
        if not (response.uncertain or response.ok):
            # This request created nothing, but an earlier one whose response was lost may have.
            server = placement.update(self._uuid, sent_at=sent_before)
            return self._create_failed(response, server)
        found = self._find(client, server)
        if found.ok:
            return self._check_ready(client, found.data)
        # DigitalOcean may still be working on it; the next attempt looks for the server first.
        failure = response if found.not_found else found
        return Result.error(explain(failure, server.account.name), retry=True)

    def _check_ready(self, client: DigitalOcean, droplet: dict[str, Any]) -> Result:
        """Complete the create once the server is on and has an address."""
        server = placement.update(self._uuid, server_id=str(droplet["id"]))
        self._save_credentials(server)
        address = public_address(droplet)
        archived = self._check_archived(droplet)
        if archived is not None:
            return archived
        if droplet.get("status") == "off":
            return self._act(Current(server, client, droplet), "power_on")
        if droplet.get("status") == "active" and address:
            placement.update(self._uuid, ip_address=address, status=ACTIVE, **placement.NO_ACTION)
            self.service_data |= {"ip_address": address, "server_id": str(droplet["id"])}
            return Result.success(
                __(":name is ready at :address.", {"name": server.hostname, "address": address})
            )
        if server.sent_at is not None and server.sent_at + CREATE_LIMIT < now():
            return Result.error(
                __(
                    "DigitalOcean has been creating the server for more than an hour. Check it in"
                    " DigitalOcean's control panel, then retry."
                ),
                retry=False,
            )
        return Result.pending(__("DigitalOcean is creating the server."))

    def _create_failed(self, response: ApiResponse, server: Server) -> Result:
        """Return a failed result; release the server if no create request was sent."""
        if server.sent_at is None:
            placement.release(self._uuid)
            self.service_data = self._data_before
            Service.find(self._uuid).set_provision_data({})
        return self._failed(response, server)

    def _save_credentials(self, server: Server) -> None:
        """Save name and password before they are sent, so that a crash cannot lose them."""
        data = self.service_data
        credentials = {"hostname": server.hostname, "root_password": server.root_password}
        if any(data[name] != value for name, value in credentials.items()):
            data |= credentials
            names = ("hostname", "root_password", "image_id", "ssh_keys")
            Service.find(self._uuid).set_provision_data({name: data[name] for name in names})

    # Change package and terminate

    @staticmethod
    def _check_disk(current: Current, size: sizes.Size) -> Result | None:
        disk_gb = number(current.droplet.get("disk"))
        if size.disk >= disk_gb:
            return None
        return Result.error(
            __(
                "The product's size :size has a disk of :new GB, but the server's disk has :old GB"
                " and can't shrink. Choose a product with at least :old GB of disk.",
                {"size": size.slug, "new": size.disk, "old": disk_gb},
            ),
            retry=False,
        )

    def _resize(self, current: Current, size: sizes.Size, *, power_on_if_failed: bool) -> Result:
        status = self._action_status(current)
        if isinstance(status, Result):
            return status
        if status == IN_PROGRESS:
            return self._wait(current)
        if status == "errored" and current.server.action_type == "resize":
            result = Result.error(
                __("DigitalOcean could not complete the resize. The server keeps its size."),
                retry=False,
            )
        else:
            grow_disk = size.disk > number(current.droplet.get("disk"))
            result = self._start_action(current, "resize", size=size.slug, disk=grow_disk)
        if not result.ok and result.retry is False:
            placement.update(self._uuid, **placement.NO_ACTION)
            if power_on_if_failed:
                current.client.act(current.server.server_id or "", "power_on")
        return result

    @property
    def _backup_policy(self) -> dict[str, Any]:
        return BACKUP_POLICIES[self.product_data["backup_plan"]]

    def _set_backups(self, current: Current) -> Result | None:
        """Take one step to the product's backups; None once the server has them."""
        is_enabled = "backups" in items(current.droplet.get("features"))
        if not self.product_data["backup_enabled"]:
            return self._act(current, "disable_backups") if is_enabled else None
        if not is_enabled:
            return self._act(current, "enable_backups", backup_policy=self._backup_policy)
        response = current.client.backup_policy(current.server.server_id or "")
        if not response.ok:
            return self._failed(response, current.server)
        policy = response.data.get("backup_policy")
        plan = policy.get("plan") if isinstance(policy, dict) else None
        if plan == self._backup_policy["plan"]:
            return None
        return self._act(current, "change_backup_policy", backup_policy=self._backup_policy)

    def _complete(self, status: str) -> Result:
        placement.update(self._uuid, status=status, **placement.NO_ACTION)
        return Result.success()

    @staticmethod
    def _delete(client: DigitalOcean, server_id: str) -> ApiResponse | None:
        """Delete a server and its snapshots, which would be billed otherwise.

        Returns:
            The first response that is neither ok nor "not found", or None.
        """
        snapshots = client.snapshots(server_id)
        if snapshots.not_found:
            snapshots = client.orphaned_snapshots(server_id)
        if not snapshots.ok:
            return snapshots
        for snapshot in snapshots.data:
            response = client.delete_snapshot(str(snapshot.get("id")))
            if not (response.ok or response.not_found):
                return response
        response = client.delete(server_id)
        return None if response.ok or response.not_found else response
