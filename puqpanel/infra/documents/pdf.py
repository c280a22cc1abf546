"""Documents as PDF/A-3b, with the invoice as EN 16931 XML inside (Factur-X)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from puqpanel.domain.documents import DocumentData, DocumentKind
from puqpanel.domain.images import DAMAGED, Image, ImageError, check_image
from puqpanel.domain.money import Money
from puqpanel.domain.texts import SOURCE, _
from puqpanel.infra import catalogs
from puqpanel.infra.documents.compiler import (
    LimitError,
    TemplateError,
    compile_template,
    logo_name,
)
from puqpanel.infra.documents.content import content

_SHIPPED = Path(__file__).with_name("invoice.typ")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as a file.

    Args:
        files: a PDF, or a PNG for each page.
        template_error: why the firm's own template was not used; None if it was, or there is none.
        logo_error: why the logo was left out; None if it was not, or there is none.
    """

    files: list[bytes]
    template_error: TemplateError | None = None
    logo_error: ImageError | TemplateError | None = None

    @property
    def pdf(self) -> bytes:
        """The PDF."""
        return self.files[0]

    @property
    def is_provisional(self) -> bool:
        """Whether it may look as it should at another time, when the server is less busy."""
        return any(isinstance(each, LimitError) for each in (self.template_error, self.logo_error))


def render_pdf(
    data: DocumentData,
    *,
    paid: Money | None = None,
    logo: bytes = b"",
    template: str = "",
    pay_url: str = "",
) -> Rendered:
    """Return a document as PDF/A-3b, in its own language.

    Invoices and credit notes have their data as Factur-X XML inside. A proforma has none,
    because software of the client would book it as an invoice.

    Args:
        data: the document; one without a number is shown as a draft, without XML.
        paid: how much of it is paid; by default, what had been paid before issue.
        logo: PNG, JPEG, WebP or SVG; empty for none. If it can't be printed, it is left out.
        template: the firm's own; empty for the shipped one. If it does not compile, the shipped
            one is used.
        pay_url: where the client can pay it; empty for nowhere.

    Raises:
        TemplateError: the shipped template does not compile, or not within the limits.
        lxml.etree.DocumentInvalid: its XML does not match the schema.
    """
    options: dict[str, Any] = {
        "paid": paid,
        "logo": logo,
        "template": template,
        "pay_url": pay_url,
    }
    if data.kind == DocumentKind.PROFORMA or not data.number:
        return _render(data, "pdf", **options)
    from puqpanel.infra.documents import facturx  # imports much; most processes never need it

    xml = facturx.checked_xml(data)
    rendered = _render(data, "pdf", xml=xml, **options)
    return replace(rendered, files=[facturx.declare(rendered.pdf)])


def render_pages(
    data: DocumentData,
    *,
    paid: Money | None = None,
    logo: bytes = b"",
    template: str = "",
    pay_url: str = "",
) -> Rendered:
    """Return the pages of a document as PNG, to show them in a browser.

    Arguments and errors are those of `render_pdf`.
    """
    return _render(data, "png", paid=paid, logo=logo, template=template, pay_url=pay_url)


def check_logo(logo: bytes) -> Image:
    """Return a logo that can be printed.

    Raises:
        ImageError: it is not an image, too large or damaged, or takes too long to print.
    """
    image = check_image(logo)
    try:
        compile_template(f'#image("{logo_name(image)}", width: 10mm)', {}, image)
    except LimitError:
        raise ImageError(_("The image takes too long to print. Upload another file.")) from None
    except TemplateError:
        raise ImageError(DAMAGED) from None
    return image


@cache
def shipped_template() -> str:
    """Return the template that is used unless a firm has its own."""
    return _SHIPPED.read_text("utf-8")


def _render(
    data: DocumentData,
    output: Literal["pdf", "png"],
    *,
    paid: Money | None,
    logo: bytes,
    template: str,
    pay_url: str,
    xml: bytes = b"",
) -> Rendered:
    """Return a document; without the logo, if it can't be rendered with it."""
    if paid is None:
        paid = data.prepaid or Money.zero(data.currency)
    language = catalogs.find(data.language) or SOURCE
    shown = content(data, language, paid=paid, logo="", pay_url=pay_url)
    created = datetime.combine(data.issued_on, datetime.min.time(), UTC)

    def compiled(source: str, image: Image | None) -> list[bytes]:
        return compile_template(
            source,
            {**shown, "logo": logo_name(image) if image else ""},
            image,
            xml=xml,
            timestamp=int(created.timestamp()),
            output=output,
            lines=len(data.lines),
        )

    try:
        image = check_image(logo) if logo else None
    except ImageError as error:
        return replace(_with_fallback(compiled, template, None), logo_error=error)
    try:
        return _with_fallback(compiled, template, image)
    except LimitError as error:
        if image is None:
            raise
        return replace(_with_fallback(compiled, "", None), logo_error=error)
    except TemplateError:
        if image is None:
            raise
        return replace(_with_fallback(compiled, template, None), logo_error=ImageError(DAMAGED))


def _with_fallback(
    compiled: Callable[[str, Image | None], list[bytes]], template: str, image: Image | None
) -> Rendered:
    """Return a document made by the firm's template, or else by the shipped one."""
    error: TemplateError | None = None
    if template:
        try:
            return Rendered(compiled(template, image))
        except TemplateError as failure:
            error = failure
    return Rendered(compiled(shipped_template(), image), error)
