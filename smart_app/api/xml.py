"""FHIR JSON as FHIR XML (https://hl7.org/fhir/R4/xml.html), for the resources this server makes itself.

The order of elements is that of the JSON object: whoever builds the resource writes them in the order of R4.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

__all__ = ["to_xml"]

_SPACE = "http://hl7.org/fhir"
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_xml(resource: dict[str, Any]) -> bytes:
    """The XML of a resource without narrative, contained resources or primitive extensions."""
    root = etree.Element(f"{{{_SPACE}}}{resource['resourceType']}", nsmap={None: _SPACE})  # type: ignore[dict-item]  # lxml: the default namespace
    for name, value in resource.items():
        if name != "resourceType":
            _add(root, name, value)
    found: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return found


def _add(parent: etree._Element, name: str, value: Any) -> None:
    if isinstance(value, list):
        for one in value:
            _add(parent, name, one)
    elif isinstance(value, dict):
        child = etree.SubElement(parent, f"{{{_SPACE}}}{name}")
        for below, inner in value.items():
            if name == "extension" and below == "url":
                child.set("url", inner)
            else:
                _add(child, below, inner)
    else:
        text = ("true" if value else "false") if isinstance(value, bool) else _printable(str(value))
        etree.SubElement(parent, f"{{{_SPACE}}}{name}").set("value", text)


def _printable(text: str) -> str:
    """What XML can hold: a value that a resource brought along may have characters that it cannot."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
