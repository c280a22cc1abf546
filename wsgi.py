"""WSGI entry point for other servers, as in `gunicorn wsgi:app`.

`puqpanel web` runs the same application, and replaces processes that hang or grow.
"""

from puqpanel.infra.log import configure
from puqpanel.infra.settings import Settings
from puqpanel.live import Live

settings = Settings.load()
configure(json=settings.log_json)
app = Live(settings)
