"""Pages shared by gateways and senders: an ordered list, and one page per configured module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import UserError
from puqpanel.domain.permissions import TASKS_VIEW
from puqpanel.domain.texts import Text
from puqpanel.models import ConfiguredModule, Task
from puqpanel.operations.modules import availability, configured_modules, module_settings
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web import drafts
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, answers, choices, field_errors, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.module_labels import form_labels

View = Callable[..., ResponseReturnValue]
TITLE_VALIDATORS = [InputRequired(_("Enter a title.")), Length(max=200)]


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes gateways from senders on the shared pages.

    Args:
        type: the type of their modules.
        singular: the noun; also the subject type in the audit.
        plural: the plural; also the blueprint's name and URL prefix.
        icon: a Font Awesome name.
        description: one sentence for page heads and empty states.
        title_help: the help text of the title field.
        order_help: what the order of the list affects.
        enabled_effect: shown after one is enabled.
        disabled_effect: shown after one is disabled.
        title: heading of its pages.
        one: name of one of them.
        add: button that creates one.
        rename: button that renames one.
        delete: button that deletes one.
        enable: button that enables one.
        disable: button that disables one.
        no_module: shown while no module of the type is active.
        show_modules: link to the modules of the type.
        activate_first: what to do without an active module.
        none_yet: shown while there is none.
        rejects: shown beside the webhook of a disabled one.
    """

    type: str
    singular: str
    plural: str
    icon: str
    description: Text
    title_help: Text
    order_help: Text
    enabled_effect: Text
    disabled_effect: Text
    title: Text
    one: Text
    add: Text
    rename: Text
    delete: Text
    enable: Text
    disable: Text
    no_module: Text
    show_modules: Text
    activate_first: Text
    none_yet: Text
    rejects: Text


class NewForm(Form):
    """The form of a new configured module."""

    title = StringField(_("Title"), TITLE_VALIDATORS)
    module = SelectField(_("Module"))


class TitleForm(Form):
    """The rename form."""

    title = StringField(_("Title"), TITLE_VALIDATORS)


