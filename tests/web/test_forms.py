"""Fields shared by forms: secrets, fields with a search, names, labels of module errors."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest
import sqlalchemy as sa
from wtforms import validators

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client
from puqpanel.operations.accounts import clients
from puqpanel.operations.system.fields import clean_name
from puqpanel.sdk import forms
from puqpanel.web.forms import Translations
from puqpanel.web.module_labels import form_labels
from tests.conftest import STAFF
from tests.sample import make_client
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite


class Settings_(forms.Form):
    pepper = forms.SecretField("Pepper")
    old = forms.PasswordField("Old")
    plan = forms.StringField("Plan")


class Declares:
    ProductForm = Settings_


def test_secrets_are_declared_by_the_class_of_the_field() -> None:
    assert secret_fields(Declares) == {"pepper", "old"}
    assert secret_fields(Settings_) == {"pepper", "old"}
    assert secret_fields(None) == frozenset()


def test_labels_of_a_form_that_a_module_wrote_itself() -> None:
    page = """<label for="f-1">Disk <b>space</b></label><input id=f-1 name="disk_space">
    <label>Zones <select name="zones[]"><option>a</select></label>
    <input name=key aria-label="API key"><input type=hidden name=id><input name=bare>"""
    assert form_labels(page) == {
        "disk_space": ("f-1", "Disk space"),
        "zones": ("zones", "Zones a"),
        "key": ("key", "API key"),
    }
    assert form_labels("<label for=") == {}
    assert form_labels(None) == {}


def test_country_is_chosen_from_a_list_in_the_viewers_language(owner: Browser) -> None:
    page = owner.get("/admin/clients/new").text
    assert '<option value="NO">Norway</option>' in page
    assert "data-search" in page
    polish = owner.get("/admin/clients/new", headers={"Accept-Language": "pl"}).text
    assert '<option value="NO">Norwegia</option>' in polish


def test_client_with_a_country_of_no_list_keeps_it_in_view_and_cannot_save_it(
    owner: Browser, panel: Panel
) -> None:
    client, _ = make_client(STAFF)
    with transaction():
        session().execute(sa.update(Client).values(country="NN"))
    path = f"/admin/clients/{client.uuid}/edit"
    assert '<option selected value="NN">NN</option>' in owner.get(path).text
    data = {"name": "A", "email": "a@a.test", "currency": "EUR", "country": "NN"}
    assert owner.post(path, data).status_code == 422
    assert owner.post(path, {**data, "country": ""}).status_code == 302


@pytest.mark.parametrize("code", ["XX", "EU", "ZZ", "N", "NOR", "00"])
def test_country_that_does_not_exist_is_refused(panel: Panel, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        clients.create_client(actor=STAFF, name="A", email="a@a.test", country=code)
    assert set(refusal.value.errors) == {"country"}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Anna\u200b Nowak", "Anna Nowak"),
        ("\u202eevil\u202c", "evil"),
        ("A\u2066B\u2069\ufeffC\u00ad", "ABC"),
        ("Zoë  O’Brien-Łęcka", "Zoë O’Brien-Łęcka"),
        ("A\u3164B", "A B"),
    ],
)
def test_invisible_characters_are_removed_from_names(typed: str, name: str) -> None:
    assert clean_name(typed) == name


@pytest.mark.parametrize("typed", ["\u200b\u200d", " \u2800 ", "\u202e"])
def test_invisible_name_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(typed)


def test_every_default_message_of_wtforms_has_a_wording_of_the_panel() -> None:
    modules = [validators, *(import_module(f"wtforms.fields.{name}") for name in FIELD_MODULES)]
    source = "".join(map(inspect.getsource, modules))
    one = {found[0] or found[1] for found in re.findall(ONE, source)}
    several = {found[1] for found in re.findall(SEVERAL, source)}
    assert len(one) > 20 and several
    internal = {"Choices cannot be None.", "Invalid field name '%s'."}
    assert (one | several) - internal - set(Translations.texts) == set()


ONE = r"""[^n]gettext\(\s*(?:"([^"]+)"|'([^']+)')"""
SEVERAL = r'ngettext\(\s*"([^"]+)",\s*"([^"]+)"'
FIELD_MODULES = ("choices", "core", "datetime", "list", "numeric", "simple")
