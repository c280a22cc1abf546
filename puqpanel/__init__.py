"""puqpanel: a panel with which a hosting firm sells, provisions, bills and looks after services.

The floors, from the roof down: cli, live, app, then web, jobs and sdk side by side, operations,
host, tasks, models, infra, domain. Imports go down only; docs/life-of-a-form.md follows one click
through all of them.
"""

__version__ = "0.1.0"
