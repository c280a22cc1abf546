"""puqpanel, a hosting panel: sell, provision and look after services.

The layers, from top to bottom: cli, live, app, then web, jobs and sdk side by side, operations,
host, tasks, models, infra, domain. A layer imports only layers below it. docs/life-of-a-form.md
follows one form through all of them.
"""

__version__ = "0.1.0"
