"""The accounts of a gateway, one for each currency."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum import bic as bics
from stdnum import iban as ibans

from puqpanel.sdk import __

_LOOKS_LIKE_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{6,30}")


@dataclass(frozen=True)
class Account:
    """A bank account.

    `number` is an IBAN, or how the bank of a country without IBANs names the account.
    """

    currency: str
    holder: str
    number: str
    bic: str = ""
    bank: str = ""

    @property
    def compact(self) -> str:
        """The number without spaces, which identifies the account."""
        return re.sub(r"\s", "", self.number).upper()

    @property
    def is_iban(self) -> bool:
        """Whether the number is an IBAN."""
        return bool(ibans.is_valid(self.compact))

    @property
    def shown(self) -> str:
        """The number as it is read out."""
        return " ".join(re.findall(".{1,4}", self.compact)) if self.is_iban else self.number


def parse_accounts(text: str) -> list[Account]:
    """Return the accounts in a text: a line `currency; holder; IBAN; BIC; bank` for each.

    Raises:
        ValueError: a line is invalid; the message names it.
    """
    accounts: list[Account] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            account = _account(line)
            if any(account.currency == other.currency for other in accounts):
                raise ValueError(
                    __(":currency has an account already.", {"currency": account.currency})
                )
        except ValueError as error:
            text = __("Line :number: :problem", {"number": number, "problem": str(error)})
            raise ValueError(text) from None
        accounts.append(account)
    if not accounts:
        raise ValueError(__("Enter at least one account."))
    return accounts


def account_for(accounts: list[Account], currency: str) -> Account | None:
    """Return the account of a currency, or else the first one."""
    default = accounts[0] if accounts else None
    return next((one for one in accounts if one.currency == currency), default)


def _account(line: str) -> Account:
    parts = [part.strip() for part in line.split(";")]
    if not 3 <= len(parts) <= 5 or not all(parts[:3]):
        raise ValueError(__("Separate currency, holder, IBAN, BIC and bank with semicolons."))
    account = Account(parts[0].upper(), *parts[1:])
    if not re.fullmatch("[A-Z]{3}", account.currency):
        raise ValueError(__("Begin with the code of a currency, such as EUR."))
    if len(account.holder) > 70 or len(account.number) > 60 or len(account.bank) > 70:
        raise ValueError(__("A part is too long."))
    if _LOOKS_LIKE_IBAN.fullmatch(account.compact) and not account.is_iban:
        raise ValueError(__("Invalid IBAN. Check for wrong or missing characters."))
    if account.bic and not bics.is_valid(account.bic):
        raise ValueError(__("Invalid BIC. It has 8 or 11 characters."))
    return account
