"""Which clients, services and documents match a text, found by indexes.

`client_parts` and the like select their ids in parts, of which each can be read in order: newest
first, as far as needed. `clients` and the like are conditions for any query.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.emails import email_key
from puqpanel.infra import trigrams
from puqpanel.infra.db import session
from puqpanel.models import Client, ClientUser, Document, Service, User
from puqpanel.models.searchable import fold
from puqpanel.web.list_filters import uuid_starts
from puqpanel.web.list_keys import few_keys

Parts = tuple[sa.Select[int], ...]


def clients(text: str) -> sa.ColumnElement[bool]:
    """Match clients by part of their name, company or e-mail, also of a user's, or by UUID."""
    keys = few_keys(session(), client_parts(text))
    if keys is not None:
        return Client.id.in_(keys)
    return sa.or_(
        Client.matches(text),
        Client.matches(email_key(text)),
        Client.id.in_(_of_users(text)),
        uuid_starts(Client.uuid, text),
    )


def client_parts(text: str) -> Parts:
    """Select the ids of the clients that `clients` matches."""
    key = email_key(text)
    users = few_keys(session(), (trigrams.containing(session(), User.email, (key,)),))
    member = sa.select(ClientUser.client_id).where(ClientUser.user_id.in_(users or ())).distinct()
    if users is None:
        member = sa.select(Client.id).where(
            _of_users(text).where(ClientUser.client_id == Client.id).exists()
        )
    texts = dict.fromkeys((fold(text), fold(key)))
    return (
        *(Client.containing(session(), spelling) for spelling in texts),
        member,
        sa.select(Client.id).where(uuid_starts(Client.uuid, text)),
    )


def _of_users(text: str) -> sa.Select[int]:
    users = sa.select(ClientUser.client_id).join(User, User.id == ClientUser.user_id)
    return users.where(User.email.contains(email_key(text), autoescape=True))


def services(text: str) -> sa.ColumnElement[bool]:
    """Match services by what identifies them, by their client, or by UUID; joined with clients."""
    keys = few_keys(session(), service_parts(text))
    if keys is not None:
        return Service.id.in_(keys)
    return sa.or_(Service.matches(text), Client.matches(text), uuid_starts(Service.uuid, text))


def service_parts(text: str) -> Parts:
    """Select the ids of the services that `services` matches."""
    owners = few_keys(session(), (Client.containing(session(), text),))
    owned = sa.select(Service.id).where(Service.client_id.in_(owners or ()))
    if owners is None:
        owned = sa.select(Service.id).join(Client, Client.id == Service.client_id)
        owned = owned.where(Client.matches(text))
    return (*own_parts(text), owned)


def own_parts(text: str) -> Parts:
    """Select the ids of services by what identifies them or by UUID."""
    return (
        Service.containing(session(), text),
        sa.select(Service.id).where(uuid_starts(Service.uuid, text)),
    )


def documents(text: str) -> sa.ColumnElement[bool]:
    """Match documents by their number, by their client, or by UUID; joined with clients."""
    keys = few_keys(session(), document_parts(text))
    if keys is not None:
        return Document.id.in_(keys)
    return sa.or_(
        Document.number == text.strip(), Client.matches(text), uuid_starts(Document.uuid, text)
    )


def document_parts(text: str) -> Parts:
    """Select the ids of the documents that `documents` matches."""
    buyers = few_keys(session(), (Client.containing(session(), text),))
    bought = sa.select(Document.id).where(Document.client_id.in_(buyers or ()))
    if buyers is None:
        bought = sa.select(Document.id).join(Client, Client.id == Document.client_id)
        bought = bought.where(Client.matches(text))
    return (
        sa.select(Document.id).where(Document.number == text.strip()),
        sa.select(Document.id).where(uuid_starts(Document.uuid, text)),
        bought,
    )
