"""A company's own PDF template: an editor with a preview."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from puqpanel.domain.permissions import COMPANIES_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Company
from puqpanel.operations.billing import companies, document_files, templates
from puqpanel.operations.billing.print_failures import TEMPLATE, failure
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.forms import _, errors_in, form_page, save_or_show
from puqpanel.web.guard import actor, allow

bp = Blueprint("pdf_templates", __name__, url_prefix="/companies")


class TemplateForm(EditForm):
    """The source of a template."""

    template = TextAreaField(
        _("Template"),
        render_kw={"rows": 30, "class": "mono", "spellcheck": "false", "wrap": "off"},
        description=_("Typst source. Leave blank to use the default template."),
    )


@bp.route("/<uuid>/template", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Edit the template of a company, or show a sample document made by what was entered."""
    company = companies.find_company(uuid)
    form = _form(company)
    page = {
        "title": _("PDF template of %(name)s", name=company.name),
        "crumbs": [
            (str(_("Companies")), url_for("admin.companies.index")),
            (company.name, url_for("admin.companies.show", uuid=uuid)),
        ],
        "company": company,
        "template_failure": failure(TEMPLATE, company),
    }
    text = form.template.data or ""
    if "preview" in request.form and form.validate_on_submit():
        with errors_in(form):
            sample = templates.preview(actor=actor(), company_uuid=uuid, template=text)
            return Response(sample, mimetype=document_files.PDF_TYPE)
        return form_page(form, "admin/billing/companies/template.html", **page)

    def save() -> tuple[Text, str]:
        source = templates.checked(actor=actor(), company_uuid=uuid, template=text)
        with unchanged(form, lambda: _form(companies.lock_company(uuid))):
            templates.save(actor=actor(), company_uuid=uuid, template=source)
        return _("PDF template saved."), url_for("admin.companies.show", uuid=uuid)

    return save_or_show(form, save, "admin/billing/companies/template.html", **page)


def _form(company: Company) -> TemplateForm:
    return TemplateForm(data={"template": templates.source(company)})
