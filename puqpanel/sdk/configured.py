"""The base class of Payment and Notification modules, which staff configure one or more times."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import sqlalchemy as sa

from puqpanel.host.form_fields import secret_fields
from puqpanel.infra import known_secrets, redact
from puqpanel.infra.db import session
from puqpanel.infra.links import link
from puqpanel.models.modules.configured_modules import ConfiguredModule
from puqpanel.sdk import forms
from puqpanel.sdk.derived_form import derived_form
from puqpanel.sdk.module import Module


class Configured(Module):
    """A module with configured instances: gateways or senders.

    During a call that concerns an instance, `self.instance_uuid` identifies it and
    `self.module_data` holds its settings as `get_module_data` returned them. A module may also
    define `test_connection()`, which returns a result; staff run it with **Test connection**.

    Attributes:
        SettingsForm: WTForms form of the settings; rendered by `get_settings_page` and validated by
            `save_module_data`. Without one, a module that defines `get_module_data` gets a form
            with a field for each setting that it returns for a new instance.
        instance_title: the name that staff gave the instance; set by `instances`.
    """

    SettingsForm: ClassVar[type[forms.Form] | None] = None
    instance_title: str = ""

    def instances(self) -> list[Self]:
        """Return the module's gateways or senders, each with its settings, as staff ordered them.

        For pages and scheduled jobs of the module, which concern no instance.
        """
        rows = session().scalars(
            sa.select(ConfiguredModule)
            .where(
                ConfiguredModule.type == (self.module_type or self.contract_type),
                ConfiguredModule.name == (self.module_name or type(self).__name__),
            )
            .order_by(ConfiguredModule.position, ConfiguredModule.id)
        )
        found = []
        for row in rows:
            instance = type(self)()
            instance.recorded_version = self.recorded_version
            instance.instance_uuid, instance.instance_title = row.uuid, row.title
            instance._prepare(None, None, {"module_data": dict(row.data or {})})
            known_secrets.learn(redact.named_secrets(row.data, secret_fields(type(self))))
            found.append(instance)
        return found

    @property
    def webhook_url(self) -> str:
        """The public address of `api_webhook_post` and `api_webhook_get` of this instance."""
        kind, name = self.module_type or self.contract_type, self.module_name or type(self).__name__
        return link("webhooks", kind, name, *([self.instance_uuid] if self.instance_uuid else []))

    def get_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings, normalised.

        Called with the saved settings before every other call. The default fills in the defaults of
        `SettingsForm`.

        Args:
            data: the saved settings; empty for a new instance.
        """
        self.module_data = (
            forms.defaults(self.SettingsForm, data or {}) if self.SettingsForm else dict(data or {})
        )
        return self.module_data

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """Return HTML of the settings on the instance's page.

        The panel renders the surrounding form. The default renders `SettingsForm`.

        Args:
            data: the saved settings, plus `webhook_url`, `uuid` and `title` of the instance unless
                a setting has that name.
        """
        form = self._settings_form()
        return forms.render(self, form, self.module_data, self.errors) if form else ""

    def save_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Validate the settings as staff submitted them.

        Args:
            data: the submitted fields by name. A secret left blank carries its saved value.

        Returns:
            `{status, data, code}` with the settings to save (stored encrypted), or `{status,
            message, errors, code}` with messages by field.
        """
        if self.SettingsForm:
            return forms.save(self.SettingsForm, data or {}, self.module_data)
        values = dict(data or {})
        if form := self._settings_form():
            saved = forms.save(form, values, self.module_data)
            if saved["status"] != "success":
                return saved
            # a blank number is left to the module's default
            values = {
                name: value for name, value in values.items() if name not in saved["data"]
            } | {name: value for name, value in saved["data"].items() if value is not None}
        return {"status": "success", "data": self.get_module_data(values), "code": 200}

    def _settings_form(self) -> type[forms.Form] | None:
        """Return `SettingsForm`, or a form for the keys of the module's own `get_module_data`."""
        cls = type(self)
        own_page = cls.get_settings_page is not Configured.get_settings_page
        if self.SettingsForm or own_page or cls.get_module_data is Configured.get_module_data:
            return self.SettingsForm
        kept = self.module_data
        try:
            return derived_form(self.get_module_data({}), cls.__module__)
        finally:
            self.module_data = kept

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        super()._prepare(service_uuid, product_uuid, stored)
        if "errors" in stored:
            # a refused form is shown as submitted: an unticked checkbox is absent, and must not
            # fall back to its default
            self.module_data = forms.as_sent(
                self._settings_form(), self.module_data, stored.get("module_data")
            )
