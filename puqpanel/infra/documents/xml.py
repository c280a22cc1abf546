"""Writing XML: a tree of nodes by prefix and name, without empty ones, as elements of lxml.

The tree is written from the root down, because lxml creates a document for every element that is
created without a parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from puqpanel.domain.xml_text import xml_text


@dataclass(slots=True)
class Node:
    """An element: its name with a prefix, its text or children, and its attributes."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)


Part = Node | str | None
"""A child or the text of an element; None and empty text are left out."""


def node(name: str, *parts: Part | list[Node | None], **attributes: str) -> Node | None:
    """Return a node; None if it would have neither text nor children.

    Args:
        name: with its prefix, such as `cbc:ID`.
        parts: children or text; lists of children are joined.
        attributes: of the element.
    """
    result = Node(name, attributes)
    for part in parts:
        if isinstance(part, Node):
            result.children.append(part)
        elif isinstance(part, str):
            result.text = xml_text(part)
        elif part:
            result.children += [child for child in part if child is not None]
    return result if result.text or result.children else None


def to_element(root: Node | None, namespaces: Mapping[str | None, str]) -> Any:
    """Return a tree as an element of lxml.

    Args:
        root: the tree.
        namespaces: prefix → namespace, declared by the root; None for names without a prefix.
    """
    assert root is not None
    tags = {f"{prefix}:" if prefix else "": f"{{{name}}}" for prefix, name in namespaces.items()}

    def tag(name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        return tags[prefix + colon] + local

    def fill(element: Any, node: Node) -> None:
        if node.text:
            element.text = node.text
        for child in node.children:
            fill(etree.SubElement(element, tag(child.name), child.attributes), child)

    nsmap: Any = dict(namespaces)
    element = etree.Element(tag(root.name), root.attributes, nsmap=nsmap)
    fill(element, root)
    return element


def serialize(root: Any) -> bytes:
    """Return a document as UTF-8."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
