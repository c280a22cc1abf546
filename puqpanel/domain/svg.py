"""SVG images from uploads, reduced to drawings.

An SVG is a document that can run scripts and load files. Only the elements and attributes
listed here are kept; a file with active content is rejected, and metadata of drawing programs is
dropped.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from puqpanel.domain.errors import UserError
from puqpanel.domain.images import MAX_SIDE, TOO_LARGE
from puqpanel.domain.texts import _

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
MAX_DEPTH, MAX_ELEMENTS = 50, 5000
_ELEMENTS = (
    "svg g path rect circle ellipse line polyline polygon text tspan title desc defs symbol use"
    " linearGradient radialGradient stop clipPath mask"
)
_ATTRIBUTES = (
    "id class d x y x1 x2 y1 y2 cx cy r rx ry fx fy dx dy width height points viewBox transform"
    " preserveAspectRatio offset gradientUnits gradientTransform spreadMethod clipPathUnits"
    " maskUnits maskContentUnits fill fill-opacity fill-rule stroke stroke-width stroke-opacity"
    " stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset opacity"
    " stop-color stop-opacity clip-path clip-rule mask color display visibility font-family"
    " font-size font-weight font-style text-anchor letter-spacing role style href version"
)
ELEMENTS, ATTRIBUTES = frozenset(_ELEMENTS.split()), frozenset(_ATTRIBUTES.split())
_DANGEROUS = re.compile(
    r"url\s*+\(\s*+[\"']?+\s*+(?!#)|[@\\<]|expression|javascript:", re.IGNORECASE
)
_LENGTH = re.compile(r"\s*+(\d++(?:\.\d++)?+(?:e\+?\d++)?+)", re.IGNORECASE)
_FUNCTION = re.compile(r"(?<![\w-])([\w-]++)\s*\(")
_COLOURS_AND_TRANSFORMS = (
    "url rgb rgba hsl hsla matrix translate translatex translatey scale scalex scaley rotate skew"
    " skewx skewy"
)
_FUNCTIONS = frozenset(_COLOURS_AND_TRANSFORMS.split())


class SvgError(UserError):
    """An SVG is invalid or contains more than a drawing."""


def clean_svg(content: bytes) -> bytes:
    """Return an SVG with nothing but a drawing.

    Raises:
        SvgError: It is invalid, or contains a script, a link to a file, or the like.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SvgError(_("Save the SVG in UTF-8.")) from None
    if re.search(r"<!(DOCTYPE|ENTITY)|<\?xml-stylesheet", text, re.IGNORECASE):
        raise SvgError(_("Remove the DOCTYPE and style sheets from the SVG."))
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # without a DOCTYPE it has no entities
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise SvgError(_("The SVG is not valid XML.")) from None
    if root.tag != f"{{{SVG}}}svg":
        raise SvgError(_("The SVG has no <svg> element."))
    _limit(root)
    _limit_size(root)
    _clean(root, 0)
    _limit_uses(root)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    return ElementTree.tostring(root, encoding="unicode").encode()


def _limit(root: ElementTree.Element) -> None:
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise _too_many()


def _limit_size(root: ElementTree.Element) -> None:
    for name in ("width", "height"):
        length = _LENGTH.match(root.get(name, ""))
        if length and float(length[1]) > MAX_SIDE:
            raise SvgError(TOO_LARGE)


def _too_many() -> SvgError:
    return SvgError(_("The SVG has more than %(most)s elements. Simplify it.", most=MAX_ELEMENTS))


def _limit_uses(root: ElementTree.Element) -> None:
    """Refuse more elements than allowed once each `<use>` is replaced by what it refers to."""
    by_id = {name: element for element in root.iter() if (name := element.get("id"))}
    counts: dict[str, int] = {}

    def count(element: ElementTree.Element, open_ids: frozenset[str]) -> int:
        total = 0
        for each in element.iter():
            target = (each.get("href") or each.get(f"{{{XLINK}}}href") or "").strip()[1:]
            total += 1
            if each.tag != f"{{{SVG}}}use" or target not in by_id:
                continue
            if target in open_ids:
                raise SvgError(_("The SVG refers to itself."))
            if target not in counts:
                counts[target] = count(by_id[target], open_ids | {target})
            total += counts[target]
            if total > MAX_ELEMENTS or len(open_ids) > MAX_DEPTH:
                raise _too_many()
        return total

    count(root, frozenset())


def _clean(element: ElementTree.Element, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise SvgError(_("The elements of the SVG are nested too deeply."))
    for name, value in list(element.attrib.items()):
        local = name.removeprefix(f"{{{XLINK}}}")
        if local.lower().startswith("on"):
            raise SvgError(_("The SVG contains a script in the attribute %(name)s.", name=local))
        if local == "href" and not value.strip().startswith("#"):
            raise SvgError(_("The SVG refers to another file."))
        if local not in ATTRIBUTES:
            del element.attrib[name]
        elif _DANGEROUS.search(value) or not _FUNCTIONS.issuperset(
            name.lower() for name in _FUNCTION.findall(value)
        ):
            raise SvgError(
                _("The SVG refers to another file in the attribute %(name)s.", name=local)
            )
    for child in list(element):
        namespace, _brace, local = str(child.tag).removeprefix("{").rpartition("}")
        if namespace != SVG or local == "metadata":
            element.remove(child)
        elif local not in ELEMENTS:
            raise SvgError(
                _("The SVG contains the element <%(name)s>, which is not allowed.", name=local[:40])
            )
        else:
            _clean(child, depth + 1)
