"""Import files: recognise the format, check the account, and store the lines that are new."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.sdk import __, db, minor_units

from ..models.statements import Columns, Line, Statement, layout_of
from . import camt, csv_files, mt940_files
from .accounts import Account, parse_accounts
from .csv_files import Layout
from .parsed import Parsed, ParsedLine, StatementError, digests

CAMT, MT940, CSV = "CAMT.053", "MT940", "CSV"
MOST_BYTES = 5 * 1024 * 1024
CHUNK = 500


@dataclass(frozen=True)
class Target:
    """An account of a gateway, into which statements are imported."""

    gateway: Any
    account: Account

    @property
    def key(self) -> str:
        """What a form submits."""
        return f"{self.gateway.instance_uuid}/{self.account.compact}"

    @property
    def label(self) -> str:
        """The gateway, the currency and the number."""
        return f"{self.gateway.instance_title}: {self.account.currency}, {self.account.shown}"


def targets(gateways: Iterable[Any]) -> list[Target]:
    """Return the accounts of all gateways."""
    found = []
    for gateway in gateways:
        text = str(gateway.module_data.get("accounts") or "")
        if text.strip():
            found += [Target(gateway, account) for account in parse_accounts(text)]
    return found


def upload(target: Target, name: str, content: bytes, by: str) -> Statement:
    """Import a file; a CSV file whose columns are unknown waits for `finish`.

    Raises:
        StatementError: it cannot be read; nothing was stored.
    """
    if not content.strip():
        raise StatementError(__("The file is empty."))
    if len(content) > MOST_BYTES:
        raise StatementError(__("The file is larger than 5 MB. Export a shorter period."))
    statement = Statement(
        gateway_uuid=target.gateway.instance_uuid,
        account=target.account.compact,
        currency=target.account.currency,
        file_name=name[:200],
        uploaded_by=by[:200],
    )
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        statement.format, parsed = CAMT, camt.read(content)
    elif mt940_files.is_mt940(content):
        statement.format, parsed = MT940, mt940_files.read(content)
    else:
        statement.format = CSV
        layout = layout_of(target.account.compact)
        rows = csv_files.table(content, layout.get("encoding", "") if layout else "")
        if layout is None or not _fits(rows, Layout.of(layout)):
            statement.content = content
            with db.transaction() as session:
                session.add(statement)
            return statement
        parsed = csv_files.read(content, Layout.of(layout), target.account.currency)
    _check_account(parsed.account, target.account)
    with db.transaction() as session:
        session.add(statement)
        session.flush()
        _store(session, statement, parsed)
    return statement


def finish(statement_id: int, layout: Layout) -> Statement:
    """Import a CSV file that waits for its columns, and keep them for the account's next files.

    Raises:
        StatementError: it cannot be read so; nothing was stored.
    """
    waiting = db.session.get(Statement, statement_id, populate_existing=True)
    if waiting is None or waiting.content is None:
        raise StatementError(__("This file has been imported already."))
    parsed = csv_files.read(waiting.content, layout, waiting.currency)
    with db.transaction() as session:
        statement: Statement | None = session.scalar(
            sa.select(Statement)
            .where(Statement.id == statement_id, Statement.content.is_not(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if statement is None:
            raise StatementError(__("This file has been imported already."))
        session.merge(Columns(account=statement.account, layout=dict(vars(layout))))
        statement.content = None
        _store(session, statement, parsed)
    return statement


def _fits(rows: list[list[str]], layout: Layout) -> bool:
    try:
        csv_files.headings(rows, layout.columns)
    except StatementError:
        return False
    return True


def _store(session: Session, statement: Statement, parsed: Parsed) -> None:
    """Add the lines that the account does not have yet."""
    lines = list(digests(statement.account, parsed.lines))
    known: set[str] = set()
    for at in range(0, len(lines), CHUNK):
        some = [digest for digest, _ in lines[at : at + CHUNK]]
        query = sa.select(Line.digest).where(
            Line.account == statement.account, Line.digest.in_(some)
        )
        known |= set(session.scalars(query))
    fresh = [(digest, line) for digest, line in lines if digest not in known]
    session.add_all(_row(statement, digest, line) for digest, line in fresh)
    statement.added, statement.known = len(fresh), len(lines) - len(fresh)
    statement.skipped = parsed.skipped


def _row(statement: Statement, digest: str, line: ParsedLine) -> Line:
    currency = line.currency or statement.currency
    if not re.fullmatch("[A-Z]{3}", currency):
        raise StatementError(__("“:value” is not a currency.", {"value": currency[:60]}))
    try:
        minor = minor_units(line.amount, currency)
    except ValueError:
        value = f"{line.amount} {currency}"
        raise StatementError(__("“:value” is not an amount.", {"value": value[:60]})) from None
    return Line(
        statement_id=statement.id,
        gateway_uuid=statement.gateway_uuid,
        account=statement.account,
        digest=digest,
        booked_on=line.booked_on,
        minor=minor,
        currency=currency,
        payer=line.payer[:200],
        payer_account=line.payer_account[:60],
        text=line.text[:1000],
    )


def _check_account(named: str, account: Account) -> None:
    """Refuse the statement of another account, as far as the file says whose it is."""
    given = re.sub(r"[^0-9A-Z]", "", named.rpartition("/")[2].upper())
    # MT940 may name the bank and the account, or append the currency
    bare = given.removesuffix(account.currency).lstrip("0")
    number = re.sub(r"[^0-9A-Z]", "", account.compact)
    if bare and not number.endswith(bare) and not bare.endswith(number):
        raise StatementError(
            __(
                "The file is of the account :other, not :account.",
                {"other": named[:60], "account": account.shown},
            )
        )
