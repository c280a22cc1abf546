"""What Payment and Notification modules share: each of their configurations is an instance that
staff make, name, fill in and switch on.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from puqpanel.infra.links import link
from puqpanel.sdk import forms
from puqpanel.sdk.module import Module


class Configured(Module):
    """A module with instances.

    During a call about one, `self.instance_uuid` says which, and `self.module_data` holds its
    settings as `get_module_data` answered them.

    Class attribute: SettingsForm, a WTForms form that the default page renders and the default save
    validates. Optional method: test_connection(), which answers a result; where a module has one,
    staff can ask it whether what is stored works.
    """

    SettingsForm: ClassVar[type[forms.Form] | None] = None

    @property
    def webhook_url(self) -> str:
        """The address at which `api_webhook_post` and `api_webhook_get` of this instance are
        reached.
        """
        kind, name = self.module_type or self.contract_type, self.module_name or type(self).__name__
        return link("webhooks", kind, name, *([self.instance_uuid] if self.instance_uuid else []))

    def get_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The settings, normalised. Called with what is stored before every other call."""
        self.module_data = (
            forms.defaults(self.SettingsForm, data or {}) if self.SettingsForm else dict(data or {})
        )
        return self.module_data

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """HTML of the fields on the instance's page; the panel supplies the form around it.

        Args:
            data: the stored settings, and `webhook_url`, `uuid` and `title` of the instance where
                no setting has that name.
        """
        return (
            forms.render(self, self.SettingsForm, self.module_data, self.errors)
            if self.SettingsForm
            else ""
        )

    def save_module_data(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Checks what staff entered.

        Returns `{status, data | message, errors, code}`; `data` is what is stored, encrypted.

        A secret that was left empty arrives as it is stored.
        """
        if self.SettingsForm:
            return forms.save(self.SettingsForm, data or {}, self.module_data)
        return {"status": "success", "data": self.get_module_data(dict(data or {})), "code": 200}

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        super()._prepare(service_uuid, product_uuid, stored)
        if "errors" in stored:
            # what was refused is shown as it was sent: a box that was not ticked is not sent, and
            # then is no default either
            self.module_data = forms.as_sent(
                self.SettingsForm, self.module_data, stored.get("module_data")
            )
