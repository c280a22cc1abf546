"""Placement: choose an account for a service's server, and record what is known of the server.

Each choice is made and stored under a lock.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, now

from ..models.accounts import Account
from ..models.servers import CREATING, TERMINATED, Server

NO_ACTION = {"action_id": None, "action_type": "", "action_at": None}


class PlacementError(Exception):
    """No account has capacity; the text is a sentence for staff."""


def find(service_uuid: str) -> Server | None:
    """Return the server of a service, requested or existing; None if it was terminated."""
    query = sa.select(Server).where(
        Server.service_uuid == service_uuid, Server.status != TERMINATED
    )
    server: Server | None = db.session.scalar(query.execution_options(populate_existing=True))
    return server


def servers_per_account() -> dict[int, int]:
    """Return the number of servers by account id, including those not created yet."""
    query = (
        sa.select(Server.account_id, sa.func.count())
        .where(Server.status != TERMINATED)
        .group_by(Server.account_id)
    )
    return dict(db.session.execute(query).all())


def reserve(service_uuid: str, account_id: int, values: dict[str, Any]) -> Server:
    """Reserve a server for a service, or return the one that may exist at DigitalOcean already.

    Args:
        service_uuid: The service.
        account_id: The account of its product; 0 for the first one with capacity.
        values: Hostname, region, size, image, root_password and server_specs of the server.

    Raises:
        PlacementError: No active account has capacity.
    """
    with db.transaction() as session:
        # The lock makes concurrent reservations wait for each other.
        accounts = session.scalars(sa.select(Account).order_by(Account.id).with_for_update()).all()
        server: Server | None = session.scalar(
            sa.select(Server).where(Server.service_uuid == service_uuid)
        )
        if server is not None and server.status != TERMINATED and server.sent_at is not None:
            return server
        if server is not None:
            # Terminated or never requested, so reserve again with the present choices of staff.
            session.delete(server)
            session.flush()
        account = _choose_account(list(accounts), account_id)
        server = Server(service_uuid=service_uuid, account=account, status=CREATING, **values)
        session.add(server)
        return server


def update(service_uuid: str, **values: Any) -> Server:
    """Record facts about a server.

    Raises:
        PlacementError: The service's server was deleted meanwhile.
    """
    with db.transaction():
        server = find(service_uuid)
        if server is None:
            raise PlacementError(__("The server of this service was deleted meanwhile."))
        for name, value in values.items():
            setattr(server, name, value)
        return server


def record_action(service_uuid: str, action: str, action_id: object) -> Server:
    """Record an action that was started at DigitalOcean."""
    action_id = str(action_id or "") or None
    return update(service_uuid, action_id=action_id, action_type=action, action_at=now())


def release(service_uuid: str) -> None:
    """Delete the reservation of a server that was never requested."""
    with db.transaction() as session:
        session.execute(
            sa.delete(Server).where(Server.service_uuid == service_uuid, Server.sent_at.is_(None))
        )


def mark_terminated(service_uuid: str) -> None:
    """Record that the server no longer exists; its row remains without the password."""
    with db.transaction():
        server = find(service_uuid)
        if server is not None:
            server.status, server.root_password, server.ip_address = TERMINATED, "", None
            server.action_id, server.action_type, server.action_at = None, "", None


def _choose_account(accounts: list[Account], account_id: int) -> Account:
    counts = servers_per_account()
    candidates = [account for account in accounts if account_id in (0, account.id)]
    for account in candidates:
        if account.has_capacity(counts.get(account.id, 0)):
            return account
    if account_id and not candidates:
        raise PlacementError(
            __("The product's account was deleted. Choose another one in the product's settings.")
        )
    if account_id:
        raise PlacementError(
            __("The account :name is inactive or full.", {"name": candidates[0].name})
        )
    if accounts:
        raise PlacementError(__("No active account has capacity. Add one on the Accounts page."))
    raise PlacementError(__("No accounts yet. Add one on the Accounts page."))
