"""`puqpanel prepare`: what `up` has done before it starts anything; not for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import click

from puqpanel.cli.context import load_settings, panel
from puqpanel.cli.db import bring_up_to_date
from puqpanel.cli.staff import generated_password
from puqpanel.domain.errors import InvalidInput


@click.command("prepare", hidden=True)
@click.option("--cloud-port", type=int, help="Fill in the demo, whose cloud listens here.")
def command(cloud_port: int | None) -> None:
    """Migrate; fill in the demo or make the first staff account; print what to tell people, as
    one JSON line.
    """
    settings = load_settings()
    bring_up_to_date(settings)
    if cloud_port is not None:
        from puqpanel.cli.demo_seed import seed

        facts: dict[str, object] = {"sign_ins": seed(settings, cloud_port)}
    else:
        with panel(settings):
            facts = _first_staff()
    click.echo(json.dumps(facts))


def _first_staff() -> dict[str, object]:
    import sqlalchemy as sa

    from puqpanel.domain.actors import SHELL
    from puqpanel.infra.db import session
    from puqpanel.models import Staff
    from puqpanel.operations.accounts.passwords import check_password
    from puqpanel.operations.accounts.staff import create_staff
    from puqpanel.operations.system.fields import clean_email

    def acceptable(password: str) -> str:
        check_password(password)
        return password

    if session().scalar(sa.select(Staff.id).limit(1)) is not None:
        return {"note": "Staff sign in at /admin, customers at /client."}
    if sys.stdin.isatty():
        click.echo("This panel is new. Its first staff account:", err=True)
        email = click.prompt("  E-mail", err=True, value_proc=_checked(clean_email, "email"))
        password = click.prompt(
            "  Password",
            hide_input=True,
            confirmation_prompt="  Once more",
            err=True,
            value_proc=_checked(acceptable, "password"),
        )
        create_staff(actor=SHELL, email=email, name=email.partition("@")[0], password=password)
        return {"note": f"Sign in at /admin as {email}."}
    email, password = "admin@example.test", generated_password()
    create_staff(actor=SHELL, email=email, name="Admin", password=password)
    return {
        "sign_ins": [{"who": "Staff", "path": "/admin", "email": email, "password": password}],
        "note": "This password is shown once; `puqpanel staff password` sets another.",
    }


def _checked(clean: Callable[[str], str], field: str) -> Callable[[str], str]:
    """Has a question asked again until its answer can be taken."""

    def check(text: str) -> str:
        try:
            return clean(text)
        except InvalidInput as error:
            raise click.UsageError(" ".join(error.errors.get(field, [str(error)]))) from None

    return check
