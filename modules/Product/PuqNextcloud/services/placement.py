"""Placement: choose a server and a user name for a service.

Each choice is made and stored while the server group is locked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from puqpanel.sdk import __, db, now

from ..models.accounts import Account
from ..models.servers import LEAST_LOADED, Server, ServerGroup

NAME_ATTEMPTS = 20


class PlacementError(Exception):
    """No account can be reserved; the text is a sentence for staff."""


def find(service_uuid: str) -> Account | None:
    """Return the account of a service, or None."""
    account: Account | None = db.session.scalar(
        sa.select(Account).where(Account.service_uuid == service_uuid)
    )
    return account


def find_sent(service_uuid: str) -> Account | None:
    """Return the account of a service if a request to create it was sent, or None."""
    account = find(service_uuid)
    return account if account is not None and account.sent_at is not None else None


def accounts_per_server() -> dict[int, int]:
    """Return the number of accounts by server id."""
    query = sa.select(Account.server_id, sa.func.count()).group_by(Account.server_id)
    return dict(db.session.execute(query).all())


def reserve(
    service_uuid: str,
    group_id: int,
    make_name: Callable[[], str],
    *,
    server_id: int | None = None,
) -> Account:
    """Reserve an account for a service, or return the one that may exist on a server already.

    Args:
        service_uuid: The service.
        group_id: The server group of its product.
        make_name: Returns a user name; called again while the server has one with that name.
        server_id: The server that staff chose, which may belong to another group.

    Raises:
        PlacementError: No active server has capacity, or the name is taken.
    """
    with db.transaction() as session:
        account = find(service_uuid)
        if account is not None:
            if account.sent_at is not None:
                return account
            # Nothing was created there, so reserve again with the present choices of staff.
            session.delete(account)
            session.flush()
        if server_id:
            group_id = session.scalar(sa.select(Server.group_id).where(Server.id == server_id)) or 0
        # The lock makes concurrent reservations in one group wait for each other.
        group = session.scalar(
            sa.select(ServerGroup).where(ServerGroup.id == group_id).with_for_update()
        )
        if group is None:
            raise PlacementError(__("The product has no server group, or its group was deleted."))
        server = _choose_server(group, server_id)
        username = _unused_name(server, make_name)
        account = Account(service_uuid=service_uuid, server=server, username=username)
        session.add(account)
        return account


def rename(service_uuid: str, make_name: Callable[[], str]) -> Account:
    """Give a reserved account another name, because the server has a user with the present one.

    Raises:
        PlacementError: There is no other name.
    """
    with db.transaction():
        account = _existing(service_uuid)
        account.username = _unused_name(account.server, make_name, avoid=account.username)
        return account


def mark_sent(service_uuid: str) -> Account:
    """Record that the request to create the account is about to be sent."""
    with db.transaction():
        account = _existing(service_uuid)
        account.sent_at = now()
        return account


def clear_sent(service_uuid: str) -> Account:
    """Record that the request certainly created nothing."""
    with db.transaction():
        account = _existing(service_uuid)
        account.sent_at = None
        return account


def release(service_uuid: str) -> None:
    """Delete the account of a service, which no longer exists on its server or never did."""
    with db.transaction() as session:
        session.execute(sa.delete(Account).where(Account.service_uuid == service_uuid))


def random_number(digits: int = 6) -> str:
    """Return a random number, which unlike a counter does not reveal how many customers exist."""
    return str(secrets.randbelow(9 * 10 ** (digits - 1)) + 10 ** (digits - 1))


def _existing(service_uuid: str) -> Account:
    if (account := find(service_uuid)) is None:
        raise PlacementError(__("The account of this service was deleted meanwhile."))
    return account


def _choose_server(group: ServerGroup, server_id: int | None) -> Server:
    servers: Sequence[Server] = db.session.scalars(
        sa.select(Server).where(Server.group_id == group.id).order_by(Server.position, Server.id)
    ).all()
    if server_id:
        servers = [server for server in servers if server.id == server_id]
    counts = accounts_per_server()
    available = [server for server in servers if server.has_capacity(counts.get(server.id, 0))]
    if not available:
        if server_id and servers:
            raise PlacementError(
                __("The server :name is inactive or full.", {"name": servers[0].name})
            )
        raise PlacementError(
            __("The group :name has no active server with capacity.", {"name": group.name})
        )
    if group.allocation == LEAST_LOADED:
        return min(available, key=lambda server: counts.get(server.id, 0))
    return available[0]


def _unused_name(server: Server, make_name: Callable[[], str], avoid: str = "") -> str:
    """Return a name that no other account on the server has."""
    name = avoid
    for _ in range(NAME_ATTEMPTS):
        name = make_name()
        query = sa.select(Account.id).where(
            Account.server_id == server.id, Account.username == name
        )
        if name != avoid and db.session.scalar(query) is None:
            return name
    raise PlacementError(
        __(
            "The user name :name is taken on :server. Choose another one.",
            {"name": name, "server": server.name},
        )
    )
