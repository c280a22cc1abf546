"""The `puqpanel` command line.

Each command lives in `puqpanel/cli/{command}.py` as `command` and is imported only when it runs.
This layer holds options, output, exit codes and process supervision. Anything that a page needs
too belongs in a lower layer.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from puqpanel.domain.errors import InvalidInput, PanelError
from puqpanel.infra.program import PROGRAM, as_typed

# Command → summary. Kept here rather than in the modules so that `--help` imports none of them.
COMMANDS = {
    "up": "Run the entire panel on this machine.",
    "web": "Run the web server.",
    "worker": "Run background tasks.",
    "scheduler": "Run scheduled jobs and recover lost tasks.",
    "doctor": "Check the installation and suggest fixes.",
    "db": "Manage the database schema.",
    "module": "Create, check, test and manage modules.",
    "task": "Inspect tasks and export them as tests.",
    "staff": "Manage staff accounts.",
    "settings": "List and change settings.",
    "keys": "Manage encryption keys.",
    "billing": "Charge services for their next periods.",
    "books": "Check the ledger and the issued documents.",
    "demo": "Load demo data and run the demo cloud.",
    "bench": "Run benchmarks.",
    "test": "Run the test suite.",
    "docs": "Build the generated documentation.",
    "translations": "Maintain the message catalogs.",
}
SECTIONS = {
    "Processes": ("up", "web", "worker", "scheduler"),
    "Administration": (
        *("doctor", "db", "module", "task", "staff", "settings", "keys", "billing", "books"),
    ),
    "Development": ("demo", "bench", "test", "docs", "translations"),
}
INTERNAL = ("prepare",)
"""Commands that `up` runs; not listed in the help."""

HELP = """Hosting panel: sell, provision and look after services.

To try it on this machine, run `puqpanel up --demo`. In production, run any number of `web`,
`worker` and `scheduler` processes against one database and one Redis server.

\b
Environment variables:
  PUQPANEL_INSTANCE         directory for the database, queue data, keys and uploads
                            [default: instance]
  PUQPANEL_DATABASE_URL     postgresql+psycopg://user:password@host/name or
                            mysql+pymysql://user:password@host/name
                            [default: SQLite in the instance directory]
  PUQPANEL_REDIS_URL        redis://, rediss:// or redis+sentinel:// URL
                            [default: embedded server]
  PUQPANEL_BASE_URL         public URL of the panel, such as https://panel.example
  PUQPANEL_HOST             address to listen on [default: 127.0.0.1]
  PUQPANEL_PORT             port to listen on [default: 8000]
  PUQPANEL_WEB_PROCESSES    number of web processes [default: 2]
  PUQPANEL_WEB_THREADS      requests that each handles at a time [default: 8]
  PUQPANEL_WORKERS          number of worker processes [default: 2]
  PUQPANEL_TRUSTED_PROXIES  number of reverse proxies in front of the panel [default: 0]
docs/reference/settings.md lists all of them.

\b
Exit codes:
  0  success
  1  failure; the error message says why
  2  invalid command line
"""


class Commands(click.Group):
    """Command group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the listed commands in the order of the help."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None if there is none with this name."""
        if cmd_name not in COMMANDS and cmd_name not in INTERNAL:
            return None
        command: click.Command = importlib.import_module(f"puqpanel.cli.{cmd_name}").command
        return command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the introduction with commands that can be typed as they stand."""
        self.help = as_typed(HELP)
        super().format_help_text(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands grouped by section."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name]) for name in names])


@click.group(
    cls=Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    None, "-V", "--version", package_name="puqpanel", message="%(package)s %(version)s"
)
def cli() -> None:
    """Run the command line."""


def main() -> NoReturn:
    """Run the command line and exit.

    Expected errors print one line instead of a traceback.
    """
    try:
        result = cli.main(prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader closed the pipe: print nothing, not even at exit
        sys.exit(141)
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        click.echo(f"puqpanel: {as_typed(message)}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def explain(error: Exception) -> str | None:
    """Return a message for an error that the user can act on, or None for a bug."""
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
        return f"Cannot use the database: {str(error.orig).strip().splitlines()[0]}"
    if alchemy is not None and isinstance(error, alchemy.NoSuchModuleError | alchemy.ArgumentError):
        return f"PUQPANEL_DATABASE_URL is invalid: {error}"
    return None
