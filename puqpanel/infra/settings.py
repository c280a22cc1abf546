"""Settings from PUQPANEL_* environment variables.

Fields are what must be known before the database is open. The other settings are in
`domain/settings_table.py`; a variable that overrides one of them is in `overrides`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from puqpanel.domain import settings_table
from puqpanel.domain.errors import UserError
from puqpanel.domain.settings import SettingError, Value
from puqpanel.infra.sentinel import SENTINEL, parse_sentinel

PREFIX = "PUQPANEL_"
ROOT = Path(__file__).resolve().parents[2]


class SettingsError(UserError):
    """A setting is invalid; the message names it and the accepted values."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a panel.

    Args:
        instance: Directory for the database, queue data, keys and uploads.
        modules_dir: Directory that contains `{Type}/{Name}/`.
        database_url: SQLAlchemy URL. The default is an SQLite database in `instance`.
        redis_url: URL of a Redis or Valkey server. If empty, an embedded server is used.
        host: Address that the web server listens on.
        port: Port that the web server listens on.
        web_processes: Number of web processes.
        web_threads: Requests that each web process handles at the same time.
        workers: Number of worker processes.
        tasks_per_child: Number of tasks that a worker's child process runs before it is replaced; 1
            runs each task in a process of its own.
        trusted_proxies: Number of reverse proxies in front of the panel whose X-Forwarded headers
            are trusted.
        secure_cookies: Send cookies over HTTPS only. By default they are if the public address of
            the panel, or the request, uses HTTPS.
        monitoring_allow: Private networks that staff may monitor in addition to public addresses.
        dev: Reload changed templates and modules.
        log_json: Write log entries as JSON.
        metrics_token: Bearer token for `GET /metrics`, 16 to 200 characters. If empty, nothing
            is counted and the endpoint returns 404.
        overrides: Settings of the panel from the environment: name → value. The variable of
            `firm.name` is `PUQPANEL_FIRM_NAME`.
    """

    instance: Path
    modules_dir: Path
    database_url: str
    redis_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    web_processes: int = 2
    web_threads: int = 8
    workers: int = 2
    tasks_per_child: int = 25
    trusted_proxies: int = 0
    secure_cookies: bool | None = None
    monitoring_allow: tuple[str, ...] = ()
    dev: bool = False
    log_json: bool = False
    metrics_token: str = field(default="", repr=False)
    overrides: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Load the settings.

        Args:
            env: Name → value; the process environment by default.

        Raises:
            SettingsError: A value is invalid.
        """
        source = os.environ if env is None else env

        def text(name: str, default: str = "") -> str:
            return source.get(PREFIX + name, "").strip() or default

        instance = Path(text("INSTANCE", str(ROOT / "instance"))).expanduser().absolute()
        database_url = text("DATABASE_URL", f"sqlite:///{instance / 'puqpanel.db'}")
        if database_url.split(":", 1)[0].split("+")[0] not in (
            "sqlite",
            "postgresql",
            "mysql",
            "mariadb",
        ):
            raise SettingsError(
                f"{PREFIX}DATABASE_URL must start with sqlite, postgresql+psycopg or mysql+pymysql."
            )
        if database_url.startswith("postgresql://"):
            database_url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        redis_url = text("REDIS_URL")
        if redis_url and redis_url.split("://", 1)[0] not in (
            "redis",
            "rediss",
            "unix",
            "valkey",
            "valkeys",
            "redis+sentinel",
        ):
            raise SettingsError(
                f"{PREFIX}REDIS_URL must start with redis://, rediss://, unix:// or"
                " redis+sentinel://."
            )
        if redis_url.startswith(SENTINEL):
            try:
                parse_sentinel(redis_url)
            except ValueError as error:
                raise SettingsError(f"{PREFIX}REDIS_URL is invalid: {error}") from None
        overrides = _overrides(source)
        secure_cookies = text("SECURE_COOKIES")
        return cls(
            instance=instance,
            modules_dir=Path(text("MODULES_DIR", str(ROOT / "modules"))).expanduser().absolute(),
            database_url=database_url,
            redis_url=redis_url,
            host=text("HOST", "127.0.0.1"),
            port=_number("PORT", text("PORT", "8000"), 0, 65535),
            web_processes=_number("WEB_PROCESSES", text("WEB_PROCESSES", "2"), 1, 256),
            web_threads=_number("WEB_THREADS", text("WEB_THREADS", "8"), 2, 64),
            workers=_number("WORKERS", text("WORKERS", "2"), 1, 256),
            tasks_per_child=_number("TASKS_PER_CHILD", text("TASKS_PER_CHILD", "25"), 1, 1000),
            trusted_proxies=_number("TRUSTED_PROXIES", text("TRUSTED_PROXIES", "0"), 0, 10),
            secure_cookies=_switch("SECURE_COOKIES", secure_cookies) if secure_cookies else None,
            monitoring_allow=_networks("MONITORING_ALLOW", text("MONITORING_ALLOW")),
            dev=_switch("DEV", text("DEV", "no")),
            log_json=_switch("LOG_JSON", text("LOG_JSON", "no")),
            metrics_token=_token("METRICS_TOKEN", text("METRICS_TOKEN")),
            overrides=overrides,
        )

    @property
    def keys_dir(self) -> Path:
        """Directory of the encryption keys."""
        return self.instance / "keys"

    @property
    def address(self) -> str:
        """URL of the panel as far as the environment says."""
        return str(self.overrides.get("site.base_url", f"http://{self.host}:{self.port}"))


def _overrides(source: Mapping[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name in settings_table.names():
        definition = settings_table.find(name)
        text = source.get(definition.variable, "").strip() if definition.variable else ""
        if not text:
            continue
        try:
            values[name] = definition.check(text)
        except SettingError as error:
            raise SettingsError(f"{definition.variable} is invalid. {error}") from None
    return values


def _number(name: str, value: str, low: int, high: int) -> int:
    if not value.isdecimal() or not low <= int(value) <= high:
        raise SettingsError(
            f"{PREFIX}{name} must be a whole number from {low} to {high}, not “{value}”."
        )
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value.lower() in ("1", "yes", "true", "on"):
        return True
    if value.lower() in ("0", "no", "false", "off"):
        return False
    raise SettingsError(f"{PREFIX}{name} must be yes or no, not “{value}”.")


def _token(name: str, value: str) -> str:
    if value and not re.fullmatch(r"[!-~]{16,200}", value):
        raise SettingsError(
            f"{PREFIX}{name} must have 16 to 200 characters: ASCII letters, digits and punctuation,"
            " without spaces."
        )
    return value


def _networks(name: str, value: str) -> tuple[str, ...]:
    networks = tuple(value.replace(",", " ").split())
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise SettingsError(
                f"{PREFIX}{name} must be networks such as 10.0.0.0/8, separated by commas, not"
                f" “{network}”."
            ) from None
    return networks
