"""The roof: `puqpanel COMMAND`, one file a command, loaded when it is called.

Belongs here: options, printing, exit codes, and the processes that a running panel is made of. Does
not: anything a page would need too. Nothing calls it but the shell. A command's code stands in
`puqpanel/cli/{command}.py` as `command`.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from puqpanel.domain.errors import InvalidInput, PanelError

# Command → its line in the list. Here and not in the files, so that `--help` imports none of them.
COMMANDS = {
    "up": "Run the whole panel on this machine, with nothing else to install.",
    "web": "Serve the pages.",
    "worker": "Work off the tasks.",
    "scheduler": "Start what is due, and pick up what was lost.",
    "db": "The database: its migrations.",
    "module": "Modules: list, switch on and off, update; begin, check and test one.",
    "task": "Tasks: how they went, and a failed one as a test.",
    "staff": "People who sign in at /admin.",
    "keys": "The keys that secrets are stored under.",
    "doctor": "Look whether everything is well, and say what to do.",
    "demo": "Things to try the panel with.",
    "bench": "Measure it against the bare parts it is made of.",
    "test": "Run every test that this machine can run.",
    "docs": "Write the documentation's pages that are made of the sources.",
}
SECTIONS = {
    "Running": ("up", "web", "worker", "scheduler"),
    "Looking after it": ("doctor", "db", "module", "task", "staff", "keys"),
    "Trying and measuring": ("demo", "bench", "test", "docs"),
}


class Commands(click.Group):
    """The commands by name, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the help."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, or None when there is none of this name."""
        # the latter is `up`'s own and not listed
        if cmd_name not in COMMANDS and cmd_name != "prepare":
            return None
        command: click.Command = importlib.import_module(f"puqpanel.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands in sections."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name]) for name in names])


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(
    None, "-V", "--version", package_name="puqpanel", message="%(package)s %(version)s"
)
def cli() -> None:
    """A panel with which a hosting firm sells, provisions, bills and looks after services.

    `puqpanel up --demo` shows all of it on this machine. On real hosts run `web`, `worker` and
    `scheduler`, as many as wanted, against one database and one queue server.

    \b
    Settings come from the environment:
      PUQPANEL_INSTANCE       folder for database, queue data, keys and uploads (instance/)
      PUQPANEL_DATABASE_URL   postgresql+psycopg://user:password@host/name, mysql+pymysql://…
      (SQLite) PUQPANEL_REDIS_URL      redis://…, rediss://…, redis+sentinel://… (a server of its
      own) PUQPANEL_BASE_URL       the address people type, https://panel.example PUQPANEL_NAME
      the firm's name, shown on the pages PUQPANEL_HOST, _PORT    where `web` listens (127.0.0.1,
      8000) PUQPANEL_WEB_PROCESSES, PUQPANEL_WORKERS    how many of each (2)
      PUQPANEL_TRUSTED_PROXIES, PUQPANEL_SECURE_COOKIES, PUQPANEL_LOG_JSON, PUQPANEL_DEV

    Exit codes: 0 done, 1 it could not be done (one sentence says why), 2 the command was called
    wrongly.
    """


def main() -> NoReturn:
    """Runs the command line; a person's mistake is one sentence and an exit code, never a
    traceback.
    """
    try:
        result = cli.main(prog_name="puqpanel", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away: say nothing, not even at exit
        sys.exit(141)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        click.echo(f"puqpanel: {sentence}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def explain(error: Exception) -> str | None:
    """The sentence for an error that a person can do something about; None for a fault of ours."""
    if isinstance(error, InvalidInput):
        details = "; ".join(
            f"{name}: {' '.join(texts)}" if name else " ".join(texts)
            for name, texts in error.errors.items()
        )
        return f"{error} {details}".strip()
    if isinstance(error, PanelError):
        return str(error)
    if isinstance(error, PermissionError) and error.filename:
        return f"Cannot write to {error.filename}: permission denied."
    alchemy = sys.modules.get("sqlalchemy.exc")
    if alchemy is not None and isinstance(error, alchemy.OperationalError):
        return f"The database cannot be used: {str(error.orig).strip().splitlines()[0]}"
    if alchemy is not None and isinstance(error, alchemy.NoSuchModuleError | alchemy.ArgumentError):
        return f"PUQPANEL_DATABASE_URL cannot be used: {error}"
    return None
