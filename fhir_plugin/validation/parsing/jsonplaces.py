"""Line and column of elements in JSON text, looked up only for the elements that have an issue."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from fhir_plugin.validation.parsing.result import Place, nowhere
from fhir_plugin.validation.scope import Path, segments

__all__ = ["JsonPlaces", "key_places"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_SCALAR = r'"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}\[\],:"]+'
_MEMBER = re.compile(rf'[\s,]*(?:"([^"\\]*(?:\\.[^"\\]*)*)"\s*:\s*(?:([{{\[])|{_SCALAR})|\}})', re.DOTALL)
"""The next member of an object up to the end of a scalar or the begin of anything larger, or the end of the object."""
_ITEM = re.compile(rf"[\s,]*(?:([{{\[])|({_SCALAR})|\])", re.DOTALL)
"""The next item of an array, likewise."""
_skip = json.JSONDecoder().raw_decode
"""The C scanner of the standard library is the quickest way past a value nobody asks for."""
_LINE_END = re.compile(r"\n")
_CHOICE = re.compile(r"(\w+)\.ofType\((\w+)\)")


class Wanted(dict[str | int, "Wanted"]):
    """Elements to find under one element, and where it is itself: None until it is found."""

    __slots__ = ("around", "offset")

    def __init__(self, around: Wanted | None = None) -> None:
        super().__init__()
        self.around = around
        self.offset: int | None = None

    def __missing__(self, step: str | int) -> Wanted:
        made = self[step] = Wanted(self)
        return made

    def nearest(self) -> int:
        """Where the element is, or else the nearest one around it that was found."""
        at: Wanted | None = self
        while at is not None and at.offset is None:
            at = at.around
        return 0 if at is None or at.offset is None else at.offset


def json_steps(path: Path) -> list[str | int]:
    """Keys and positions from the root object to an element."""
    steps: list[str | int] = []
    for name, index in list(segments(path))[1:]:
        steps.append(_json_name(name) if "(" in name else name)
        if index is not None:
            steps.append(index)
    return steps


def _json_name(segment: str) -> str:
    """``valueQuantity`` for ``value.ofType(Quantity)``."""
    match = _CHOICE.fullmatch(segment)
    return match[1] + match[2][0].upper() + match[2][1:] if match else segment


class JsonPlaces:
    """Finds places in one pass over the text, however many are asked for."""

    def __init__(self, text: str | bytes) -> None:
        self._text = text

    def __call__(self, paths: Sequence[Path]) -> list[Place]:
        """Places of paths; an element that is not in the text has the place of the nearest one around it."""
        text = self._text if isinstance(self._text, str) else self._text.decode("utf-8")
        root = Wanted()
        known: dict[int, Wanted] = {}
        try:
            wanted = [_reach(path, root, known) for path in paths]
            start = _BEGIN.match(text).end()  # type: ignore[union-attr]  # it matches the empty text
            root.offset = start
            if root:
                _object(text, start + 1, root)
        except (RecursionError, ValueError):
            return nowhere(paths)
        offsets = [one.nearest() for one in wanted]
        places = _line_columns(text, offsets)
        return [places[offset] for offset in offsets]


def _reach(path: Path, root: Wanted, known: dict[int, Wanted]) -> Wanted:
    """The node of a path; findings share the paths around them, so each is walked once (``known`` by identity)."""
    found = known.get(id(path))
    if found is None:
        around, name, index = path
        if around is None:
            found = root
        else:
            found = _reach(around, root, known)[_json_name(name) if "(" in name else name]
            if index is not None:
                found = found[index]
        known[id(path)] = found
    return found


_BEGIN = re.compile(r"\s*")


def _object(text: str, at: int, wanted: Wanted) -> int:
    """Note where wanted members of an object begin; the rest is skipped. Where the object ends."""
    member = _MEMBER.match(text, at)
    while member is not None and (name := member[1]) is not None:
        at = member.end()
        below = wanted.get(name)
        beside = below is None and name[:1] == "_"  # ``_field`` is the element where ``field`` is not there
        if beside:
            below = wanted.get(name[1:])
        if below is not None and not (beside and below.offset is not None):
            below.offset = member.start(1) - 1
        if member[2]:
            at = _container(text, at - 1, below)
        member = _MEMBER.match(text, at)
    return at if member is None else member.end()


def _array(text: str, at: int, wanted: Wanted) -> int:
    """As :func:`_object`, for the items of an array."""
    index = 0
    item = _ITEM.match(text, at)
    while item is not None and (item[1] or item[2]):
        at = item.end()
        below = wanted.get(index)
        if below is not None and below.offset is None:
            below.offset = item.start(1) if item[1] else item.start(2)
        if item[1]:
            at = _container(text, at - 1, below)
        index += 1
        item = _ITEM.match(text, at)
    return at if item is None else item.end()


def _container(text: str, start: int, wanted: Wanted | None) -> int:
    """Pass an object or array, looking inside where something in it is wanted. Where it ends."""
    if not wanted:
        return int(_skip(text, start)[1])
    return (_object if text[start] == "{" else _array)(text, start + 1, wanted)


def _line_columns(text: str, offsets: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Line and column of offsets, counting every line end once."""
    found: dict[int, tuple[int, int]] = {}
    line, line_start, last = 1, 0, 0
    for offset in sorted(set(offsets)):
        passed = text.count("\n", last, offset)
        if passed:
            line += passed
            line_start = text.rindex("\n", last, offset) + 1
        found[offset] = (line, offset - line_start + 1)
        last = offset
    return found


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def _line_column(lines: list[int], offset: int) -> tuple[int, int]:
    line = bisect_right(lines, offset)
    return line, offset - lines[line - 1] + 1


def key_places(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, line and column of every key that its object has already."""
    lines = _line_starts(text)
    tokens = list(_TOKEN.finditer(text))
    open_objects: list[set[str] | None] = []
    for place, token in enumerate(tokens):
        mark = token[0]
        if mark in ("{", "["):
            open_objects.append(set() if mark == "{" else None)
        elif mark in ("}", "]") and open_objects:
            open_objects.pop()
        elif open_objects and place + 1 < len(tokens) and tokens[place + 1][0] == ":":
            names = open_objects[-1]
            if names is not None and mark in names:
                yield (mark[1:-1], *_line_column(lines, token.start()))
            elif names is not None:
                names.add(mark)
