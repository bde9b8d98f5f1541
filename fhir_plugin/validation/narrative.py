"""Narrative: XHTML that is safe to show (http://hl7.org/fhir/R4/narrative.html#rules)."""

from __future__ import annotations

import re
from functools import lru_cache
from html.entities import name2codepoint
from typing import Any
from xml.parsers import expat

from fhir_plugin.validation import xhtml
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["accepted_at_once", "check", "plainly_good", "problems", "problems_of"]

_XHTML = "http://www.w3.org/1999/xhtml"
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
"""XHTML in FHIR is XML without a DTD: HTML's own entities do not exist in it."""
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*):")
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "ftp", "sftp", "data", "cid", "file", "sms"})
"""What a reader can follow; an identifier (urn:…) is no link."""
_NO_LINK = re.compile(r"^$|\s")
_SCRIPT = re.compile(r"\s*(javascript|vbscript)\s*:", re.IGNORECASE)


def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Report what is wrong with a ``div``."""
    if type(value) is str:
        for code, detail in problems(value):
            scope.error(code, path, ("detail", detail))


def problems(text: str) -> tuple[tuple[str, str], ...]:
    """Codes and details of what is wrong; empty for a good narrative."""
    return () if plainly_good(text) else problems_of(text)


def accepted_at_once(text: str) -> bool:
    """Whether nothing whatever is to be said of a narrative; one with links within it is looked at."""
    return "#" not in text and len(text) <= _LONG and plainly_good(text)


def plainly_good(text: str) -> bool:
    """Whether a narrative is good for certain, judged by its distinct tags; many good ones are declined."""
    if not text.startswith(_ROOT) or text.count("xmlns") > 1 or not _CONTENT.search(text):
        return False
    if "<!" in text or "<?" in text or ("&" in text and _UNUSUAL.search(text)):
        return False
    root_end = text.find(">") + 1
    kinds = {_plain_tag(tag) for tag in set(_TAG.findall(text, root_end))}
    if "" in kinds or not _plain_tag(f"<div{text[len(_ROOT) : root_end]}"):
        return False
    try:
        expat.ParserCreate().Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeError):
        return False
    if "/>" in text:
        text = _EMPTY.sub(r"<\1></\1>", text)
    return not _STRAY_TEXT.search(text) and xhtml.nests_well(tuple(_NAME.findall(text)))


_LONG = 1024 * 1024
_ROOT = f'<div xmlns="{_XHTML}"'
_UNUSUAL = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
"""Entities that may not exist, or stand for white space."""
_CONTENT = re.compile(r">\s*[^<\s]|<img\s")
_TAG = re.compile(r"<[^<>]*>")
_SIMPLE_TAG = re.compile(r"</?([a-z0-9]+)((?:\s+[a-z]+=\"[^\"<>]*\")*)\s*/?>")
_EMPTY = re.compile(r"<([a-z0-9]+)[^<>]*/>")
_NAME = re.compile(r"<(/?[a-z0-9]+)")
_STRAY_TEXT = re.compile(
    r"<(?:table|tbody|thead|tfoot|tr|ul|ol|dl|map|br|img|hr|area|col)(?:\s[^<>]*)?>\s*[^<\s]"
    r"|</(?:tbody|thead|tfoot|tr|td|th|caption|colgroup|li|dd|dt)>\s*[^<\s]"
)
"""Text where only elements may be."""


@lru_cache(maxsize=2048)
def _plain_tag(tag: str) -> str:
    """The element of a tag that breaks no rule; empty for any other."""
    match = _SIMPLE_TAG.fullmatch(tag)
    if match is None or (name := match[1]) not in xhtml.ELEMENTS or (name == "p" and tag.endswith("/>")):
        return ""
    reader = _Reader()
    for attribute, value in _ATTRIBUTE.findall(match[2]):
        reader.attribute(name, attribute, value)
    return "" if reader.found else name


_ATTRIBUTE = re.compile(r"([a-z]+)=\"([^\"<>]*)\"")


def problems_of(text: str) -> tuple[tuple[str, str], ...]:
    """As :func:`problems`, by reading every tag."""
    reader = _Reader()
    try:
        reader.parser.Parse(_ENTITY.sub(_entity, text).encode("utf-8", "surrogatepass"), True)
    except (expat.ExpatError, UnicodeError):
        return (("narrative-malformed", ""),)
    found = reader.found
    found += [("narrative-entity", name[:20]) for name in _ENTITY.findall(text) if name not in _XML_ENTITIES]
    if not reader.has_content:
        found.append(("txt-2", ""))
    return tuple(dict.fromkeys(found))


def _entity(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _XML_ENTITIES or name not in name2codepoint else f"&#{name2codepoint[name]};"


class _Reader:
    """Collects problems while the parser walks the text."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.has_content = False
        self.nesting = xhtml.Nesting()
        self.is_inside = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.ProcessingInstructionHandler = self.instruction

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        if not self.is_inside and name != "div":
            self.found.append(("narrative-root", name[:40]))
        if space != _XHTML:
            self.found.append(("narrative-namespace", name[:40]))
        if name not in xhtml.ELEMENTS:
            self.found.append(("txt-1", name[:40]))
        if not self.nesting.enter(name) and self.is_inside:
            self.found.append(("narrative-nesting", name[:40]))
        self.is_inside = True
        if name == "img":
            self.has_content = True
        for attribute, value in attributes.items():
            self.attribute(name, attribute, value)

    def attribute(self, element: str, attribute: str, value: str) -> None:
        name = attribute.replace("http://www.w3.org/XML/1998/namespace ", "xml:")
        if not xhtml.allows(element, name):
            self.found.append(("txt-1", f"{element}/@{name[:40]}"))
        elif name in ("href", "src") and _SCRIPT.match(value):
            self.found.append(("txt-1", f"{element}/@{name}"))
        elif name in ("href", "src") and _NO_LINK.search(value):
            self.found.append(("narrative-link", f"{element}/@{name}"))
        elif name == "href" and (scheme := _SCHEME.match(value)) is not None and scheme[1].lower() not in _SCHEMES:
            self.found.append(("narrative-link-scheme", scheme[1][:20]))

    def end(self, _tag: str) -> None:
        self.nesting.leave()

    def text(self, data: str) -> None:
        if not data.isspace():
            self.has_content = True
            if not self.nesting.holds_text:
                self.found.append(("narrative-nesting", "text"))

    def doctype(self, *_declaration: object) -> None:
        self.found.append(("txt-1", "DOCTYPE"))

    def instruction(self, target: str, _data: str) -> None:
        self.found.append(("txt-1", f"<?{target[:40]}?>"))
