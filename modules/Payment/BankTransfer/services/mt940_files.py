"""MT940: the statements of SWIFT, read by the library mt-940."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import mt940

from puqpanel.sdk import __

from . import texts
from .parsed import Parsed, ParsedLine, StatementError, one_line

# it logs the lines that it cannot read, with names and accounts
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)
_NO_REFERENCES = frozenset({"", "NONREF", "NOTPROVIDED"})
# the details of Polish banks: 020~00…~20…~21…~32…~38…, also with < or ^
_POLISH = re.compile(r"^\d{3}([~<^])\d{2}")
_TEXT_KEYS, _NAME_KEYS = range(20, 26), (32, 33)


def is_mt940(content: bytes) -> bool:
    """Return whether a file looks like MT940."""
    return all(
        re.search(rb"^" + tag, content, re.M) for tag in (rb":20:", rb":25", rb":6[02][FM]:")
    )


def read(content: bytes) -> Parsed:
    """Return the incoming lines of a file.

    Raises:
        StatementError: it is not an MT940 statement.
    """
    # as a handle: the library opens a text that is the name of a file
    handle = io.StringIO(texts.decode(content))
    try:
        statements = mt940.parse_statements(handle, options=mt940.Options.all())
        return _parsed(statements)
    except StatementError:
        raise
    # the library raises whatever its parsers do, for input that it does not expect
    except Exception as error:
        text = __("The MT940 file could not be read: :problem", {"problem": type(error).__name__})
        raise StatementError(text) from error


def _parsed(statements: Any) -> Parsed:
    parsed = Parsed()
    for statement in statements:
        account = str(statement.data.get("account_identification") or "").strip()
        if parsed.account not in ("", account):
            raise StatementError(__("The file has statements of more than one account."))
        parsed.account = account
        for transaction in statement:
            data = transaction.data
            if data.get("status") == "C" and data["amount"].amount > 0:
                parsed.lines.append(_line(data))
            elif "amount" in data:
                parsed.skipped += 1
    return parsed


def _line(data: Mapping[str, Any]) -> ParsedLine:
    details = str(data.get("transaction_details") or "")
    parts = _polish(details)
    reference = str(data.get("customer_reference") or "").strip()
    bank_id = str(data.get("bank_reference") or "").strip()
    booked = data.get("guessed_entry_date") or data["date"]
    told = (
        [parts["text"]] if parts else [data.get("purpose"), data.get("additional_purpose"), details]
    )
    further = [reference, str(data.get("end_to_end_reference") or "")]
    return ParsedLine(
        date(booked.year, booked.month, booked.day),
        data["amount"].amount,
        str(data["amount"].currency or ""),
        one_line(parts.get("payer") or data.get("applicant_name")),
        parts.get("account") or str(data.get("applicant_iban") or ""),
        one_line(*told, *(text for text in further if text not in _NO_REFERENCES)),
        "" if bank_id in _NO_REFERENCES else bank_id,
    )


def _polish(details: str) -> dict[str, str]:
    """Return the text, the payer and the account of details in the Polish form."""
    details = "".join(details.splitlines())
    match = _POLISH.match(details)
    if match is None:
        return {}
    pieces = details.split(match[1])[1:]
    found = {int(one[:2]): one[2:] for one in pieces if one[:2].isdigit()}
    text = "".join(found.get(key, "") for key in _TEXT_KEYS)
    names = " ".join(found.get(key, "") for key in _NAME_KEYS)
    return {"text": text, "payer": names.strip(), "account": found.get(38, "").strip()}
