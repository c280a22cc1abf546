"""`puqpanel keys`: the keys that secrets are stored under."""

from __future__ import annotations

import json
import sys
import time

import click

from puqpanel.cli.context import instance_option, require_migrated
from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import Settings

NOTICED = 2.0
"""Seconds after which every process has written what it had encrypted under the key before."""


@click.group("keys")
def command() -> None:
    """The keys that secrets are stored under.

    They lie in instance/keys/secrets.key, newest first: the first encrypts, all decrypt. Keep a
    copy of the file apart from the database's backups; without it the stored secrets are lost, and
    with both anybody can read them.
    """


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@instance_option
def status(settings: Settings, as_json: bool) -> int:
    """Count the stored secrets, and those under older keys; exit code 1 when some open with no
    key.
    """
    from puqpanel.infra import crypto
    from puqpanel.operations.system import rotation

    require_migrated(settings)
    keys = len(crypto.read_keys(crypto.key_file(settings.keys_dir)))
    tally = rotation.count(settings)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "keys": keys,
                    "newest": tally.newest,
                    "older": tally.older,
                    "unreadable": tally.alien,
                }
            )
        )
    else:
        click.echo(
            f"{keys} {'key' if keys == 1 else 'keys'}. Secrets: {tally.newest} under the newest,"
            f" {tally.older} under older ones."
        )
        if tally.alien:
            click.echo(f"{tally.alien} open with no key of this panel.", err=True)
    return int(tally.alien > 0)


@command.command("rotate")
@click.option("--drop-old", is_flag=True, help="Remove the older keys once nothing is under them.")
@click.option(
    "--no-new",
    is_flag=True,
    help="Make no new key: only finish what an interrupted rotation began.",
)
@instance_option
def rotate(settings: Settings, drop_old: bool, no_new: bool) -> None:
    """Make a new key and put every stored secret under it, while the panel runs.

    Hosts that serve one database must read one key file: keep instance/keys on a shared folder, or
    stop the others while this runs and copy it to them afterwards.
    """
    from puqpanel.infra import crypto
    from puqpanel.operations.system import rotation
    from puqpanel.operations.system.keys import open_keys

    require_migrated(settings)
    open_keys(settings.keys_dir, settings.database_url)
    if not no_new:
        crypto.add_key(settings.keys_dir)
        time.sleep(NOTICED)
    total = 0
    while True:
        tally = rotation.rotate(settings, _progress)
        total += tally.older
        if not tally.older:
            break
    click.echo(f"{total} secrets are under the newest key now.")
    if tally.alien:
        raise UserError(
            f"{tally.alien} secrets open with no key of this panel and were left as they are; the"
            " older keys stay."
        )
    if drop_old:
        crypto.drop_old_keys(settings.keys_dir)
        click.echo("The older keys are gone; update the copy you keep of instance/keys.")


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} secrets looked at …\r", nl=False, err=True)
