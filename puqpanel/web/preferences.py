"""The language switch, and the page of one's own language and time zone, in both areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.infra import catalogs
from puqpanel.operations.accounts import preferences
from puqpanel.web.answers import flash, same_site
from puqpanel.web.fields import LanguageField, TimeZoneField
from puqpanel.web.forms import Form, _, errors_in, form_page
from puqpanel.web.guard import actor, public
from puqpanel.web.locale import LANGUAGE_COOKIE

if TYPE_CHECKING:
    from puqpanel.web.signin import Area

YEAR_SECONDS = 365 * 86400


def languages() -> list[tuple[str, str]]:
    """Return tag and name of each available language, in that language."""
    pairs = [(each.tag, each.locale) for each in catalogs.available()]
    return [(tag, (locale.language_name or tag).capitalize()) for tag, locale in pairs]


class PreferencesForm(Form):
    """The form of one's own language and time zone."""

    language = LanguageField(_("Language"), blank=_("Same as the browser"))
    zone = TimeZoneField(
        _("Time zone"),
        blank=_("Same as the browser"),
        description=_("Dates and times are shown in this time zone."),
    )


def add_pages(bp: Blueprint, area: Area) -> None:
    """Add the pages to the blueprint of an area's account.

    Args:
        bp: the blueprint with the sign-in pages.
        area: the area.
    """

    @bp.post("/language")
    @public
    @area.named
    def set_language() -> ResponseReturnValue:
        """Switch the language for this browser and the signed-in account."""
        response = redirect(same_site(request.form.get("next", ""), area.home))
        tag = request.form.get("language", "")
        if tag in dict(languages()):
            if area.signed_in():
                preferences.save(actor=actor(), language=tag)
            response.set_cookie(LANGUAGE_COOKIE, tag, max_age=YEAR_SECONDS, samesite="Lax")
        return response

    @bp.route("/preferences", methods=["GET", "POST"])
    @area.mark
    @area.named
    def edit_preferences() -> ResponseReturnValue:
        """Change one's own language and time zone."""
        form = PreferencesForm(obj=area.signed_in())
        if form.validate_on_submit():
            with errors_in(form):
                preferences.save(actor=actor(), **form.values("language", "zone"))
                flash(str(_("Preferences saved.")), "good")
                response = redirect(url_for(f"{area.name}.auth.edit_preferences"))
                response.delete_cookie(LANGUAGE_COOKIE)
                return response
        return form_page(form, "preferences.html", layout=area.layout, home=area.home)
