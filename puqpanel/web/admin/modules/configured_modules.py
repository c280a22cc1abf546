"""What gateways and senders share: a list in staff's order, and a page with the module's
settings for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.models import Instance
from puqpanel.operations.modules import availability, configured_modules, module_settings
from puqpanel.operations.system import audit
from puqpanel.web.forms import Form, add_errors, answers, choices
from puqpanel.web.guard import actor, allow, can

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Kind:
    """One noun.

    Args:
        type: of the modules whose instances these are.
        one, many: what they are called.
        icon: their mark.
        says: what they are, in a sentence.
        called: the sentence for the title's field.
        order: what the order means.
        on, off: what happens by switching one.
    """

    type: str
    one: str
    many: str
    icon: str
    says: str
    called: str
    order: str
    on: str
    off: str


class NewForm(Form):
    """A new instance."""

    title = StringField("Title", [InputRequired("A title is needed."), Length(max=200)])
    module = SelectField("Module")


class TitleForm(Form):
    """Another title."""

    title = StringField("Title", [InputRequired("A title is needed."), Length(max=200)])


class Pages:
    """The pages of one noun. A subclass adds what only it has.

    Args:
        kind: which.
        name: the importing module's.
    """

    def __init__(self, kind: Kind, name: str) -> None:
        self.kind = kind
        self.bp = Blueprint(kind.many, name, url_prefix=f"/{kind.many}")
        self.see("/", self.index)
        self.change("/new", self.create_form, "GET")
        self.change("/new", self.create_submit)
        self.see("/<uuid>", self.show)
        self.change("/<uuid>/settings", self.settings_submit)
        self.change("/<uuid>/edit", self.edit_form, "GET")
        self.change("/<uuid>/edit", self.edit_submit)
        self.change("/<uuid>/move", self.move)
        self.change("/<uuid>/switch", self.switch)
        self.change("/<uuid>/test", self.test)
        self.change("/<uuid>/delete", self.delete_form, "GET")
        self.change("/<uuid>/delete", self.delete_submit)

    def see(self, rule: str, view: View) -> None:
        """Adds a page for whoever may see this noun."""
        self._add(rule, view, "GET", f"{self.kind.many}.view")

    def change(self, rule: str, view: View, method: str = "POST") -> None:
        """Adds a page for whoever may change this noun."""
        self._add(rule, view, method, f"{self.kind.many}.manage")

    def _add(self, rule: str, view: View, method: str, permission: str) -> None:
        @allow(permission)
        @wraps(view)
        def serve(**given: Any) -> ResponseReturnValue:
            return view(**given)

        self.bp.add_url_rule(rule, view.__name__, serve, methods=[method])

    def find(self, uuid: str) -> Instance:
        """One of this noun. Raises NotFoundError."""
        return configured_modules.find_instance(uuid, self.kind.type)

    def url(self, view: str, uuid: str = "") -> str:
        """The address of one of these pages."""
        endpoint = f"admin.{self.kind.many}.{view}"
        return url_for(endpoint, uuid=uuid) if uuid else url_for(endpoint)

    # The list, and making one.

    def index(self) -> ResponseReturnValue:
        """The list, in staff's order."""
        rows = configured_modules.list_instances(self.kind.type)
        held = availability.unavailable_reasons({row.module for row in rows})
        modules = {row.module: configured_modules.module_of(row) for row in rows}
        return render_template(
            "admin/modules/configured_modules/index.html",
            pages=self,
            kind=self.kind,
            rows=rows,
            held=held,
            modules=modules,
            offered=self._offered(),
        )

    def create_form(self) -> ResponseReturnValue:
        """The form of a new one."""
        form = NewForm(formdata=None, data={"module": request.args.get("module", "")})
        return self._new(form)

    def create_submit(self) -> ResponseReturnValue:
        """Makes one, then leads on to its settings."""
        form = self._with_modules(NewForm())
        if form.validate_on_submit():
            try:
                made = configured_modules.create_instance(
                    actor=actor(), module_type=self.kind.type, **form.values("title", "module")
                )
            except UserError as error:
                add_errors(form, error)
            else:
                flash(
                    f"{made.title} was added and is still off. Save its settings, then switch"
                    " it on.",
                    "good",
                )
                return redirect(self.url("show", made.uuid))
        return self._new(form), 422

    def _new(self, form: NewForm) -> str:
        back = self.url("index")
        form.title.description = self.kind.called
        return render_template(
            "admin/modules/configured_modules/new.html",
            kind=self.kind,
            form=self._with_modules(form),
            back=back,
            crumbs=[(self.kind.many.capitalize(), back)],
            offered=self._offered(),
        )

    def _offered(self) -> list[tuple[str, str]]:
        return [
            (module.key, module.title)
            for module in configured_modules.offered_modules(self.kind.type)
        ]

    def _with_modules(self, form: NewForm) -> NewForm:
        form.module.choices = choices(self._offered())
        return form

    # One of them.

    def show(self, uuid: str) -> ResponseReturnValue:
        """One, with its module's settings."""
        return self._show(self.find(uuid))

    def settings_submit(self, uuid: str) -> ResponseReturnValue:
        """Lets the module check and keep its settings."""
        self.find(uuid)
        sent = answers()
        try:
            module_settings.save_settings(actor=actor(), uuid=uuid, data=sent)
        except UserError as error:
            errors = error.errors if isinstance(error, InvalidInput) else {"": [str(error)]}
            return self._show(self.find(uuid), sent, errors), 422
        flash("The settings were saved.", "good")
        return redirect(self.url("show", uuid))

    def _show(
        self,
        instance: Instance,
        sent: dict[str, Any] | None = None,
        errors: dict[str, list[str]] | None = None,
    ) -> str:
        uuid, module = instance.uuid, configured_modules.module_of(instance)
        manage = can(f"{self.kind.many}.manage")
        called = (
            module_settings.settings_page(
                actor=actor(), instance=instance, sent=sent, errors=errors
            )
            if manage
            else None
        )
        return render_template(
            self.template,
            pages=self,
            kind=self.kind,
            instance=instance,
            module=module,
            held=availability.unavailable_reason(instance.module),
            called=called,
            errors=errors or {},
            action=self.url("settings_submit", uuid),
            label="Save settings",
            consequence="Kept encrypted. Used at once.",
            webhook=configured_modules.webhook_address(instance)
            if configured_modules.has_webhook(module)
            else "",
            can_test=module_settings.can_test(module),
            manage=manage,
            timeline=audit.timeline(self.kind.one, uuid, 20),
            **self.further(instance),
        )

    template = "admin/modules/configured_modules/show.html"

    def further(self, instance: Instance) -> dict[str, Any]:
        """What the page of this noun shows besides."""
        return {}

    def edit_form(self, uuid: str) -> ResponseReturnValue:
        """The form of the title."""
        instance = self.find(uuid)
        return self._edit(TitleForm(obj=instance), instance)

    def edit_submit(self, uuid: str) -> ResponseReturnValue:
        """Gives another title."""
        instance, form = self.find(uuid), TitleForm()
        if form.validate_on_submit():
            try:
                configured_modules.rename_instance(actor=actor(), uuid=uuid, **form.values("title"))
            except UserError as error:
                add_errors(form, error)
            else:
                flash(f"The {self.kind.one} was renamed.", "good")
                return redirect(self.url("show", uuid))
        return self._edit(form, instance), 422

    def _edit(self, form: TitleForm, instance: Instance) -> str:
        back = self.url("show", instance.uuid)
        form.title.description = self.kind.called
        return render_template(
            "admin/form.html",
            title=f"Rename {instance.title}",
            crumbs=[(self.kind.many.capitalize(), self.url("index")), (instance.title, back)],
            form=form,
            label=f"Rename {self.kind.one}",
            back=back,
        )

    def move(self, uuid: str) -> ResponseReturnValue:
        """One place up or down."""
        self.find(uuid)
        configured_modules.move_instance(
            actor=actor(), uuid=uuid, up=request.form.get("way") == "up"
        )
        return redirect(self.url("index"))

    def switch(self, uuid: str) -> ResponseReturnValue:
        """On or off."""
        self.find(uuid)
        active = request.form.get("on") == "yes"
        try:
            instance = configured_modules.switch_instance(actor=actor(), uuid=uuid, active=active)
        except UserError as error:
            flash(str(error), "bad")
        else:
            flash(
                f"{instance.title} is switched {'on' if active else 'off'}."
                f" {self.kind.on if active else self.kind.off}",
                "good",
            )
        return redirect(self.url("show", uuid))

    def test(self, uuid: str) -> ResponseReturnValue:
        """Asks the module whether what is stored works."""
        self.find(uuid)
        try:
            result = module_settings.test_connection(actor=actor(), uuid=uuid)
        except UserError as error:
            flash(str(error), "bad")
        else:
            said = f" {result.message}" if result.message else ""
            flash(
                (
                    f"The connection works.{said}"
                    if result.ok
                    else f"The connection does not work.{said}"
                ),
                "good" if result.ok else "bad",
            )
        return redirect(self.url("show", uuid))

    def delete_form(self, uuid: str) -> ResponseReturnValue:
        """The question before one is deleted."""
        return self._delete(self.find(uuid))

    def delete_submit(self, uuid: str) -> ResponseReturnValue:
        """Deletes one."""
        instance = self.find(uuid)
        try:
            configured_modules.delete_instance(actor=actor(), uuid=uuid)
        except UserError as error:
            return self._delete(instance, str(error)), 409
        flash(f"{instance.title} was deleted.", "good")
        return redirect(self.url("index"))

    def _delete(self, instance: Instance, wrong: str = "") -> str:
        goes = ["Its settings, with the secrets in them"]
        if configured_modules.has_webhook(configured_modules.module_of(instance)):
            goes.append("Its webhook address: what is called there gets no answer any more")
        return render_template(
            "admin/confirm.html",
            title=f"Delete {instance.title}?",
            button=f"Delete {self.kind.one}",
            back=self.url("show", instance.uuid),
            goes=goes,
            stays="The module, its tables and its log stay.",
            wrong=wrong,
        )
