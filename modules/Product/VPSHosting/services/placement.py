"""Which account a service's server is made in, and what is known of the server.

Every choice is made and written under a lock.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import db, now

from ..models.accounts import Account
from ..models.servers import CREATING, TERMINATED, Server

NO_ACTION = {"action_id": None, "action_type": "", "action_at": None}


class NoPlaceError(Exception):
    """There is no account with room; the text is a sentence for staff."""


def find(service_uuid: str) -> Server | None:
    """The server of a service, or the wish for one; None where there is none or it is gone."""
    wanted = sa.select(Server).where(
        Server.service_uuid == service_uuid, Server.status != TERMINATED
    )
    server: Server | None = db.session.scalar(wanted.execution_options(populate_existing=True))
    return server


def count() -> dict[int, int]:
    """How many servers each account has, those included that are still to be made."""
    wanted = (
        sa.select(Server.account_id, sa.func.count())
        .where(Server.status != TERMINATED)
        .group_by(Server.account_id)
    )
    return dict(db.session.execute(wanted).all())


def take(service_uuid: str, account_id: int, wish: dict[str, Any]) -> Server:
    """Give a service a place in an account, or return the one where a server may exist already.

    Args:
        service_uuid: the service.
        account_id: the account that its product names; 0 for the first one with room.
        wish: hostname, region, size, image and server_specs of the server to be.

    Raises:
        NoPlaceError: no active account has room.
    """
    with db.transaction() as session:
        # Two services that look for a place wait for each other here.
        accounts = session.scalars(sa.select(Account).order_by(Account.id).with_for_update()).all()
        server: Server | None = session.scalar(
            sa.select(Server).where(Server.service_uuid == service_uuid)
        )
        if server is not None and server.status != TERMINATED and server.sent_at is not None:
            return server
        # nothing was made there, or it is gone: what staff changed since counts
        if server is not None:
            session.delete(server)
            session.flush()
        server = Server(
            service_uuid=service_uuid,
            account=_choose(list(accounts), account_id),
            status=CREATING,
            **wish,
        )
        session.add(server)
        return server


def note(service_uuid: str, **values: Any) -> Server:
    """Write down what is known of a server.

    Raises:
        NoPlaceError: the service has none any more.
    """
    with db.transaction():
        server = find(service_uuid)
        if server is None:
            raise NoPlaceError("The server of this service is gone.")
        for name, value in values.items():
            setattr(server, name, value)
        return server


def note_action(service_uuid: str, kind: str, action_id: object) -> Server:
    """Write down what was begun at DigitalOcean."""
    return note(
        service_uuid, action_id=str(action_id or "") or None, action_type=kind, action_at=now()
    )


def give_back(service_uuid: str) -> None:
    """Nothing was made: the place is free."""
    with db.transaction() as session:
        session.execute(
            sa.delete(Server).where(Server.service_uuid == service_uuid, Server.sent_at.is_(None))
        )


def ended(service_uuid: str) -> None:
    """The server is gone: the place is free; what it was stays to be read, without its password."""
    with db.transaction():
        server = find(service_uuid)
        if server is not None:
            server.status, server.root_password, server.ip_address = TERMINATED, "", None
            server.action_id, server.action_type, server.action_at = None, "", None


def _choose(accounts: list[Account], account_id: int) -> Account:
    taken = count()
    wanted = [one for one in accounts if account_id in (0, one.id)]
    free = [
        one
        for one in wanted
        if one.active and (not one.max_servers or taken.get(one.id, 0) < one.max_servers)
    ]
    if free:
        return free[0]
    if account_id and not wanted:
        raise NoPlaceError(
            "The product names an account that is gone. Choose another one in its settings."
        )
    if account_id:
        raise NoPlaceError(f"The account {wanted[0].name} is switched off or full.")
    raise NoPlaceError(
        "No active account has room. Add one on the Accounts page."
        if accounts
        else "There is no account yet. Add one on the Accounts page."
    )
