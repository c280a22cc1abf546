"""Credit by company: move credit to where a document of another company was paid from it.

Credit was one balance for each client and currency, so it could pay documents of other companies.
That left a company with less than nothing; what is missing is moved from the companies that have
credit of the client, through clearing. The credit of the client, and all accounts, sum to the same.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KEY = "credit_by_company"
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
postings = sa.table(
    "postings",
    sa.column("id", Id),
    sa.column("key", sa.String),
    sa.column("company_id", Id),
    sa.column("client_id", Id),
    sa.column("day", sa.Date),
    sa.column("summary", sa.Text),
    sa.column("created_at", UtcDateTime),
)
entries = sa.table(
    "entries",
    sa.column("posting_id", Id),
    sa.column("account", sa.String),
    sa.column("client_id", Id),
    sa.column("gateway", sa.String),
    sa.column("currency", sa.String),
    sa.column("minor", sa.BigInteger),
)


def upgrade() -> None:
    credit = -sa.func.sum(entries.c.minor)
    query = (
        sa.select(entries.c.client_id, entries.c.currency, postings.c.company_id, credit)
        .join(postings, postings.c.id == entries.c.posting_id)
        .where(entries.c.account == "credit")
        .group_by(entries.c.client_id, entries.c.currency, postings.c.company_id)
        .order_by(entries.c.client_id, entries.c.currency, postings.c.company_id)
    )
    pots: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for client, currency, company, minor in op.get_bind().execute(query).all():
        pots[client, currency][company] = int(minor)
    for (client, currency), credits in pots.items():
        for company, minor in credits.items():
            missing = -minor
            for other in credits:
                amount = min(missing, credits[other])
                if amount > 0:
                    credits[other] -= amount
                    missing -= amount
                    key = f"{KEY}:{client}:{currency}:{other}:{company}"
                    _post(f"{key}:from", other, client, currency, amount)
                    _post(f"{key}:to", company, client, currency, -amount)


def downgrade() -> None:
    ours = sa.select(postings.c.id).where(postings.c.key.startswith(f"{KEY}:", autoescape=True))
    ids = list(op.get_bind().scalars(ours))
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        op.execute(sa.delete(entries).where(entries.c.posting_id.in_(chunk)))
        op.execute(sa.delete(postings).where(postings.c.id.in_(chunk)))


def _post(key: str, company: int, client: int, currency: str, minor: int) -> None:
    """Post that credit of a client moves from a company, or to it if `minor` is negative."""
    moment = datetime.now(UTC)
    bind = op.get_bind()
    bind.execute(
        sa.insert(postings).values(
            key=key,
            company_id=company,
            client_id=client,
            day=moment.date(),
            summary="Credit moved between companies",
            created_at=moment,
        )
    )
    posting = bind.scalar(sa.select(postings.c.id).where(postings.c.key == key))
    for account, amount in (("credit", minor), ("clearing", -minor)):
        bind.execute(
            sa.insert(entries).values(
                posting_id=posting,
                account=account,
                client_id=client,
                gateway="",
                currency=currency,
                minor=amount,
            )
        )
