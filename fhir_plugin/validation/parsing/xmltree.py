"""XML text to a small tree with places: expat without document types, so no entity expands and nothing is fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

__all__ = ["FHIR_SPACE", "XHTML_SPACE", "XmlElement", "XmlError", "XmlTree", "read_tree"]

FHIR_SPACE = "http://hl7.org/fhir"
XHTML_SPACE = "http://www.w3.org/1999/xhtml"
_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii"})
_MAX_DEPTH = 200


@dataclass(slots=True)
class XmlElement:
    """One element; ``markup`` is the source text of an XHTML one."""

    name: str
    space: str
    attributes: dict[str, str]
    line: int
    column: int
    children: list[XmlElement] = field(default_factory=list)
    text: bool = False
    markup: str = ""


@dataclass(slots=True)
class XmlTree:
    """A text that was read.

    Attributes:
        root: its outermost element.
        flaws: code, line and column of what FHIR does not allow in XML outside XHTML.
    """

    root: XmlElement
    flaws: list[tuple[str, int, int]]


class XmlError(Exception):
    """Text that is not usable XML: a code and where."""

    def __init__(self, code: str, line: int | None, column: int | None) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.column = column


def read_tree(source: bytes | str) -> XmlTree:
    """The root element, and what is wrong beside the elements.

    Raises:
        XmlError: not well-formed, with a document type, or nested too deeply.
    """
    reader = _Reader(_utf8(source))
    try:
        reader.parser.Parse(reader.data, True)
    except expat.ExpatError as error:
        raise XmlError("xml-syntax", error.lineno, error.offset + 1) from error
    if reader.root is None:
        raise XmlError("xml-syntax", None, None)
    declared = _DECLARED.search(reader.data[:200])
    if declared is not None and declared[1].lower() not in _UTF8:
        reader.flaws.append(("xml-encoding", 1, 1))
    return XmlTree(reader.root, reader.flaws)


def _utf8(source: bytes | str) -> bytes:
    if isinstance(source, str):
        return source.removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    declared = _DECLARED.search(source[:200])
    wide = source[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if wide else declared[1].decode() if declared else "utf-8"
    try:
        return source.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except (LookupError, UnicodeError) as error:
        raise XmlError("encoding", None, None) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root: XmlElement | None = None
        self.flaws: list[tuple[str, int, int]] = []
        self.open: list[tuple[XmlElement, int]] = []
        self.parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.ProcessingInstructionHandler = self.instruction
        self.parser.StartCdataSectionHandler = self.cdata

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        place = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        element = XmlElement(name, space, attributes, *place)
        if len(self.open) > _MAX_DEPTH:
            raise XmlError("too-deep", *place)
        if self.open:
            self.open[-1][0].children.append(element)
        elif self.root is None:
            self.root = element
        self.open.append((element, self.parser.CurrentByteIndex))

    def end(self, _tag: str) -> None:
        element, begin = self.open.pop()
        if element.space == XHTML_SPACE or element.name == "div":
            inside = self.open and self.open[-1][0].space == XHTML_SPACE
            if not inside:
                finish = self.data.index(b">", self.parser.CurrentByteIndex) + 1
                element.markup = self.data[begin:finish].decode()

    def characters(self, text: str) -> None:
        if self.open and not text.isspace():
            self.open[-1][0].text = True

    def instruction(self, _target: str, _data: str) -> None:
        self.flaw("xml-instruction")

    def cdata(self) -> None:
        self.flaw("xml-cdata")

    def flaw(self, code: str) -> None:
        if not self.open or self.open[-1][0].space != XHTML_SPACE:  # the narrative's own rules are for the rest
            self.flaws.append((code, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1))

    def doctype(self, *_declaration: object) -> None:
        raise XmlError("xml-doctype", self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)
