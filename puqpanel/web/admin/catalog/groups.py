"""Staff pages for product groups."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from puqpanel.domain.permissions import PRODUCTS_MANAGE, PRODUCTS_VIEW
from puqpanel.domain.slugs import MAX_LENGTH
from puqpanel.domain.texts import Text
from puqpanel.operations.catalog import groups
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs

bp = Blueprint("product_groups", __name__, url_prefix="/product-groups")


class GroupForm(Form):
    """A product group."""

    SAVED = ("name", "slug", "parent_uuid", "position", "hidden", "description")
    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    slug = StringField(
        _("Shop URL"),
        [Length(max=MAX_LENGTH)],
        description=_("Leave blank to generate it from the name."),
    )
    parent_uuid = SelectField(_("Parent group"))
    position = IntegerField(
        _("Position"),
        [InputRequired(_("Enter a whole number.")), NumberRange(0, 9999)],
        default=0,
        description=_("Smaller numbers come first."),
    )
    hidden = BooleanField(_("Hidden"), description=_("Not listed in the shop."))
    description = TextAreaField(_("Description"), [Length(max=10_000)])


def _form(uuid: str = "") -> GroupForm:
    """Return the form of a group, with the groups that it may be in."""
    listed = groups.groups()
    current = groups.find_group(uuid) if uuid else None
    parent = next(
        (row.group.uuid for row in listed if current and row.group.id == current.parent_id), ""
    )
    form = GroupForm(obj=current, data={"parent_uuid": parent})
    form.parent_uuid.choices = choices(
        [
            ("", _("No group")),
            *(
                (row.group.uuid, row.group.name)
                for row in listed
                if row.level == 0 and row.group.uuid != uuid
            ),
        ]
    )
    return form


@bp.get("/")
@allow(PRODUCTS_VIEW)
def index() -> ResponseReturnValue:
    """List product groups in the order of the shop."""
    return render_template("admin/catalog/groups/index.html", rows=groups.groups())


@bp.route("/new", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def create() -> ResponseReturnValue:
    """Create a product group."""
    form = _form()

    def save() -> tuple[Text, str]:
        group = groups.save_group(actor=actor(), uuid=None, **form.values(*form.SAVED))
        return _("%(name)s added.", name=group.name), url_for("admin.product_groups.index")

    return save_or_show(
        form,
        save,
        title=_("Add product group"),
        crumbs=crumbs("product_groups"),
        label=_("Add product group"),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update a product group."""
    group, form = groups.find_group(uuid), _form(uuid)

    def save() -> tuple[Text, str]:
        groups.save_group(actor=actor(), uuid=uuid, **form.values(*form.SAVED))
        return _("Product group saved."), url_for("admin.product_groups.index")

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=group.name),
        crumbs=crumbs("product_groups"),
        label=_("Save product group"),
    )


@bp.route("/<uuid>/delete", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def delete(uuid: str) -> ResponseReturnValue:
    """Delete an empty product group, after a confirmation."""
    group, back = groups.find_group(uuid), url_for("admin.product_groups.index")
    if request.method == "POST":
        name = group.name
        with flashed_errors():
            groups.delete_group(actor=actor(), uuid=uuid)
            flash(_("%(name)s deleted.", name=name), "good")
        return redirect(back)
    return render_template(
        "admin/confirm.html",
        title=_("Delete %(name)s?", name=group.name),
        button=_("Delete product group"),
        back=back,
        goes=[_("The product group and its address in the shop")],
        stays=_("Only empty groups can be deleted."),
    )
