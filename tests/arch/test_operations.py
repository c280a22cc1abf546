"""Every operation that changes something asks for a permission, whatever its route declares."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import puqpanel.operations
from puqpanel.app import Panel
from puqpanel.domain.brake import RunKind
from puqpanel.domain.errors import PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import AUTOMATION, CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import transaction
from puqpanel.models import ConfiguredModule, Product, Staff, StoppedRun
from puqpanel.operations.automation.brake import Verdict
from puqpanel.operations.ordering import changes
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.plans import Target
from tests.sample import make_client

ROOT = Path(puqpanel.operations.__path__[0])
POWERLESS = Principal(PrincipalKind.STAFF, 999_999, "Powerless", session_id=1)
CUSTOMER = Principal(
    PrincipalKind.USER,
    999_999,
    "Customer",
    permissions=CLIENT_KEYS,
    client=CurrentClient(1, "a-client", "Client"),
)
OWN = {
    "accounts.impersonation.end": "the actor's own view",
    "accounts.impersonation.record_request": "records what the actor did",
    "accounts.invitations.accept": "the invited person; the link of the invitation is the right",
    "accounts.invitations.invite": "the actor's own client; asks for the client permission",
    "accounts.invitations.own_invitations": "reads; a customer sees the own client only",
    "accounts.invitations.withdraw": "the actor's own client; asks for the client permission",
    "accounts.members.drop": "a part of operations that have asked",
    "accounts.members.grant": "a part of operations that have asked",
    "accounts.members.join": "a part of operations that have asked",
    "accounts.own_details.save_own_details": "the actor's own client; asks for its permission",
    "accounts.own_users.check_may_change": "a part of operations that have asked",
    "accounts.own_users.may_change": "reads; for the page of the users",
    "accounts.own_users.own_client": "the actor's own client; asks for the client permission",
    "accounts.own_users.remove_own_user": "the actor's own client; asks for its permission",
    "accounts.own_users.set_own_user_permissions": "the actor's own client; asks for its permission",
    "accounts.preferences.save": "the actor's own preferences",
    "accounts.sessions.end_all_for": "a part of operations that have asked",
    "accounts.signin.change_own_password": "verifies the actor's current password",
    "accounts.signin.sign_out": "the actor's own session",
    "billing.attempts.check": "the actor's own client",
    "billing.attempts.find_own": "reads; a customer sees the own client only",
    "billing.attempts.page": "changes nothing; a customer sees the own client only",
    "billing.attempts.start": "the actor's own client",
    "billing.method_charges.charge_own": "the actor's own client; asks for its permission",
    "billing.payment_methods.find_own": "reads; a customer sees the own client only",
    "billing.payment_methods.request_task": "a part of operations that have asked",
    "billing.payment_methods.remove": "the actor's own client; asks for its permission",
    "billing.payment_methods.set_automatic": "the actor's own client; asks for its permission",
    "billing.attempts.open_attempt": "the actor's own client; asks for its permission",
    "billing.payments.book": "a part of operations that have asked",
    "billing.payments.pay_documents": "a part of operations that have asked",
    "billing.taking_back.give_back": "a part of operations that have asked",
    "billing.taking_back.take_back": "a part of operations that have asked",
    "billing.credit.pay_own_document": "the actor's own client; asks for the client permission",
    "billing.documents.find_document_of": "reads; a customer sees the own client only",
    "billing.funds.cancel_own": "the actor's own client; asks for the client permission",
    "billing.funds.request_own": "the actor's own client; asks for the client permission",
    "billing.prepaid_accounts.set_own_cap": "the actor's own client; asks for the client permission",
    "billing.issuing.cancel": "a part of operations that have asked",
    "billing.statements.client_of": "asks staff and users; a customer sees the own client only",
    "billing.statements.statement": "asks staff and users; a customer sees the own client only",
    "billing.vat_numbers.request_check": "a part of operations that have asked",
    "billing.payments.spend_credit": "a part of operations that have asked",
    "billing.issuing.issue_quoted": "a part of operations that have asked",
    "billing.sealing.seal": "a part of operations that have asked",
    "billing.sealing.seal_all": "a part of operations that have asked",
    "modules.configured_modules.record_change": "a part of operations that have asked",
    "modules.configured_modules.require_manage": "asks and changes nothing",
    "modules.forms.invalid_settings": "changes nothing; a part of operations that have asked",
    "modules.forms.validate": "a part of operations that have asked",
    "modules.page_writes.record_write": "records what the actor did; the route has asked",
    "modules.module_settings.preview": "changes nothing; its page declares the permission",
    "modules.module_settings.settings_page": "changes nothing; its page declares the permission",
    "ordering.change_documents.issue": "a part of operations that have asked",
    "ordering.changes.drop": "a part of operations that have asked",
    "ordering.plans.check_changeable": "changes nothing; a part of operations that have asked",
    "ordering.plans.plan": "changes nothing; a part of operations that have asked",
    "ordering.plans.products_for": "reads; for the pages of a service",
    "ordering.cancellation.take_back": "a part of operations that have asked",
    "ordering.limits.check_change": "changes nothing; a part of operations that have asked",
    "ordering.limits.check_order": "changes nothing; a part of operations that have asked",
    "ordering.offers.record": "a part of operations that have asked",
    "ordering.drafts.record_change": "a part of operations that have asked",
    "accounts.addresses.record": "a part of operations that have asked",
    "ordering.checkout.choose_address": "the actor's own cart; asks for the client permission",
    "ordering.checkout.check_out": "the actor's own cart; asks for the client permission",
    "ordering.checkout.find_item": "reads; a customer sees the own client only",
    "ordering.checkout.find_own_order": "reads; a customer sees the own client only",
    "ordering.checkout.needs_details": "changes nothing",
    "ordering.checkout.save_item_details": "the actor's own cart; asks for the client permission",
    "ordering.order_forms.check": "changes nothing; a part of operations that have asked",
    "ordering.order_forms.field_names": "changes nothing",
    "ordering.order_forms.labels": "changes nothing",
    "ordering.order_forms.page": "changes nothing",
    "ordering.offer_answers.accept": "the actor's own offer; asks for the client permission",
    "ordering.offer_answers.decline": "the actor's own offer; asks for the client permission",
    "ordering.offers.find_own": "reads; a customer sees the own client only",
    "ordering.offers.own_offers": "reads; a customer sees the own client only",
    "ordering.offers.open_offers": "reads; a customer sees the own client only",
    "ordering.risks.facts": "reads; a part of placing an order",
    "ordering.risks.address": "reads; a part of placing an order",
    "ordering.risks.status_for": "reads; a part of placing an order",
    "provisioning.package_change.apply": "a part of `requests.request`, which has asked",
    "provisioning.package_change.reapply": "a part of a retry, which has asked",
    "provisioning.package_change.revert": "settles a failed change",
    "provisioning.requests.enqueue": "called by modules: `requests.request` has asked",
    "provisioning.requests.missing_fields": "changes nothing; a part of operations that have asked",
    "provisioning.services.find_service_of": "reads; a customer sees the own client only",
    "provisioning.services.services_of": "reads; a customer sees the own client only",
    "provisioning.settlement.complete": "settles a task",
    "provisioning.settlement.fail": "settles a task",
    "provisioning.settlement.set_provision_status": "called by modules, about their own services",
    "system.audit.count_refusal": "counts a refused request",
    "system.audit.record": "a part of every operation",
    "system.audit.record_all": "a part of every operation",
}
"""Public functions with an actor that ask for no permission, each with the reason."""
ANY_STAFF = {
    "accounts.saved_views.delete_view",
    "accounts.saved_views.rename_view",
    "accounts.saved_views.save_view",
    "accounts.saved_views.set_default_view",
}
"""Operations of all staff, on what is their own."""


@functools.cache
def functions() -> list[tuple[str, ast.FunctionDef]]:
    """Return the public functions of all operations, by subject area, module and name."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        prefix = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.append((f"{prefix}.{node.name}", node))
    return found


