"""gunicorn's entry: `gunicorn wsgi:app`.

`puqpanel web` starts the same object with the right worker class.
"""

from puqpanel.infra.log import configure
from puqpanel.infra.settings import Settings
from puqpanel.live import Live

settings = Settings.load()
configure(json=settings.log_json)
app = Live(settings)
