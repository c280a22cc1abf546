"""The table of settings, by group; those about money are in `billing_settings`."""

from __future__ import annotations

from puqpanel.domain.billing_settings import AUTOMATION, BILLING
from puqpanel.domain.colours import under_white
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.hosts import split_hosts, typed_host
from puqpanel.domain.order_states import ACCEPTANCE_LABELS, Acceptance
from puqpanel.domain.settings import Definition, Group, Kind
from puqpanel.domain.suggestions import nearest
from puqpanel.domain.texts import Text, _


def _brand_colour(value: object) -> Text | str:
    return under_white(str(value)) if value else ""


def _plain_address(value: object) -> Text | str:
    """Refuse a query or fragment, because paths are added to the address."""
    return _("Enter an address without ? or #.") if set("?#") & set(str(value)) else ""


def _hosts(value: object) -> Text | str:
    """Refuse what is not a list of host names and IP addresses."""
    for text in split_hosts(str(value)):
        if not typed_host(text):
            return _(
                "“%(text)s” is not a host name or an IP address such as panel.example.com or"
                " 192.0.2.10.",
                text=text[:80],
            )
    return ""


FIRM = Group(
    "firm",
    _("Company"),
    _("Your name, contact details and colours, as customers see them."),
    (
        Definition(
            "firm.name",
            Kind.TEXT,
            _("Company name"),
            "puqpanel",
            _("Shown on all pages and in messages."),
            minimum=1,
            maximum=80,
        ),
        Definition("firm.address", Kind.LONG_TEXT, _("Postal address"), maximum=500),
        Definition(
            "firm.support_email",
            Kind.EMAIL,
            _("Support e-mail"),
            help=_("The e-mail address for customers' questions."),
        ),
        Definition(
            "firm.support_url",
            Kind.URL,
            _("Support page"),
            help=_("The page where customers find help, for example https://help.example.com."),
        ),
        Definition(
            "firm.logo",
            Kind.IMAGE,
            _("Logo"),
            help=_("PNG, JPEG, WebP or SVG, at most 512 KB. It is shown 26 pixels high."),
        ),
        Definition(
            "firm.colour",
            Kind.COLOUR,
            _("Brand colour"),
            help=_("Colour of buttons and links, dark enough for white text, such as #3451d1."),
            rule=_brand_colour,
        ),
    ),
)
REGION = Group(
    "region",
    _("Language and region"),
    _("Defaults for people who have not set their own."),
    (
        Definition(
            "region.locale",
            Kind.LOCALE,
            _("Language"),
            "en",
            _(
                "Language for visitors whose browser has no preference, and for messages without"
                " a viewer."
            ),
            environment="PUQPANEL_LOCALE",
        ),
        Definition(
            "region.time_zone",
            Kind.ZONE,
            _("Time zone"),
            "UTC",
            _("Time zone for people who have not chosen one."),
        ),
    ),
)
SITE = Group(
    "site",
    _("Address"),
    _("The address of the panel on the internet."),
    (
        Definition(
            "site.base_url",
            Kind.URL,
            _("Public address"),
            help=_(
                "Base URL for links in e-mails and for webhooks, such as https://panel.example.com."
            ),
            rule=_plain_address,
            environment="PUQPANEL_BASE_URL",
        ),
        Definition(
            "site.trusted_hosts",
            Kind.LONG_TEXT,
            _("Other addresses"),
            help=_(
                "Host names and IP addresses at which the panel may also be opened, separated by"
                " spaces or commas. Once the public address or one of these is set, the panel can't"
                " be opened at any others, except on its own machine."
            ),
            rule=_hosts,
            environment="PUQPANEL_TRUSTED_HOSTS",
        ),
    ),
)
SESSIONS = Group(
    "sessions",
    _("Sessions"),
    _("How long people stay signed in."),
    (
        Definition(
            "sessions.staff_idle_minutes",
            Kind.DURATION,
            _("Staff: idle limit"),
            30,
            _("Staff are signed out after this time without activity."),
            minimum=1,
            maximum=1440,
            unit="minutes",
        ),
        Definition(
            "sessions.staff_absolute_hours",
            Kind.DURATION,
            _("Staff: absolute limit"),
            12,
            _("Staff are signed out after this time, even if active."),
            minimum=1,
            maximum=168,
            unit="hours",
        ),
        Definition(
            "sessions.client_idle_hours",
            Kind.DURATION,
            _("Customers: limit"),
            24,
            _(
                "Customers who don't choose “Keep me signed in” are signed out this long after "
                "they sign in."
            ),
            minimum=1,
            maximum=720,
            unit="hours",
        ),
        Definition(
            "sessions.client_keep_days",
            Kind.DURATION,
            _("Customers: stay signed in"),
            14,
            _("How long customers stay signed in if they choose “Keep me signed in”."),
            minimum=1,
            maximum=365,
            unit="days",
        ),
        Definition(
            "sessions.impersonation_minutes",
            Kind.DURATION,
            _("View as client: limit"),
            30,
            _("Viewing the client area as a client ends after this time."),
            minimum=1,
            maximum=480,
            unit="minutes",
        ),
    ),
)
LIMITS = Group(
    "limits",
    _("Rate limits"),
    _("Protection against guessing passwords. Only failed attempts count."),
    (
        Definition(
            "limits.sign_in_address",
            Kind.INTEGER,
            _("Failed sign-ins per network"),
            20,
            _("Within 15 minutes, from an IPv4 address or an IPv6 network (/64)."),
            minimum=3,
            maximum=1000,
        ),
        Definition(
            "limits.sign_in_account",
            Kind.INTEGER,
            _("Failed sign-ins per account"),
            100,
            _(
                "Within one day, from any number of networks; then attempts from unknown devices"
                " wait for up to a minute each."
            ),
            minimum=5,
            maximum=10000,
        ),
    ),
)
RETENTION = Group(
    "retention",
    _("Retention"),
    _("How long records are kept; 0 keeps them forever."),
    (
        Definition(
            "retention.module_log_days",
            Kind.DURATION,
            _("Module log"),
            90,
            _("Requests from modules to providers, and the responses."),
            maximum=36500,
            unit="days",
            environment="PUQPANEL_MODULE_LOG_DAYS",
        ),
        Definition(
            "retention.task_days",
            Kind.DURATION,
            _("Tasks"),
            365,
            _("Completed and cancelled tasks. Failed and lost tasks are always kept."),
            maximum=36500,
            unit="days",
            environment="PUQPANEL_TASK_DAYS",
        ),
        Definition(
            "retention.session_days",
            Kind.DURATION,
            _("Sessions"),
            30,
            _("Ended sessions, with their IP address and device."),
            maximum=36500,
            unit="days",
        ),
        Definition(
            "retention.refusal_days",
            Kind.DURATION,
            _("Failed sign-ins"),
            90,
            _("Entries of the activity log. All others are always kept."),
            maximum=36500,
            unit="days",
        ),
    ),
)
SHOP = Group(
    "shop",
    _("Shop"),
    _("What visitors can do, and which orders you check."),
    (
        Definition(
            "shop.registration",
            Kind.BOOLEAN,
            _("Registration"),
            True,
            _("Visitors can create an account to order."),
        ),
        Definition(
            "shop.acceptance",
            Kind.CHOICE,
            _("Orders requiring acceptance"),
            str(Acceptance.NEVER),
            _("Services of these orders are not provisioned until staff accept the order."),
            choices=tuple((str(key), text) for key, text in ACCEPTANCE_LABELS.items()),
        ),
    ),
)
GROUPS: dict[str, Group] = {
    group.key: group
    for group in (FIRM, REGION, SITE, SHOP, BILLING, AUTOMATION, SESSIONS, LIMITS, RETENTION)
}
"""Groups by key, in the order of the pages."""


def names() -> list[str]:
    """Return the names of all settings in order."""
    return [definition.name for group in GROUPS.values() for definition in group.settings]


def find(name: str) -> Definition:
    """Return a setting.

    Raises:
        NotFoundError: There is none with this name; the message suggests a similar one.
    """
    group = GROUPS.get(name.partition(".")[0])
    definition = group.by_name.get(name) if group else None
    if definition is None:
        short = {each.partition(".")[2]: each for each in reversed(names())}
        near = nearest(name, names()) or short.get(nearest(name, short, 0.5), "")
        raise NotFoundError(
            _(
                "Unknown setting “%(name)s”. Did you mean %(near)s?",
                name=name[:100],
                near=near,
            )
            if near
            else _("Unknown setting “%(name)s”.", name=name[:100])
        )
    return definition