@functools.cache
def with_actor() -> dict[str, Callable[..., Any]]:
    """Return the public functions that have an actor."""
    found = {}
    for name, node in functions():
        if any(arg.arg == "actor" for arg in [*node.args.args, *node.args.kwonlyargs]):
            module, _, function = name.rpartition(".")
            found[name] = getattr(
                importlib.import_module(f"puqpanel.operations.{module}"), function
            )
    return found


ASKING = sorted(set(with_actor()) - set(OWN))


def test_the_exceptions_exist() -> None:
    assert set(OWN) | ANY_STAFF <= set(with_actor())


@pytest.fixture
def values(panel: Panel) -> dict[str, Any]:
    """Arguments by name, of objects that exist where the permission depends on them."""
    client, user = make_client(AUTOMATION)
    with transaction() as current:
        instance = ConfiguredModule(type="Payment", name="SamplePayment", title="Gateway")
        owner = Staff(email="owner@panel.test", name="Owner", password_hash="x")
        current.add_all([instance, owner])
        current.flush()
        uuid = instance.uuid
    return {
        "change": changes.Request("x", Target(Product(), "monthly"), "token"),
        "client_uuid": client.uuid,
        "request": Request(client.uuid, (), "token"),
        "key": "company",
        "module_type": "Payment",
        "modules_dir": Path("modules"),
        "person": user,
        "price": Money(1, "EUR"),
        "user_uuid": user.uuid,
        "uuid": uuid,
        "values": {"firm.name": "Nobody"},
        "run": StoppedRun(kind=RunKind.SERVICES, steps=[]),
        "verdict": Verdict(RunKind.SERVICES, []),
        "verb": "create",
    }


