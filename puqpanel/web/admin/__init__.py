"""Staff pages: one module per entity, with its routes and forms.

Every route names the permission it requires. Business rules belong to operations.
"""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.admin.accounts import (
    address_book,
    auth,
    clients,
    pick,
    saved_views,
    staff,
    user_permissions,
)
from puqpanel.web.admin.billing import (
    books,
    companies,
    credit,
    credit_notes,
    currencies,
    documents,
    drafts,
    exports,
    forecast,
    parked_payments,
    payment_events,
    payments,
    payouts,
    pdf_templates,
    reconciliation,
    refunds,
    statements,
    tax_rates,
    vat_numbers,
)
from puqpanel.web.admin.catalog import groups, options, prices, products
from puqpanel.web.admin.modules import gateways, module_log, modules, senders
from puqpanel.web.admin.ordering import acceptance, changes, coupons, endings, offers, orders, terms
from puqpanel.web.admin.ordering import drafts as order_drafts
from puqpanel.web.admin.oversight import bulk, dashboard, health, schedule, search, setup, tasks
from puqpanel.web.admin.provisioning import differences, requests, services, stopped_runs
from puqpanel.web.admin.system import activity, settings


def blueprint() -> Blueprint:
    """Return the blueprint of the staff area; endpoints are named like `admin.services.index`."""
    area = Blueprint("admin", __name__, url_prefix="/admin")
    for entity in (
        auth,
        dashboard,
        clients,
        address_book,
        user_permissions,
        vat_numbers,
        credit,
        services,
        requests,
        differences,
        stopped_runs,
        changes,
        endings,
        terms,
        orders,
        order_drafts,
        acceptance,
        coupons,
        offers,
        bulk,
        products,
        books,
        documents,
        credit_notes,
        drafts,
        exports,
        payments,
        payment_events,
        parked_payments,
        payouts,
        refunds,
        reconciliation,
        forecast,
        statements,
        companies,
        pdf_templates,
        tax_rates,
        prices,
        groups,
        options,
        currencies,
        gateways,
        senders,
        tasks,
        schedule,
        modules,
        module_log,
        staff,
        search,
        health,
        pick,
        saved_views,
        activity,
        settings,
        setup,
    ):
        area.register_blueprint(entity.bp)
    return area
