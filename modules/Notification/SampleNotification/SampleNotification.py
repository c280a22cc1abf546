"""Messages to a web address, or by mail over SMTP, as each sender is set up.

Read this file first; forms.py beside it is the rest.
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

MESSAGE = {
    "to": "required|string|max:254",
    "subject": "required|string|max:255",
    "message": "required|string",
}


class SampleNotification(Notification):
    """A sender for each address or mail server."""

    # 1. What staff fill in for a sender: the panel draws the form, checks it, and stores the
    # answers encrypted.
    #    During every call they are in self.module_data.

    SettingsForm = SettingsForm

    # 2. One message. A worker calls this, and again after a while where the answer is an error.

    def send(self, data: Mapping[str, Any]) -> Any:
        """Checks the message, then hands it to the channel."""
        by_mail = self.module_data["channel"] == "smtp"
        check = Validator.make(data, MESSAGE | ({"to": "required|email"} if by_mail else {}))
        if check.fails():
            # With errors in the answer it is not tried again: what is wrong now is as wrong in a
            # minute.
            return {
                "status": "error",
                "message": check.errors.first(),
                "errors": check.errors,
                "code": 422,
            }
        return self._mail(data) if by_mail else self._post(data)

    def _mail(self, data: Mapping[str, Any]) -> Result:
        try:
            message = NotificationMail(
                data["to"], data["subject"], data["message"], data.get("attachments") or ()
            )
            Mail.mailer(self.module_data).send(message)
        except MailError as error:
            # A server that says “never” means it; one that is away may be back.
            self.log_error(
                "mail not sent", {"to": data["to"], "subject": data["subject"]}, str(error)
            )
            return Result.error(str(error), retry=not error.permanent)
        self.log_info("mail sent", {"to": data["to"], "subject": data["subject"]})
        return Result.success(__("Handed to the mail server."))

    def _post(self, data: Mapping[str, Any]) -> Result:
        told = {
            key: data.get(key) for key in ("to", "subject", "message", "type", "title", "module")
        }
        with self._web() as web:  # what is asked and answered goes to the module log by itself
            answer = web.post(json=told)
        if answer.ok:
            return Result.success(__("Taken by the web address."))
        return Result.error(answer.error, retry=answer.http_code not in (400, 401, 403, 404, 422))

    def _web(self) -> http.Client:
        # The address is typed by people, so it may lead to the open internet only.
        return http.session(
            self.module_data["url"], bearer=self.module_data.get("token"), policy=http.public_only()
        )

    # 3. Whether what is stored works: staff press “Test connection” and read this sentence.

    def test_connection(self) -> Result:
        """Signs in at the mail server, or asks the web address; sends nothing."""
        if self.module_data["channel"] == "smtp":
            try:
                Mail.mailer(self.module_data).test()
            except MailError as error:
                return Result.error(str(error))
            return Result.success(__("The mail server lets us in."))
        with self._web() as web:
            answer = web.get(expected=(404, 405))  # many such addresses take messages only
        if answer.ok or answer.http_code in (404, 405):
            return Result.success(__("The address answers."))
        return Result.error(answer.error)
