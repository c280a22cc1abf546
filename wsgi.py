"""WSGI entry point for other servers, as in `gunicorn wsgi:app`.

`puqpanel web` runs the same application with a suitable worker class.
"""

from puqpanel.infra.log import configure
from puqpanel.infra.settings import Settings
from puqpanel.live import Live

settings = Settings.load()
configure(json=settings.log_json)
app = Live(settings)