class Pages:
    """The pages of one kind of configured module; subclasses add their own.

    Args:
        kind: gateways or senders.
        import_name: the import name of the module that creates the pages.
    """

    template = "admin/modules/configured_modules/show.html"

    def __init__(self, kind: Kind, import_name: str) -> None:
        self.kind = kind
        self.bp = Blueprint(kind.plural, import_name, url_prefix=f"/{kind.plural}")
        self.add_route("/", self.index, "view", "GET")
        self.add_route("/new", self.create, "manage", "GET", "POST")
        self.add_route("/<uuid>", self.show, "view", "GET")
        self.add_route("/<uuid>/settings", self.save_settings, "manage", "POST")
        self.add_route("/<uuid>/edit", self.edit, "manage", "GET", "POST")
        self.add_route("/<uuid>/move", self.move, "manage", "POST")
        self.add_route("/<uuid>/switch", self.switch, "manage", "POST")
        self.add_route("/<uuid>/test", self.test, "manage", "POST")
        self.add_route("/<uuid>/delete", self.delete, "manage", "GET", "POST")

    def add_route(self, rule: str, view: View, permission: str, *methods: str) -> None:
        """Add a route.

        Args:
            rule: its URL below the list.
            view: its view.
            permission: `view` or `manage`.
            methods: its HTTP methods.
        """

        @allow(f"{self.kind.plural}.{permission}")
        @wraps(view)
        def serve(**params: Any) -> ResponseReturnValue:
            return view(**params)

        self.bp.add_url_rule(rule, view.__name__, serve, methods=methods)

    def find(self, uuid: str) -> ConfiguredModule:
        """Return a configured module of this kind.

        Raises:
            NotFoundError: none of this kind has this UUID.
        """
        return configured_modules.find_instance(uuid, self.kind.type)

    def url(self, view: str, uuid: str = "") -> str:
        """Return the URL of one of these pages."""
        endpoint = f"admin.{self.kind.plural}.{view}"
        return url_for(endpoint, uuid=uuid) if uuid else url_for(endpoint)

    def crumbs(self, instance: ConfiguredModule | None = None) -> list[tuple[str, str]]:
        """Return the label and URL of each page above the current one."""
        links = [(str(self.kind.title), self.url("index"))]
        if instance:
            links.append((instance.title, self.url("show", instance.uuid)))
        return links

    def state(self, instance: ConfiguredModule, unavailable_reason: Text | str) -> str:
        """Return the key of the `instance` badge."""
        if not instance.active:
            return "off"
        return "held" if unavailable_reason else "on"

    def terms(self, instance: ConfiguredModule) -> str:
        """Return what restricts who can use one; empty if nothing does."""
        return ""

    # List and creation

    def index(self) -> ResponseReturnValue:
        """Show the list, in the order set by staff."""
        rows = configured_modules.list_instances(self.kind.type)
        return render_template(
            "admin/modules/configured_modules/index.html",
            pages=self,
            kind=self.kind,
            rows=rows,
            unavailable=availability.unavailable_reasons({row.module for row in rows}),
            modules={row.module: configured_modules.module_of(row) for row in rows},
            has_modules=bool(self._module_choices()),
        )

    def create(self) -> ResponseReturnValue:
        """Create a configured module and continue to its settings."""
        form = NewForm(data={"module": request.args.get("module", "")})
        form.title.description = str(self.kind.title_help)
        form.module.choices = choices(self._module_choices())

        def save() -> tuple[Text, str]:
            instance = configured_modules.create_instance(
                actor=actor(), module_type=self.kind.type, **form.values("title", "module")
            )
            page = self.url("show", instance.uuid)
            return _(
                "%(title)s created. Save its settings, then enable it.", title=instance.title
            ), page

        return save_or_show(
            form,
            save,
            "admin/modules/configured_modules/new.html",
            kind=self.kind,
            crumbs=self.crumbs(),
        )

    def _module_choices(self) -> list[tuple[str, str]]:
        modules = configured_modules.offered_modules(self.kind.type)
        return [(module.key, module.title) for module in modules]

    # One configured module

    def show(self, uuid: str) -> ResponseReturnValue:
        """Show one configured module with its settings form."""
        kept = drafts.fields(self.url("save_settings", uuid), whole=True)
        return self._show(self.find(uuid), answers(kept) if kept else None)

    def save_settings(self, uuid: str) -> ResponseReturnValue:
        """Validate the settings with the module and save them."""
        self.find(uuid)
        data = answers()
        try:
            module_settings.save_settings(actor=actor(), uuid=uuid, data=data)
        except UserError as error:
            return self._show(self.find(uuid), data, field_errors(error)), 422
        flash(_("Settings saved."), "good")
        return redirect(self.url("show", uuid))

    def _show(
        self,
        instance: ConfiguredModule,
        data: dict[str, Any] | None = None,
        errors: dict[str, list[str]] | None = None,
    ) -> str:
        uuid, module = instance.uuid, configured_modules.module_of(instance)
        manage = can(f"{self.kind.plural}.manage")
        called = webhook = None
        if manage:
            called = module_settings.settings_page(
                actor=actor(), instance=instance, sent=data, errors=errors
            )
        if configured_modules.has_webhook(module):
            webhook = configured_modules.webhook_address(instance)
        unavailable_reason = availability.unavailable_reason(instance.module)
        return render_template(
            self.template,
            pages=self,
            kind=self.kind,
            instance=instance,
            module=module,
            module_title=module.title if module else instance.module,
            state=self.state(instance, unavailable_reason),
            unavailable_reason=unavailable_reason,
            called=called,
            errors=errors or {},
            labels=form_labels(called.value if called else ""),
            action=self.url("save_settings", uuid),
            label=_("Save settings"),
            consequence=_("Stored encrypted. Changes take effect immediately."),
            webhook=webhook,
            can_test=module_settings.can_test(module),
            manage=manage,
            latest_tasks=self.latest_tasks(uuid),
            timeline=audit.timeline(actor(), self.kind.singular, uuid, 20),
            **self.extra_context(instance),
        )

    def latest_tasks(self, uuid: str) -> Sequence[Task]:
        """Return the tasks to list beside the timeline."""
        return tasks.tasks_about(self.kind.singular, uuid, 5) if can(TASKS_VIEW) else []

    def extra_context(self, instance: ConfiguredModule) -> dict[str, Any]:
        """Return what a subclass adds to the template context."""
        return {}

    def edit(self, uuid: str) -> ResponseReturnValue:
        """Rename a configured module."""
        instance = self.find(uuid)
        form = TitleForm(obj=instance)
        form.title.description = str(self.kind.title_help)

        def save() -> tuple[Text, str]:
            configured_modules.rename_instance(actor=actor(), uuid=uuid, **form.values("title"))
            return _("%(kind)s renamed.", kind=self.kind.one), self.url("show", uuid)

        return save_or_show(
            form,
            save,
            title=_("Rename %(title)s", title=instance.title),
            crumbs=self.crumbs(instance),
            label=self.kind.rename,
        )

    def move(self, uuid: str) -> ResponseReturnValue:
        """Move a configured module one position up or down."""
        self.find(uuid)
        up = request.form.get("way") == "up"
        configured_modules.move_instance(actor=actor(), uuid=uuid, up=up)
        return redirect(self.url("index"))

    def switch(self, uuid: str) -> ResponseReturnValue:
        """Enable or disable a configured module."""
        self.find(uuid)
        enable = request.form.get("on") == "yes"
        with flashed_errors():
            instance = configured_modules.switch_instance(actor=actor(), uuid=uuid, active=enable)
            if enable:
                flash(
                    _(
                        "%(title)s enabled. %(enabled_effect)s",
                        title=instance.title,
                        enabled_effect=self.kind.enabled_effect,
                    ),
                    "good",
                )
            else:
                flash(
                    _(
                        "%(title)s disabled. %(disabled_effect)s",
                        title=instance.title,
                        disabled_effect=self.kind.disabled_effect,
                    ),
                    "good",
                )
        return redirect(self.url("show", uuid))

    def test(self, uuid: str) -> ResponseReturnValue:
        """Test the connection with the saved settings."""
        self.find(uuid)
        with flashed_errors():
            result = module_settings.test_connection(actor=actor(), uuid=uuid)
            outcome = _("Connection successful.") if result.ok else _("Connection failed.")
            flash(f"{outcome} {result.message}".strip(), "good" if result.ok else "bad")
        return redirect(self.url("show", uuid))

    def delete(self, uuid: str) -> ResponseReturnValue:
        """Delete a configured module, after a confirmation."""
        instance = self.find(uuid)
        refused = ""
        if request.method == "POST":
            try:
                configured_modules.delete_instance(actor=actor(), uuid=uuid)
            except UserError as error:
                refused = str(error)
            else:
                flash(_("%(title)s deleted.", title=instance.title), "good")
                return redirect(self.url("index"))
        deleted = [_("Its settings, including secrets")]
        if configured_modules.has_webhook(configured_modules.module_of(instance)):
            deleted.append(_("Its webhook URL, which will stop accepting requests"))
        page = render_template(
            "admin/confirm.html",
            title=_("Delete %(title)s?", title=instance.title),
            button=self.kind.delete,
            back=self.url("show", uuid),
            goes=deleted,
            stays=_("The module, its tables and its log are kept."),
            wrong=refused,
        )
        return page, 409 if refused else 200
