"""`puqpanel staff`: staff accounts, also when nobody can sign in."""

from __future__ import annotations

import secrets
import sys

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import CLI
from puqpanel.infra.settings import Settings


@click.group("staff")
def command() -> None:
    """Manage accounts that sign in at /admin."""


@command.command("create")
@click.argument("email")
@click.option("--name", help="Display name.  [default: the part of the e-mail before @]")
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="NAME",
    help="Role to assign; can be repeated.  [default: Owner, with full access]",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@instance_option
def create(
    settings: Settings, email: str, name: str | None, roles: tuple[str, ...], password_stdin: bool
) -> None:
    """Create a staff account.

    Prompts for a password. Without a terminal, generates one and prints it once.
    """
    from puqpanel.operations.accounts import staff

    password, generated = _password(password_stdin)
    with panel(settings):
        known = {role.name: role.uuid for role in staff.roles()}
        if unknown := [role for role in roles if role not in known]:
            available = ", ".join(known) or "none"
            raise UserError(f"No such role: {', '.join(unknown)}. Available roles: {available}.")
        account = staff.create_staff(
            actor=CLI,
            email=email,
            name=name or email.partition("@")[0],
            password=password,
            role_uuids=[known[role] for role in roles] or None,
        )
        click.echo(f"Created {account.email}. Sign in at /admin.")
        if generated:
            click.echo(f"Password: {password}")


@command.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@instance_option
def password(settings: Settings, email: str, password_stdin: bool) -> None:
    """Set a password and end all sessions of the account.

    Prompts for a password. Without a terminal, generates one and prints it once.
    """
    import sqlalchemy as sa

    from puqpanel.domain.emails import email_key
    from puqpanel.infra.db import session
    from puqpanel.models import Staff
    from puqpanel.operations.accounts import staff

    with panel(settings):
        uuid = session().scalar(sa.select(Staff.uuid).where(Staff.email == email_key(email)))
        if uuid is None:
            raise UserError(f"No staff account with the e-mail {email}.")
        secret, generated = _password(password_stdin)
        staff.set_password(actor=CLI, uuid=uuid, password=secret)
        click.echo(f"Changed the password of {email} and ended all its sessions.")
        if generated:
            click.echo(f"Password: {secret}")


def generated_password() -> str:
    """Return a random password that is easy to type, with about 79 bits of entropy."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def _password(from_stdin: bool) -> tuple[str, bool]:
    """Return the password and whether it was generated."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        prompt = click.prompt("Password", hide_input=True, confirmation_prompt="Confirm password")
        return prompt, False
    return generated_password(), True
