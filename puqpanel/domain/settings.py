"""Settings that staff change while the panel runs: types and validation.

The table itself is in `domain/settings_table.py`, reading and saving in
`operations/system/settings.py`. What must be known before the database is open, such as its URL, is
in `infra/settings.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from puqpanel.domain.errors import UserError
from puqpanel.domain.permissions import SETTINGS_MANAGE
from puqpanel.domain.texts import Text, _

Value = str | int | bool | Decimal
PERMISSION = SETTINGS_MANAGE
TEXT_LENGTH, LONG_TEXT_LENGTH = 200, 5000


class SettingError(UserError):
    """A value is not valid for a setting; the message says what is accepted."""


class Kind(StrEnum):
    """The type of a setting."""

    TEXT = "text"
    LONG_TEXT = "long text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    DURATION = "duration"
    LOCALE = "locale"
    ZONE = "time zone"
    CURRENCY = "currency"
    COUNTRY = "country"
    COLOUR = "colour"
    URL = "URL"
    EMAIL = "e-mail"
    SECRET = "secret"  # noqa: S105
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Definition:
    """A setting.

    Args:
        name: Dotted name; the part before the dot is the key of its group.
        kind: Its type.
        label: Label on the page.
        default: Value while nothing is saved.
        help: Sentence below the field.
        minimum: Least number.
        maximum: Greatest number, or most characters of a text.
        unit: Unit of a duration: minutes, hours or days.
        choices: Value → label of a choice.
        rule: Return a further error of a valid value, or an empty string.
        permission: Permission that may change it.
        environment: Environment variable that overrides it, if not the one of its name.
    """

    name: str
    kind: Kind
    label: Text | str
    default: Value = ""
    help: Text | str = ""
    minimum: int = 0
    maximum: int | None = None
    unit: str = ""
    choices: tuple[tuple[str, Text | str], ...] = ()
    rule: Callable[[Value], Text | str] | None = None
    permission: str = PERMISSION
    environment: str = ""

    @property
    def secret(self) -> bool:
        """Whether the value is stored encrypted and never shown."""
        return self.kind is Kind.SECRET

    @property
    def variable(self) -> str:
        """The environment variable that overrides it; empty for an image."""
        if self.kind is Kind.IMAGE:
            return ""
        return self.environment or f"PUQPANEL_{self.name.upper().replace('.', '_')}"

    @property
    def optional(self) -> bool:
        """Whether it may be left empty."""
        return self.default == "" and self.kind is not Kind.BOOLEAN

    def check(self, value: object) -> Value:
        """Return the value of a text, or of a value from the database.

        Args:
            value: What was typed or stored.

        Raises:
            SettingError: It is not valid; the message does not repeat a secret.
        """
        if isinstance(value, str):
            value = value.strip()
        checked = _CHECKS[self.kind](self, value)
        problem = self.rule(checked) if self.rule else ""
        if problem:
            raise SettingError(problem)
        return checked

    def text(self, value: Value) -> str:
        """Return a value as it is typed; a secret as dots."""
        if self.secret:
            return "••••••" if value else ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value)


@dataclass(frozen=True)
class Group:
    """The settings of one page.

    Args:
        key: Part of the names before the dot.
        label: Title of the page.
        help: Sentence below the title.
        settings: The settings in order.
    """

    key: str
    label: Text | str
    help: Text | str
    settings: tuple[Definition, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Definition]:
        """The settings by name."""
        return {definition.name: definition for definition in self.settings}


def _text(definition: Definition, value: object) -> str:
    if not isinstance(value, str):
        raise SettingError(_("Enter a text."))
    long = definition.kind is Kind.LONG_TEXT
    maximum = definition.maximum or (LONG_TEXT_LENGTH if long else TEXT_LENGTH)
    text = value.replace("\r\n", "\n")
    if len(text) > maximum:
        raise SettingError(_("Enter at most %(maximum)s characters.", maximum=maximum))
    if not all(letter.isprintable() or (long and letter in "\n\t") for letter in text):
        raise SettingError(_("Remove the characters that can't be printed."))
    if len(text) < definition.minimum:
        raise SettingError(
            _("Enter a value.")
            if not text
            else _("Enter at least %(minimum)s characters.", minimum=definition.minimum)
        )
    return text


def _integer(definition: Definition, value: object) -> int:
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        number = int(value)
    low, high = definition.minimum, definition.maximum
    if high is None:
        high = 2**31 - 1
    if number is None or not low <= number <= high:
        raise SettingError(_("Enter a whole number from %(low)s to %(high)s.", low=low, high=high))
    return number


def _decimal(definition: Definition, value: object) -> Decimal:
    number: Decimal | None = None
    if (
        isinstance(value, str | int | Decimal)
        and not isinstance(value, bool)
        and len(str(value)) <= 30
    ):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = None
    low, high = definition.minimum, definition.maximum
    if number is None or not number.is_finite() or number < low:
        raise SettingError(_("Enter a number of at least %(low)s, such as 2.5.", low=low))
    if high is not None and number > high:
        raise SettingError(
            _("Enter a number from %(low)s to %(high)s, such as 2.5.", low=low, high=high)
        )
    return number


def _boolean(definition: Definition, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("1", "yes", "true", "on"):
        return True
    if isinstance(value, str) and value.lower() in ("0", "no", "false", "off", ""):
        return False
    raise SettingError(_("Enter yes or no."))


def _choice(definition: Definition, value: object) -> str:
    keys = [key for key, _ in definition.choices]
    if not isinstance(value, str) or value not in keys:
        raise SettingError(_("Enter one of: %(items)s.", items=", ".join(keys)))
    return value


def _locale(definition: Definition, value: object) -> str:
    tag = _text(definition, value).replace("_", "-")
    try:
        # without "en-EN" → "en": what is not in CLDR is refused instead of replaced
        known = len(tag) <= 20 and Locale.parse(tag, sep="-", resolve_likely_subtags=False)
    except (UnknownLocaleError, ValueError):
        known = False
    if not known:
        raise SettingError(_("Enter a language such as en or pl-PL."))
    return str(known).replace("_", "-")


def _zone(definition: Definition, value: object) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise SettingError(_("Enter a time zone such as Europe/Warsaw."))
    return value


def _currency(definition: Definition, value: object) -> str:
    code = value.upper() if isinstance(value, str) else ""
    if code not in Locale("en").currencies:
        raise SettingError(_("Enter the code of a currency, such as EUR."))
    return code


def _country(definition: Definition, value: object) -> str:
    code = value.upper() if isinstance(value, str) else ""
    if not code and not definition.default:
        return ""
    if not re.fullmatch("[A-Z]{2}", code) or code not in Locale("en").territories:
        raise SettingError(_("Enter the code of a country, such as PL."))
    return code


def _colour(definition: Definition, value: object) -> str:
    if value == "" and not definition.default:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value):
        raise SettingError(_("Enter a colour such as #3451d1."))
    digits = value[1:].lower()
    return "#" + ("".join(2 * digit for digit in digits) if len(digits) == 3 else digits)


def _url(definition: Definition, value: object) -> str:
    url = _text(definition, value)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and not parts.username
            and (parts.port is None or parts.port > 0)
            and not re.search(r"[\s\"'<>\\]", url)
        )
    except ValueError:
        valid = False
    if not valid:
        raise SettingError(_("Enter an address that starts with https:// or http://."))
    return url


def _email(definition: Definition, value: object) -> str:
    email = _text(definition, value)
    if not email:
        return ""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise SettingError(_("Enter an e-mail address such as support@example.com.")) from None


def _image(definition: Definition, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9a-f]{64})?", value):
        raise SettingError(_("Upload an image on the Settings page."))
    return value


_CHECKS: Mapping[Kind, Callable[[Definition, object], Value]] = {
    Kind.TEXT: _text,
    Kind.LONG_TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.DURATION: _integer,
    Kind.LOCALE: _locale,
    Kind.ZONE: _zone,
    Kind.CURRENCY: _currency,
    Kind.COUNTRY: _country,
    Kind.COLOUR: _colour,
    Kind.URL: _url,
    Kind.EMAIL: _email,
    Kind.SECRET: _text,
    Kind.IMAGE: _image,
}
