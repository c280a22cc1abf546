"""CAMT.053: the statements of ISO 20022, in any of its versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from puqpanel.sdk import __

from .parsed import Parsed, ParsedLine, StatementError, one_line

_TEXTS = (".//{*}RmtInf/{*}Ustrd", ".//{*}RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref")
_PAYER = ("{*}RltdPties/{*}Dbtr/{*}Pty/{*}Nm", "{*}RltdPties/{*}Dbtr/{*}Nm")
_PAYER_ACCOUNT = (
    "{*}RltdPties/{*}DbtrAcct/{*}Id/{*}IBAN",
    "{*}RltdPties/{*}DbtrAcct//{*}Othr/{*}Id",
)
_AMOUNTS = ("{*}Amt", "{*}AmtDtls/{*}TxAmt/{*}Amt")


def read(content: bytes) -> Parsed:
    """Return the booked incoming lines of a file.

    Raises:
        StatementError: it is not a CAMT.053 statement.
    """
    root = _root(content)
    statements = root.findall("{*}BkToCstmrStmt/{*}Stmt")
    if not statements:
        raise StatementError(__("The XML file is not a CAMT.053 statement."))
    parsed = Parsed()
    for statement in statements:
        account = _first(statement, "{*}Acct/{*}Id/{*}IBAN", "{*}Acct/{*}Id/{*}Othr/{*}Id")
        if parsed.account not in ("", account):
            raise StatementError(__("The file has statements of more than one account."))
        parsed.account = account
        for entry in statement.findall("{*}Ntry"):
            lines = list(_lines(entry))
            parsed.lines += lines
            parsed.skipped += not lines
    return parsed


def _root(content: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        text = __("The XML file is damaged: :problem", {"problem": str(error)[:200]})
        raise StatementError(text) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise StatementError(__("The XML file has a document type, which statements have not."))
    return root


def _lines(entry: Any) -> Iterator[ParsedLine]:
    """Yield the transfers of a booked credit: several if the bank books them in one sum."""
    status = _first(entry, "{*}Sts/{*}Cd", "{*}Sts")
    reversal = _first(entry, "{*}RvslInd") == "true"
    if _first(entry, "{*}CdtDbtInd") != "CRDT" or status not in ("BOOK", "") or reversal:
        return
    day = _day(_first(entry, "{*}BookgDt/{*}Dt", "{*}BookgDt/{*}DtTm", "{*}ValDt/{*}Dt"))
    total, currency = _amount(entry, "{*}Amt")
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    sums = [_amount(detail, *_AMOUNTS) for detail in details]
    if len(details) > 1 and sum(amount for amount, _ in sums) == total:
        parts = list(zip(details, sums, strict=True))
    else:
        parts = [(details[0] if len(details) == 1 else entry, (total, currency))]
    for part, (amount, own_currency) in parts:
        bank_id = _first(part, "{*}Refs/{*}AcctSvcrRef")
        if len(parts) == 1:
            bank_id = bank_id or _first(entry, "{*}AcctSvcrRef")
        texts = [found.text for path in _TEXTS for found in part.findall(path)]
        end_to_end = _first(part, "{*}Refs/{*}EndToEndId")
        further = _first(part, "{*}AddtlTxInf") or _first(entry, "{*}AddtlNtryInf")
        yield ParsedLine(
            day,
            amount,
            own_currency or currency,
            one_line(_first(part, *_PAYER)),
            _first(part, *_PAYER_ACCOUNT),
            one_line(*texts, "" if end_to_end == "NOTPROVIDED" else end_to_end, further),
            bank_id,
        )


def _first(node: Any, *paths: str) -> str:
    for path in paths:
        found = node.find(path)
        if found is not None and (text := (found.text or "").strip()):
            return str(text)
    return ""


def _amount(node: Any, *paths: str) -> tuple[Decimal, str]:
    for path in paths:
        found = node.find(path)
        if found is not None:
            try:
                amount = Decimal((found.text or "").strip())
            except InvalidOperation:
                amount = Decimal("NaN")
            if not amount.is_finite():
                text = __("“:value” is not an amount.", {"value": str(found.text)[:60]})
                raise StatementError(text)
            return amount, str(found.get("Ccy") or "")
    return Decimal(0), ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise StatementError(__("“:value” is not a date.", {"value": text[:60]})) from None
