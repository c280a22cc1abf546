"""`puqpanel keys`: status and rotation of the encryption keys."""

from __future__ import annotations

import json
import sys
import time

import click

from puqpanel.cli.context import instance_option, require_migrated
from puqpanel.domain.errors import UserError
from puqpanel.infra import crypto
from puqpanel.infra.settings import Settings

KEY_RELOAD_SECONDS = 2.0
"""Time after which every process has committed what it encrypted with the previous key."""


@click.group("keys")
def command() -> None:
    """Manage the keys that encrypt stored secrets.

    Keys are stored in instance/keys/secrets.key, newest first. The first key encrypts; all of them
    decrypt. Back up this file separately from the database: without it, stored secrets cannot be
    decrypted, and together they expose every secret.
    """


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def status(settings: Settings, as_json: bool) -> int:
    """Count stored secrets by key.

    Exits with code 1 if a secret cannot be decrypted with any key.
    """
    from puqpanel.operations.system import rotation

    require_migrated(settings)
    keys = len(crypto.read_keys(crypto.key_file(settings.keys_dir)))
    tally = rotation.count(settings)
    if as_json:
        counts = {
            "keys": keys,
            "newest": tally.newest,
            "older": tally.older,
            "unreadable": tally.alien,
        }
        click.echo(json.dumps(counts))
    else:
        click.echo(
            f"{keys} {'key' if keys == 1 else 'keys'}. Secrets: {tally.newest} encrypted with the"
            f" newest key, {tally.older} with older keys."
        )
        if tally.alien:
            click.echo(f"{_secrets(tally.alien)} cannot be decrypted with any key.", err=True)
    return int(tally.alien > 0)


@command.command("rotate")
@click.option("--drop-old", is_flag=True, help="Delete older keys once no secret uses them.")
@click.option(
    "--no-new",
    is_flag=True,
    help="Do not create a key; only finish an interrupted rotation.",
)
@instance_option
def rotate(settings: Settings, drop_old: bool, no_new: bool) -> None:
    """Create a new key and re-encrypt all stored secrets.

    The panel can keep running. All hosts that share a database must read the same key file: put
    instance/keys on shared storage, or stop the other hosts during the rotation and copy the file
    to them afterwards.
    """
    from puqpanel.operations.system import rotation
    from puqpanel.operations.system.keys import open_keys

    require_migrated(settings)
    open_keys(settings.keys_dir, settings.database_url)
    if not no_new:
        crypto.add_key(settings.keys_dir)
        time.sleep(KEY_RELOAD_SECONDS)
    total = 0
    while (tally := rotation.rotate(settings, _show_progress)).older:
        total += tally.older
    click.echo(f"Re-encrypted {_secrets(total)} with the newest key.")
    if tally.alien:
        raise UserError(
            f"{_secrets(tally.alien)} cannot be decrypted with any key. They were left unchanged"
            " and the older keys were kept."
        )
    if drop_old:
        crypto.drop_old_keys(settings.keys_dir)
        click.echo("Deleted the older keys. Update your backup of instance/keys.")


def _secrets(count: int) -> str:
    return f"{count} {'secret' if count == 1 else 'secrets'}"


def _show_progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{_secrets(done)} checked …\r", nl=False, err=True)
