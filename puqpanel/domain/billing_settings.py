"""The settings of billing and of what happens to unpaid documents."""

from __future__ import annotations

from decimal import Decimal

from puqpanel.domain.dunning import LATE_FEES, LateFee, offsets_problem
from puqpanel.domain.settings import Definition, Group, Kind
from puqpanel.domain.texts import _

BILLING = Group(
    "billing",
    _("Billing"),
    _("How early renewals are invoiced, and how much customers can add to their credit balance."),
    (
        Definition(
            "billing.renewals",
            Kind.BOOLEAN,
            _("Automatic renewals"),
            True,
            _("Invoices for the next periods of services are issued automatically."),
        ),
        Definition(
            "billing.renewal_years",
            Kind.INTEGER,
            _("Days before yearly renewals"),
            30,
            _("Periods of a year or more are invoiced this many days before they begin."),
            maximum=180,
        ),
        Definition(
            "billing.renewal_months",
            Kind.INTEGER,
            _("Days before monthly renewals"),
            14,
            _("Periods of one to six months are invoiced this many days before they begin."),
            maximum=27,
        ),
        Definition(
            "billing.renewal_weeks",
            Kind.INTEGER,
            _("Days before weekly renewals"),
            3,
            _("Periods of one or two weeks are invoiced this many days before they begin."),
            maximum=6,
        ),
        Definition(
            "billing.automatic_charges",
            Kind.BOOLEAN,
            _("Automatic charges"),
            True,
            _("Saved payment methods are charged for invoices that are due, if clients want that."),
        ),
        Definition(
            "billing.charge_days_before",
            Kind.INTEGER,
            _("Days before the due date"),
            0,
            _("Saved payment methods are charged this many days before an invoice is due."),
            maximum=30,
        ),
        Definition(
            "billing.prepaid_warning_days",
            Kind.INTEGER,
            _("Warning before credit runs out"),
            3,
            _(
                "The event credit.low is raised when the credit of a client covers its prepaid"
                " services for fewer days."
            ),
            minimum=1,
            maximum=90,
        ),
        Definition(
            "billing.prepaid_start_days",
            Kind.INTEGER,
            _("Credit to start prepaid services, in days"),
            3,
            _(
                "An ordered prepaid service starts when the credit covers this many days of all the"
                " client's prepaid services; with 0, its first hour or day."
            ),
            maximum=365,
        ),
        Definition(
            "billing.funds_minimum",
            Kind.INTEGER,
            _("Minimum top-up"),
            5,
            _("The minimum amount of a single top-up, in the base currency."),
            minimum=1,
            maximum=1_000_000,
        ),
        Definition(
            "billing.funds_maximum",
            Kind.INTEGER,
            _("Maximum top-up"),
            5000,
            _("The maximum amount, in the base currency. 0 disables adding funds for customers."),
            maximum=1_000_000,
        ),
    ),
)
AUTOMATION = Group(
    "automation",
    _("Automation"),
    _("What happens if invoices are not paid, in addition to the days of each product."),
    (
        Definition(
            "automation.suspensions",
            Kind.BOOLEAN,
            _("Automatic suspensions"),
            True,
            _(
                "Services with unpaid invoices are suspended and terminated after the days set for"
                " their product. Paid services are unsuspended in any case."
            ),
        ),
        Definition(
            "automation.reminders_before",
            Kind.TEXT,
            _("Reminders before the due date"),
            "3",
            _("Days before the due date, such as 7, 3. Leave empty for no reminders."),
            rule=offsets_problem,
        ),
        Definition(
            "automation.reminders_after",
            Kind.TEXT,
            _("Reminders after the due date"),
            "3, 10",
            _("Days after the due date, such as 1, 7, 14. Leave empty for no reminders."),
            rule=offsets_problem,
        ),
        Definition(
            "automation.fee",
            Kind.CHOICE,
            _("Late fee"),
            str(LateFee.NONE),
            _("An invoice of its own, not subject to VAT, for each overdue invoice."),
            choices=tuple((str(key), text) for key, text in LATE_FEES.items()),
        ),
        Definition(
            "automation.fee_days",
            Kind.DURATION,
            _("Days until the late fee"),
            7,
            _("Counted from the due date."),
            minimum=1,
            maximum=365,
            unit="days",
        ),
        Definition(
            "automation.fee_percent",
            Kind.DECIMAL,
            _("Late fee in percent"),
            Decimal(5),
            _("Of the unpaid amount, if the late fee is a percentage."),
            maximum=100,
        ),
        Definition(
            "automation.fee_amount",
            Kind.DECIMAL,
            _("Amount of the late fee"),
            Decimal(10),
            _("In the base currency, if the late fee is a fixed amount."),
            maximum=100_000,
        ),
        Definition(
            "automation.cancel_orders_days",
            Kind.DURATION,
            _("Cancel unpaid orders"),
            30,
            _("Orders of which nothing was paid or provisioned are cancelled. 0 for never."),
            maximum=3650,
            unit="days",
        ),
        Definition(
            "automation.stop_percent",
            Kind.INTEGER,
            _("Limit per day, percent"),
            5,
            _(
                "Percentage of the services in use. Suspensions and terminations need approval"
                " above the lower of the two limits; charges and reminders, above the higher. Up to"
                " 10 a day are always allowed. 0 for no limit."
            ),
            maximum=100,
        ),
        Definition(
            "automation.stop_times",
            Kind.INTEGER,
            _("Limit per day, multiple"),
            10,
            _("Multiple of the median day; works like the limit in percent. 0 for no limit."),
            maximum=1000,
        ),
    ),
)
