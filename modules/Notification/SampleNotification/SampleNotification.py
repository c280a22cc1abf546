"""Messages to a webhook, or by e-mail over SMTP, as configured for each sender.

Read this file first; the only other one is forms.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import (
    Mail,
    MailError,
    Notification,
    NotificationMail,
    Result,
    Validator,
    __,
    http,
)

from .forms import SettingsForm

RULES = {
    "to": "required|string|max:254",
    "subject": "required|string|max:255",
    "message": "required|string",
}
MAIL_RULES = RULES | {"to": "required|email"}
POSTED_FIELDS = ("to", "subject", "message", "type", "title", "module")
# Statuses with which a retry is pointless.
PERMANENT_ERRORS = (400, 401, 403, 404, 422)


class SampleNotification(Notification):
    """A sender for each webhook or mail server."""

    # 1. The settings of a sender: the panel renders the form, validates it, and stores the values
    # encrypted. During every call they are in self.module_data.

    SettingsForm = SettingsForm

    # 2. One message. A worker calls this, and retries later if the result is an error.

    def send(self, data: Mapping[str, Any]) -> Any:
        """Validate a message and send it through the sender's channel."""
        by_mail = self.module_data["channel"] == "smtp"
        validator = Validator.make(data, MAIL_RULES if by_mail else RULES)
        if validator.fails():
            # A result with errors is not retried, because the message would still be invalid.
            return {
                "status": "error",
                "message": validator.errors.first(),
                "errors": validator.errors,
                "code": 422,
            }
        return self._mail(data) if by_mail else self._post(data)

    def _mail(self, data: Mapping[str, Any]) -> Result:
        message = {"to": data["to"], "subject": data["subject"]}
        try:
            Mail.mailer(self.module_data).send(
                NotificationMail(
                    data["to"], data["subject"], data["message"], data.get("attachments") or ()
                )
            )
        except MailError as error:
            self.log_error("mail not sent", message, str(error))
            return Result.error(str(error), retry=not error.permanent)
        self.log_info("mail sent", message)
        return Result.success(__("Accepted by the mail server."))

    def _post(self, data: Mapping[str, Any]) -> Result:
        body = {name: data.get(name) for name in POSTED_FIELDS}
        with self._webhook() as webhook:  # request and response go to the module log automatically
            # Only the status matters: waiting for an endless body would count as a failure.
            response = webhook.post(json=body, read_body=False)
        if response.ok:
            return Result.success(__("Delivered to the webhook."))
        return Result.error(response.error, retry=response.http_code not in PERMANENT_ERRORS)

    def _webhook(self) -> http.Client:
        # Staff enter the URL, so only addresses on the public internet are allowed.
        url, token = self.module_data["url"], self.module_data.get("token")
        return http.session(url, bearer=token, policy=http.public_only())

    # 3. Test connection: staff click the button and read this message.

    def test_connection(self) -> Result:
        """Sign in to the mail server, or request the webhook; send nothing."""
        if self.module_data["channel"] == "smtp":
            try:
                Mail.mailer(self.module_data).test()
            except MailError as error:
                return Result.error(str(error))
            return Result.success(__("Signed in to the mail server."))
        with self._webhook() as webhook:
            # Many webhooks accept POST only.
            response = webhook.get(expected=(404, 405), read_body=False)
        if response.ok or response.http_code in (404, 405):
            return Result.success(__("Connected to the webhook."))
        return Result.error(response.error)
