"""Database models, one file for each entity: tables, columns and constraints.

Rules about when they change belong to operations, their presentation to web. The files have no
`from __future__ import annotations`: SQLAlchemy would parse each column's annotation at startup.
"""

from puqpanel.models.accounts.addresses import Address
from puqpanel.models.accounts.clients import Client, ClientUser, Contact
from puqpanel.models.accounts.invitations import Invitation
from puqpanel.models.accounts.saved_views import SavedView
from puqpanel.models.accounts.sessions import AccountSession
from puqpanel.models.accounts.staff import Role, Staff, staff_roles
from puqpanel.models.accounts.users import User
from puqpanel.models.billing.attempts import AttemptDocument, PaymentAttempt, PaymentMethod
from puqpanel.models.billing.books import BooksCheck
from puqpanel.models.billing.companies import Company, Series
from puqpanel.models.billing.documents import Charge, Document, DocumentLineRow, DocumentTax
from puqpanel.models.billing.ledger import LedgerEntry, Posting
from puqpanel.models.billing.payment_events import PaymentEvent
from puqpanel.models.billing.payments import Allocation, Payment, Refund
from puqpanel.models.billing.payouts import Payout
from puqpanel.models.billing.prepaid import Debit, PrepaidAccount, PrepaidTotal
from puqpanel.models.billing.steps import Step, StoppedRun
from puqpanel.models.billing.taxes import CompanyTaxRule, CountryTax, VatCheck
from puqpanel.models.catalog.groups import ProductGroup
from puqpanel.models.catalog.options import Option, OptionGroup, ProductOptionGroup
from puqpanel.models.catalog.prices import OptionPrice, Price
from puqpanel.models.catalog.products import Product
from puqpanel.models.modules.configured_modules import ConfiguredModule
from puqpanel.models.modules.installed import InstalledModule
from puqpanel.models.modules.module_log import ModuleLog
from puqpanel.models.modules.modules import Generation, Module
from puqpanel.models.ordering.carts import Cart
from puqpanel.models.ordering.changes import Change
from puqpanel.models.ordering.coupons import Coupon, CouponUse
from puqpanel.models.ordering.endings import Ending
from puqpanel.models.ordering.offers import Offer
from puqpanel.models.ordering.orders import Order, OrderItem
from puqpanel.models.provisioning.differences import ServiceDifference
from puqpanel.models.provisioning.prepaid_spans import PrepaidSpan
from puqpanel.models.provisioning.services import Service
from puqpanel.models.system.audit import Audit
from puqpanel.models.system.bulk import BulkItem
from puqpanel.models.system.currencies import Currency
from puqpanel.models.system.files import StoredFile
from puqpanel.models.system.heartbeats import Heartbeat
from puqpanel.models.system.schedule import ScheduleEntry
from puqpanel.models.system.settings import Setting
from puqpanel.models.system.tasks import Task, TaskAttempt, TaskTag

__all__ = [
    "AccountSession",
    "Address",
    "Allocation",
    "AttemptDocument",
    "Audit",
    "BooksCheck",
    "BulkItem",
    "Cart",
    "Change",
    "Charge",
    "Client",
    "ClientUser",
    "Company",
    "CompanyTaxRule",
    "ConfiguredModule",
    "Contact",
    "CountryTax",
    "Coupon",
    "CouponUse",
    "Currency",
    "Debit",
    "Document",
    "DocumentLineRow",
    "DocumentTax",
    "Ending",
    "Generation",
    "Heartbeat",
    "InstalledModule",
    "Invitation",
    "LedgerEntry",
    "Module",
    "ModuleLog",
    "Offer",
    "Option",
    "OptionGroup",
    "OptionPrice",
    "Order",
    "OrderItem",
    "Payment",
    "PaymentAttempt",
    "PaymentEvent",
    "PaymentMethod",
    "Payout",
    "Posting",
    "PrepaidAccount",
    "PrepaidSpan",
    "PrepaidTotal",
    "Price",
    "Product",
    "ProductGroup",
    "ProductOptionGroup",
    "Refund",
    "Role",
    "SavedView",
    "ScheduleEntry",
    "Series",
    "Service",
    "ServiceDifference",
    "Setting",
    "Staff",
    "Step",
    "StoppedRun",
    "StoredFile",
    "Task",
    "TaskAttempt",
    "TaskTag",
    "User",
    "VatCheck",
    "staff_roles",
]
