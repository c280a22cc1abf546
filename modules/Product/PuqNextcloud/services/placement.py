"""Finding a service its place: which server, under which name.

Every choice is made and written under the group's lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from puqpanel.sdk import db, now

from ..models.accounts import Account
from ..models.servers import LEAST_LOADED, Server, ServerGroup


class NoPlaceError(Exception):
    """There is no place; the text is a sentence for staff."""


def find(service_uuid: str) -> Account | None:
    """The place of a service, if it has one."""
    account: Account | None = db.session.scalar(
        sa.select(Account).where(Account.service_uuid == service_uuid)
    )
    return account


def count() -> dict[int, int]:
    """How many places are taken, by server."""
    wanted = sa.select(Account.server_id, sa.func.count()).group_by(Account.server_id)
    return dict(db.session.execute(wanted).all())


def take(
    service_uuid: str, group_id: int, name: Callable[[], str], *, server_id: int | None = None
) -> Account:
    """Give a service a place, or return the one where an account may exist already.

    Args:
        service_uuid: the service.
        group_id: the group that its product names.
        name: makes a user name; asked again while the server has one like it. One that staff chose
            is always the same.
        server_id: the server that staff chose, which may stand in another group.

    Raises:
        NoPlaceError: no active server with room, or the name is taken.
    """
    with db.transaction() as session:
        if (known := find(service_uuid)) is not None:
            if known.sent_at is not None:
                return known
            session.delete(known)  # nothing was made there: what staff changed since counts
            session.flush()
        if server_id:
            group_id = session.scalar(sa.select(Server.group_id).where(Server.id == server_id)) or 0
        # Two services that look for a place in the same group wait for each other here.
        group = session.scalar(
            sa.select(ServerGroup).where(ServerGroup.id == group_id).with_for_update()
        )
        if group is None:
            raise NoPlaceError("The product names no group of servers, or one that is gone.")
        server = _choose(group, server_id)
        account = Account(service_uuid=service_uuid, server=server, username=_free(server, name))
        session.add(account)
        return account


def rename(service_uuid: str, name: Callable[[], str]) -> Account:
    """Give a place another name: the one it has is somebody else's at the provider.

    Raises:
        NoPlaceError: there is no other name.
    """
    with db.transaction():
        account = _known(service_uuid)
        account.username = _free(account.server, name, avoid=account.username)
        return account


def sent(service_uuid: str) -> Account:
    """Note that a request to make the account goes out."""
    with db.transaction():
        account = _known(service_uuid)
        account.sent_at = now()
        return account


def unsent(service_uuid: str) -> Account:
    """Note that the request made nothing for certain."""
    with db.transaction():
        account = _known(service_uuid)
        account.sent_at = None
        return account


def give_back(service_uuid: str) -> None:
    """The account is gone, or was never made: its place is free."""
    with db.transaction() as session:
        session.execute(sa.delete(Account).where(Account.service_uuid == service_uuid))


def number(digits: int = 6) -> str:
    """A number that says nothing: how many customers there are is nobody's business."""
    return str(secrets.randbelow(9 * 10 ** (digits - 1)) + 10 ** (digits - 1))


def _known(service_uuid: str) -> Account:
    if (account := find(service_uuid)) is None:
        raise NoPlaceError("The place of this service is gone.")
    return account


def _choose(group: ServerGroup, server_id: int | None) -> Server:
    servers: Sequence[Server] = db.session.scalars(
        sa.select(Server).where(Server.group_id == group.id).order_by(Server.position, Server.id)
    ).all()
    taken = count()
    if server_id:
        servers = [server for server in servers if server.id == server_id]
    free = [
        one
        for one in servers
        if one.active and (not one.max_accounts or taken.get(one.id, 0) < one.max_accounts)
    ]
    if not free:
        where = servers[0].name if server_id and servers else f"group {group.name}"
        why = "is switched off or full" if server_id else "has no active server with room"
        raise NoPlaceError(f"The {'server ' if server_id else ''}{where} {why}.")
    return (
        min(free, key=lambda one: taken.get(one.id, 0))
        if group.allocation == LEAST_LOADED
        else free[0]
    )


def _free(server: Server, name: Callable[[], str], avoid: str = "") -> str:
    """A name that no other place on the server has."""
    candidate = avoid
    for _ in range(20):
        candidate = name()
        wanted = sa.select(Account.id).where(
            Account.server_id == server.id, Account.username == candidate
        )
        if candidate != avoid and db.session.scalar(wanted) is None:
            return candidate
    raise NoPlaceError(f"The user name {candidate} is taken on {server.name}. Choose another one.")
