"""What XHTML a narrative may hold, and what may stand in what (http://hl7.org/fhir/R4/narrative.html#xhtml).

The elements are those of chapters 7 to 11 of HTML 4 (without its inserted and deleted text) and of fonts in chapter 15
as far as HL7's validator counts them in; the attributes are the validator's too. That lists hold items, tables rows
and texts no blocks is HTML's own content model (https://www.w3.org/TR/html401/).
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["ELEMENTS", "Nesting", "allows", "nests_well"]

_PHRASES = frozenset("a b em i strong small big sub sup code tt dfn q var abbr acronym cite bdo kbd samp".split())  # noqa: SIM905
"""Phrases, which do not hold themselves."""
_TEXTS = _PHRASES | {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "address", "span", "caption", "dd", "dt"}
"""Elements that hold no block."""
_BLOCKS = frozenset({"div", "pre", "table", "ul", "ol"})
_PARAGRAPH_BLOCKS = frozenset({"div", "blockquote", "table", "ol", "ul", "p"})
"""What cannot stand in a paragraph."""
_ROWS = frozenset({"tr"})
_CHILDREN: dict[str, frozenset[str]] = {
    "table": frozenset({"tbody", "tr", "caption", "thead", "tfoot", "col", "colgroup"}),
    "tr": frozenset({"td", "th"}),
    **dict.fromkeys(("tbody", "thead", "tfoot"), _ROWS),
    **dict.fromkeys(("ul", "ol"), frozenset({"li"})),
    "dl": frozenset({"dd", "dt"}),
    "map": frozenset({"area"}),
    **dict.fromkeys(("br", "img", "hr", "area", "col"), frozenset[str]()),
}
"""Elements that hold nothing but these."""
_PARENTS: dict[str, frozenset[str]] = {
    "tr": frozenset({"table", "thead", "tfoot", "tbody"}),
    **dict.fromkeys(("tbody", "thead", "tfoot", "caption", "colgroup"), frozenset({"table"})),
    "col": frozenset({"colgroup", "table"}),
    **dict.fromkeys(("th", "td"), frozenset({"tr", "thead", "tfoot"})),
    "li": frozenset({"ul", "ol"}),
    **dict.fromkeys(("dd", "dt"), frozenset({"dl"})),
}
"""Elements that stand in nothing but these."""
ELEMENTS = _TEXTS | _CHILDREN.keys() | _PARENTS.keys() | _BLOCKS | {"blockquote"}
_EVERYWHERE = frozenset((  # noqa: SIM905
    "title style class id lang xml:lang dir accesskey tabindex xmlns xml:space "
    "span width align valign char charoff abbr axis headers scope rowspan colspan"
).split())  # fmt: skip
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset("href name charset type hreflang rel rev shape coords".split()),  # noqa: SIM905
    "img": frozenset("src border alt longdesc height width usemap ismap".split()),  # noqa: SIM905
    "blockquote": frozenset({"cite"}),
    "q": frozenset({"cite"}),
    "map": frozenset({"name"}),
    "area": frozenset({"shape", "coords", "href", "nohref", "alt"}),
    "table": frozenset("summary width border frame rules cellspacing cellpadding".split()),  # noqa: SIM905
    "td": frozenset({"nowrap"}),
}
_NOTHING: frozenset[str] = frozenset()


def allows(element: str, attribute: str) -> bool:
    """Whether an element may have an attribute (``xml:lang`` by that name)."""
    return attribute in _EVERYWHERE or attribute in _ATTRIBUTES.get(element, _NOTHING)


class Nesting:
    """The elements that are open in a narrative, and what may stand in them; every step costs the same however deep."""

    __slots__ = ("_open", "_texts")

    def __init__(self) -> None:
        self._open: list[str] = []
        self._texts: dict[str, int] = {}

    def enter(self, name: str) -> bool:
        """Open an element; whether it may stand here."""
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        texts = self._texts
        fits = not (parent in _CHILDREN and name not in _CHILDREN[parent])
        if (
            (name in _PARENTS and parent not in _PARENTS[name])
            or (texts and ((name in _PHRASES and name in texts) or name in _BLOCKS))
            or ("p" in texts and name in _PARAGRAPH_BLOCKS)
        ):
            fits = False
        if name in _TEXTS:
            texts[name] = texts.get(name, 0) + 1
        return fits

    def leave(self) -> None:
        """Close the innermost element."""
        name = self._open.pop()
        if name in _TEXTS:
            if self._texts[name] == 1:
                del self._texts[name]
            else:
                self._texts[name] -= 1

    @property
    def holds_text(self) -> bool:
        """Whether the innermost element may hold text by itself."""
        return not self._open or self._open[-1] not in _CHILDREN


@lru_cache(maxsize=1024)
def nests_well(tags: tuple[str, ...]) -> bool:
    """Whether the tags of well-formed XML stand where they may; narratives of one maker are much alike.

    Args:
        tags: each its name, with a slash before it where it closes.
    """
    nesting = Nesting()
    for tag in tags:
        if tag[0] == "/":
            nesting.leave()
        elif not nesting.enter(tag):
            return False
    return True
