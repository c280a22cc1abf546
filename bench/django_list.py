"""CPU of the signed-in list of services compared with Django admin's list of the same rows.

Django is not a dependency. Install it into an environment of its own, and name its Python:

    python -m venv /tmp/django && /tmp/django/bin/pip install django
    PUQPANEL_BENCH_DJANGO=/tmp/django/bin/python ./panel bench django_list

Django runs in a process of its own on a copy of the database, with DEBUG off, its default
middleware and sessions, and a change list of the same seven columns with `list_select_related`. The
test client of each framework makes the requests.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

from bench.measure import figure, interleaved, temporary_panel
from bench.pages import FEW, REQUESTS, cpu_ms, signed_in
from puqpanel.app import create_app
from puqpanel.cli.demo.rows import add_rows

PYTHON = "PUQPANEL_BENCH_DJANGO"
GOAL = 1 / 3
DJANGO = """
import sys, time
import django
from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    USE_TZ=True,
    STATIC_URL="static/",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import models
from django.test import Client as Browser
from django.urls import path


class Named(models.Model):
    id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=200)

    class Meta:
        abstract = True

    def __str__(self):
        return self.name


class Client(Named):
    class Meta:
        app_label, db_table, managed = "admin", "clients", False


class Product(Named):
    class Meta:
        app_label, db_table, managed = "admin", "products", False


class Service(Named):
    client = models.ForeignKey(Client, models.DO_NOTHING)
    product = models.ForeignKey(Product, models.DO_NOTHING)
    status = models.CharField(max_length=40)
    provision_status = models.CharField(max_length=40)
    price_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "admin", "services", False


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin):
    list_display = ["name", "client", "product", "status", "provision_status"]
    list_display += ["price", "created_at"]
    list_select_related = ["client", "product"]
    list_per_page = 50
    ordering = ["-id"]

    def price(self, row):
        return f"{row.price_minor / 100:.2f} {row.currency}"


urlpatterns = [path("", admin.site.urls)]
call_command("migrate", verbosity=0)
browser = Browser()
browser.force_login(User.objects.create_superuser("bench"))


def get():
    answer = browser.get("/admin/service/")
    assert answer.status_code == 200 and answer.content.count(b"action-checkbox") > 50, answer
    answer.close()


for line in sys.stdin:
    get()
    started = time.process_time()
    for _ in range(int(line)):
        get()
    print((time.process_time() - started) / int(line) * 1000, flush=True)
"""


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Compare the two lists; yield nothing if PUQPANEL_BENCH_DJANGO is not set.

    Args:
        n: Number of services; 1,000 by default.
        database: Not used; both lists are measured on SQLite.
    """
    python = os.environ.get(PYTHON)
    if not python:
        print(f"Skipped: set {PYTHON}, see bench/django_list.py.", file=sys.stderr)
        return
    with temporary_panel(None) as settings:
        add_rows(settings, n or FEW)
        copy = settings.instance / "django.db"
        source = settings.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(source)) as rows, closing(sqlite3.connect(copy)) as target:
            rows.backup(target)
        get = signed_in(create_app(settings))
        with subprocess.Popen(
            [python, "-c", DJANGO, str(copy)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"]},
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            ask, answers = process.stdin, process.stdout

            def theirs() -> float:
                ask.write(f"{REQUESTS}\n")
                ask.flush()
                return float(answers.readline())

            ours, django = interleaved(
                lambda: cpu_ms(settings, lambda: get("/admin/services/?size=50")), theirs
            )
            ask.close()
        yield figure("list of 50 rows, beside Django admin", "sqlite", ours, django, "ms", GOAL)
