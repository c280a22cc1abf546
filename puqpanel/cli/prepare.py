"""`puqpanel prepare`: setup that `up` runs in a subprocess before it starts anything."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable

import click

from puqpanel.cli.context import load_settings, panel
from puqpanel.cli.db import upgrade_schema
from puqpanel.cli.staff import generated_password
from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.program import as_typed


@click.command("prepare", hidden=True)
@click.option("--cloud-port", type=int, help="Load demo data; the demo cloud's port.")
def command(cloud_port: int | None) -> None:
    """Apply migrations, then load demo data or create the first staff account.

    Prints what `up` shows to the user as one line of JSON.
    """
    settings = load_settings()
    upgrade_schema(settings)
    if cloud_port is not None:
        from puqpanel.cli.demo.seed import seed

        facts: dict[str, object] = {"sign_ins": seed(settings, cloud_port)}
    else:
        with panel(settings):
            facts = _first_staff()
    click.echo(json.dumps(facts))


def _first_staff() -> dict[str, object]:
    import sqlalchemy as sa

    from puqpanel.domain.principals import CLI
    from puqpanel.infra.db import session
    from puqpanel.models import Staff
    from puqpanel.operations.accounts.passwords import check_password
    from puqpanel.operations.accounts.staff import create_staff
    from puqpanel.operations.system.fields import clean_email

    def clean_password(password: str) -> str:
        check_password(password, about=(email,))
        return password

    if session().scalar(sa.select(Staff.id).limit(1)) is not None:
        return {"note": "Staff sign in at /admin, clients at /client."}
    if sys.stdin.isatty():
        # Python's handler of crash markers would run after the next key, if the signal arrives
        # just before the prompt waits. No module is running, so there is nothing to clear.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        click.echo("Create the first staff account:", err=True)
        email = click.prompt("  E-mail", err=True, value_proc=_validator(clean_email, "email"))
        password = click.prompt(
            "  Password",
            hide_input=True,
            confirmation_prompt="  Confirm password",
            err=True,
            value_proc=_validator(clean_password, "password"),
        )
        create_staff(actor=CLI, email=email, name=email.partition("@")[0], password=password)
        return {"note": f"Sign in at /admin as {email}."}
    email, password = "admin@example.test", generated_password()
    create_staff(actor=CLI, email=email, name="Admin", password=password)
    return {
        "sign_ins": [{"who": "Staff", "path": "/admin", "email": email, "password": password}],
        "note": as_typed("This password is shown only once. To change it: puqpanel staff password"),
    }


def _validator(clean: Callable[[str], str], field: str) -> Callable[[str], str]:
    """Return a prompt validator that asks again after invalid input."""

    def validate(text: str) -> str:
        try:
            return clean(text)
        except InvalidInput as error:
            raise click.UsageError(" ".join(error.errors.get(field, [str(error)]))) from None

    return validate
