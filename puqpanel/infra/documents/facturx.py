"""Factur-X (ZUGFeRD 2): a PDF/A-3b with its EN 16931 data as an attached file.

Typst attaches the file. What it cannot write is the metadata that declares the PDF to be Factur-X;
this is added as an incremental update. The `generate_from_binary` of factur-x would do the same by
reading and writing all objects of the PDF, which takes several times as long as creating it, and
would state the time of the call, so that no two files were the same.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import facturx as library
from lxml import etree

from puqpanel.domain.documents import DocumentData
from puqpanel.infra.documents.cii import cii_element
from puqpanel.infra.documents.xml import serialize

_SCHEMA = "xsd_and_schematron/facturx-en16931/Factur-X_EN16931.xsd"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_METADATA = re.compile(rb"\n(\d+) 0 obj\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
_TRAILER = re.compile(rb"\ntrailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*\Z", re.DOTALL)
_END_OF_SCHEMAS = b"</rdf:Bag></pdfaExtension:schemas>"
_END = b"</rdf:RDF>"


def checked_xml(data: DocumentData) -> bytes:
    """Return an invoice or credit note as CII that matches the schema of Factur-X.

    Raises:
        lxml.etree.DocumentInvalid: it does not match the schema.
    """
    root = cii_element(data)
    _schema().assertValid(root)
    return serialize(root)


def declare(pdf: bytes) -> bytes:
    """Return a PDF of typst with an attached invoice, declared as Factur-X."""
    metadata, trailer = _METADATA.search(pdf), _TRAILER.search(pdf)
    if metadata is None or trailer is None:
        raise ValueError("not a PDF of this version of typst")
    packet = pdf[metadata.end() : metadata.end() + int(metadata[2])]
    schema, properties = _extension()
    packet = packet.replace(_END_OF_SCHEMAS, schema + _END_OF_SCHEMAS)
    packet = packet.replace(_END, properties + _END)
    number, start = int(metadata[1]), len(pdf) + 1
    head = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\n" % (number, len(packet))
    update = head + b"stream\n" + packet + b"\nendstream\nendobj\n"
    table = b"xref\n0 1\n0000000000 65535 f \n%d 1\n%010d 00000 n \n" % (number, start)
    end = b"trailer\n<<%b/Prev %b>>\nstartxref\n%d\n%%%%EOF\n"
    return b"".join(
        [pdf, b"\n", update, table, end % (trailer[1], trailer[2], start + len(update))]
    )


@cache
def _schema() -> Any:
    return etree.XMLSchema(file=str(resources.files(library).joinpath(_SCHEMA)))


@cache
def _extension() -> tuple[bytes, bytes]:
    """Return the XMP extension schema of Factur-X, and its properties, as factur-x writes them."""
    packet = library.generate_xmp_bytes("factur-x", "en16931", None, {})
    root = etree.fromstring(packet[packet.index(b"<x:xmpmeta") : packet.index(b"<?xpacket end")])
    schema = root.find(f".//{{*}}schemas/{{{_RDF}}}Bag/{{{_RDF}}}li")
    properties = root.find(".//{*}ConformanceLevel/..")
    assert schema is not None and properties is not None
    properties.set(f"{{{_RDF}}}about", "")
    etree.cleanup_namespaces(root)
    return etree.tostring(schema, with_tail=False), etree.tostring(properties, with_tail=False)
