"""`puqpanel staff`: accounts that sign in at /admin, for when nobody can."""

from __future__ import annotations

import secrets
import sys

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import Settings


@click.group("staff")
def command() -> None:
    """People who sign in at /admin."""


@command.command("create")
@click.argument("email")
@click.option("--name", help="As shown on the pages.  [default: the part before the @]")
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="NAME",
    help="A role to give; may be repeated.  [default: Owner, who may do everything]",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@instance_option
def create(
    settings: Settings, email: str, name: str | None, roles: tuple[str, ...], password_stdin: bool
) -> None:
    """Make an account.

    Asks for the password; where nobody can be asked, makes one up and prints it once.
    """
    from puqpanel.domain.actors import SHELL
    from puqpanel.operations.accounts import staff

    password, made_up = _password(password_stdin)
    with panel(settings):
        known = {role.name: role.uuid for role in staff.roles()}
        if unknown := [role for role in roles if role not in known]:
            raise UserError(
                f"There is no role called {', '.join(unknown)}; there are"
                f" {', '.join(known) or 'none yet'}."
            )
        account = staff.create_staff(
            actor=SHELL,
            email=email,
            name=name or email.partition("@")[0],
            password=password,
            role_uuids=[known[role] for role in roles] or None,
        )
        click.echo(
            f"{account.email} can sign in at /admin."
            + (f" Password: {password}" if made_up else "")
        )


@command.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@instance_option
def password(settings: Settings, email: str, password_stdin: bool) -> None:
    """Set an account's password and end its sessions.

    Asks for it; where nobody can be asked, makes one up and prints it once.
    """
    import sqlalchemy as sa

    from puqpanel.domain.actors import SHELL
    from puqpanel.infra.db import session
    from puqpanel.models import Staff
    from puqpanel.operations.accounts import staff

    with panel(settings):
        uuid = session().scalar(sa.select(Staff.uuid).where(Staff.email == email.strip().lower()))
        if uuid is None:
            raise UserError(f"There is no staff account {email}.")
        secret, made_up = _password(password_stdin)
        staff.set_password(actor=SHELL, uuid=uuid, password=secret)
        click.echo(
            f"{email} has a new password"
            + (f": {secret}" if made_up else ".")
            + "\nAll its sessions have ended."
        )


def generated_password() -> str:
    """A password that a person can type from a screen: about 77 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def _password(from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was made up."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt="Once more"), False
    return generated_password(), True
