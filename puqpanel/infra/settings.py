"""Typed settings from PUQPANEL_*: the only place that reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from puqpanel.domain.errors import UserError

PREFIX = "PUQPANEL_"
ROOT = Path(__file__).resolve().parents[2]


class SettingsError(UserError):
    """A setting cannot be used; the text names it and what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a running panel is told from outside.

    Args:
        instance: folder that a running panel writes to: database, queue data, keys, uploads.
        modules_dir: folder that holds `{Type}/{Name}/`.
        database_url: SQLAlchemy URL; SQLite under `instance` unless told.
        redis_url: outside Redis or Valkey; empty means the embedded one under `instance`.
        base_url: the address links outside a request begin with; empty takes host and port.
        name: the firm's name, shown in both areas.
        host, port: where the web process listens.
        web_processes, workers: how many of each one host runs.
        trusted_proxies: how many proxies stand in front and may be believed about the client's
            address.
        secure_cookies: cookies travel over HTTPS only.
        module_log_days: how long lines of the module log are kept; 0 keeps them all.
        task_days: how long tasks that completed or were cancelled are kept; 0 keeps them all.
            Failed and lost ones stay.
        monitoring_allow: networks of our own that staff may have monitored, besides the open
            internet.
        locale: the language of what no visitor asked for, such as a worker's messages, and of
            visitors whose browser names none.
        dev: reload edited templates and modules.
        log_json: log lines as JSON.
    """

    instance: Path
    modules_dir: Path
    database_url: str
    redis_url: str = ""
    base_url: str = ""
    name: str = "puqpanel"
    host: str = "127.0.0.1"
    port: int = 8000
    web_processes: int = 2
    workers: int = 2
    trusted_proxies: int = 0
    secure_cookies: bool = False
    module_log_days: int = 90
    task_days: int = 365
    monitoring_allow: tuple[str, ...] = ()
    locale: str = "en"
    dev: bool = False
    log_json: bool = False

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process.

        Args:
            env: name → text; the process environment unless given.

        Raises:
            SettingsError: a value is not what its setting takes.
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
                f"{PREFIX}DATABASE_URL must begin with sqlite, postgresql+psycopg or mysql+pymysql."
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
                f"{PREFIX}REDIS_URL must begin with redis://, rediss://, unix:// or"
                " redis+sentinel://."
            )
        base_url = text("BASE_URL").rstrip("/")
        if base_url and not base_url.startswith(("http://", "https://")):
            raise SettingsError(f"{PREFIX}BASE_URL must begin with http:// or https://.")
        return cls(
            instance=instance,
            modules_dir=Path(text("MODULES_DIR", str(ROOT / "modules"))).expanduser().absolute(),
            database_url=database_url,
            redis_url=redis_url,
            base_url=base_url,
            name=text("NAME", "puqpanel"),
            host=text("HOST", "127.0.0.1"),
            port=_number("PORT", text("PORT", "8000"), 0, 65535),
            web_processes=_number("WEB_PROCESSES", text("WEB_PROCESSES", "2"), 1, 256),
            workers=_number("WORKERS", text("WORKERS", "2"), 1, 256),
            trusted_proxies=_number("TRUSTED_PROXIES", text("TRUSTED_PROXIES", "0"), 0, 10),
            secure_cookies=_switch(
                "SECURE_COOKIES",
                text("SECURE_COOKIES", "yes" if base_url.startswith("https://") else "no"),
            ),
            module_log_days=_number("MODULE_LOG_DAYS", text("MODULE_LOG_DAYS", "90"), 0, 36500),
            task_days=_number("TASK_DAYS", text("TASK_DAYS", "365"), 0, 36500),
            monitoring_allow=_networks("MONITORING_ALLOW", text("MONITORING_ALLOW")),
            locale=_locale("LOCALE", text("LOCALE", "en")),
            dev=_switch("DEV", text("DEV", "no")),
            log_json=_switch("LOG_JSON", text("LOG_JSON", "no")),
        )

    @property
    def keys_dir(self) -> Path:
        """Where the keys of this panel lie."""
        return self.instance / "keys"

    @property
    def address(self) -> str:
        """The address that people type."""
        return self.base_url or f"http://{self.host}:{self.port}"


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


def _networks(name: str, value: str) -> tuple[str, ...]:
    found = tuple(value.replace(",", " ").split())
    for one in found:
        try:
            ip_network(one, strict=False)
        except ValueError:
            raise SettingsError(
                f"{PREFIX}{name} must be networks such as 10.0.0.0/8, separated by commas, not"
                f" “{one}”."
            ) from None
    return found


def _locale(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})?", value):
        raise SettingsError(
            f"{PREFIX}{name} must be a language such as en or pl-PL, not “{value}”."
        )
    return value.replace("_", "-")
