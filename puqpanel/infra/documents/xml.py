"""Writing XML: elements by prefix and name, empty ones left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from puqpanel.infra.documents.en16931 import clean

Part = Any
"""An element, text, or None; a list of them."""


class Builder:
    """Creates elements.

    Args:
        namespaces: prefix → namespace; an empty prefix is the default namespace.
    """

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = dict(namespaces)
        self._declared: Any = {
            prefix: {prefix or None: name} for prefix, name in namespaces.items()
        }

    def __call__(self, name: str, *parts: Part, **attributes: str) -> Any:
        """Return an element; None if it would have neither text nor children.

        Args:
            name: with its prefix, such as `cbc:ID`.
            parts: children or text; None and empty text are left out.
            attributes: of the element.
        """
        prefix, _colon, local = name.partition(":")
        element = etree.Element(
            f"{{{self._namespaces[prefix]}}}{local}", attributes, nsmap=self._declared[prefix]
        )
        for part in _flat(parts):
            if isinstance(part, str):
                element.text = part
            else:
                element.append(part)
        return element if len(element) or element.text else None

    def serialize(self, root: Any) -> bytes:
        """Return a document as UTF-8, with its namespaces declared once."""
        etree.cleanup_namespaces(root, top_nsmap=self._namespaces)
        return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _flat(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        if isinstance(part, list):
            yield from _flat(part)
        elif isinstance(part, str):
            if text := clean(part):
                yield text
        elif part is not None:
            yield part