def call(name: str, actor: Principal, values: dict[str, Any]) -> None:
    function = with_actor()[name]
    required = {
        parameter.name: values.get(parameter.name, "x")
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.name != "actor"
    }
    if name == "system.settings.unset":
        required["name"] = "firm.name"
    function(actor=actor, **required)


def test_operations_refuse_whoever_lacks_their_permission(values: dict[str, Any]) -> None:
    reached = []
    for name in ASKING:
        for actor in [CUSTOMER] if name in ANY_STAFF else [CUSTOMER, POWERLESS]:
            try:
                call(name, actor, values)
            except PermissionDenied:
                continue
            except Exception as error:
                reached.append((name, actor.name, repr(error)))
            else:
                reached.append((name, actor.name, "it ran"))
    assert reached == []


WITHOUT_ACTOR = {
    "accounts.invitations.accept_new": "the invited person, who is nobody yet",
    "accounts.members.create_user": "a part of operations that have asked",
    "accounts.registration.register": "a visitor, who is nobody yet",
    "accounts.sessions.end_where": "a part of operations that have asked",
    "accounts.session_pruning.prune": "maintenance",
    "accounts.sessions.renew": "the session of the request",
    "accounts.sessions.save_draft": "the session of the request",
    "accounts.sessions.start": "a sign-in",
    "accounts.sessions.touch": "the session of the request",
    "accounts.staff.ensure_owner_role": "a part of `create_staff`",
    "automation.brake.note_run": "maintenance",
    "automation.simulation.follow_ups.finish_tasks": "a part of a simulation that has asked",
    "automation.suspensions.confirm": "called by the task of a step that was claimed",
    "automation.suspensions.lift_missed": "maintenance",
    "automation.suspensions.take": "maintenance",
    "automation.unpaid_orders.cancel": "maintenance",
    "billing.books_checks.run": "maintenance",
    "billing.charges.claim": "a part of operations that have asked",
    "billing.document_files.pdf": "keeps the file of an issued document",
    "billing.documents.write": "a part of operations that have asked",
    "billing.ledger.post_all": "a part of operations that have asked",
    "billing.dispute_reports.record_dispute": "records what a gateway reported",
    "billing.payouts.record_report": "records what a gateway reported",
    "billing.payment_events.close": "called by the task that read the event",
    "billing.payment_events.prune": "maintenance",
    "billing.payment_events.store": "called by the webhook, after its signature was verified",
    "billing.method_charges.begin": "called by the task that charges",
    "billing.method_charges.fail": "called by the task that charges",
    "billing.payment_methods.keep": "a part of a payment's record",
    "billing.payment_methods.record_change": "records what a gateway reported",
    "billing.payment_polls.mark_unknown": "called by the task that asked the gateway",
    "billing.payment_polls.schedule_due": "maintenance",
    "billing.payment_reports.record_payment": "records what a gateway reported",
    "billing.refund_reports.insert": "a part of recording what a gateway reported",
    "billing.refund_reports.record_refund": "records what a gateway reported",
    "billing.refunds.record_outcome": "called by the task that asked the gateway",
    "billing.plain_documents.write": "a part of operations that have asked",
    "billing.print_failures.record": "notes that a template or logo failed for a document",
    "billing.vat_numbers.ask": "called by the task, with the answer of VIES",
    "modules.breaker.record_failure": "counts failures of a module",
    "modules.hooks.record": "adds the listeners of an event",
    "modules.installed.pick_up": "copies the names of new folders for the list",
    "modules.installed.rescan": "a part of `loading.rescan`, which has asked",
    "modules.module_log.prune": "maintenance",
    "modules.loading.refuse": "records why a module cannot be loaded",
    "modules.loading.count_crashes": "counts crashes at the start of a process",
    "modules.loading.record_load": "records what a process has loaded",
    "modules.parking.unpark": "resumes tasks once their module is active",
    "ordering.carts.change": "the cart of the visitor or client of the request",
    "ordering.carts.claim": "the cart of the visitor of the request",
    "ordering.carts.prune": "maintenance",
    "ordering.carts.put": "the cart of the visitor or client of the request",
    "ordering.carts.remove": "the cart of the visitor or client of the request",
    "ordering.carts.set_address": "the cart of the visitor or client of the request",
    "ordering.carts.set_coupon": "the cart of the visitor or client of the request",
    "ordering.carts.take_ordered": "a part of an order, which has asked",
    "ordering.coupon_uses.count_periods": "a part of a renewal, which has asked",
    "ordering.coupon_uses.end_discount": "a part of a change, which has asked",
    "ordering.coupon_uses.give_back": "a part of a cancellation, which has asked",
    "ordering.coupon_uses.take": "a part of an order, which has asked",
    "ordering.endings.carry_out_due": "maintenance",
    "ordering.endings.settle_cancelled": "called by the task of a service that was cancelled",
    "ordering.stock.give_back": "a part of a cancellation or a change, which has asked",
    "ordering.stock.take": "a part of an order or a change, which has asked",
    "oversight.tasks.prune": "maintenance",
    "ordering.acceptance.withhold": "called by the task that suspends a fraudulent service",
    "provisioning.observations.postpone": "called by jobs, before they query providers",
    "provisioning.observations.record": "called by jobs, with the answers of providers",
    "provisioning.settlement.keep_service_data": "called by jobs, about their own services",
    "provisioning.settlement.set_provision_data": "called by modules, about their own services",
    "system.audit.prune_refusals": "maintenance",
    "system.files.delete_unused": "a part of saving settings",
    "system.files.store_image": "a part of saving settings",
    "system.rotation.rotate": "a command of the server's administrator",
    "system.settings.use_version": "records the version at the start",
}
"""Public functions that write without an actor, each with the reason."""


def test_writing_functions_without_an_actor_are_listed() -> None:
    writing = {
        name
        for name, node in functions()
        if name not in with_actor()
        and any(
            word in ast.unparse(node) for word in ("transaction(", "write(", "save(", "insert_all(")
        )
    }
    assert writing == set(WITHOUT_ACTOR)
