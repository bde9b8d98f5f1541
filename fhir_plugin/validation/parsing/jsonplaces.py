"""Line and column of elements in JSON text, looked up only for the elements that have an issue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

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
_CHOICE = re.compile(r"(\w+)\.ofType\((\w+)\)")


class Wanted(dict[str | int, "Wanted"]):
    """Elements to find under one element, and where it is itself: None until it is found."""

    __slots__ = ("around", "offset")
    around: Wanted | None
    offset: int | None

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
    """Finds places in one pass over the text, however many are asked for.

    Args:
        text: JSON.
        repeated: whether an object in it has a key twice, of which the last one counts.
    """

    def __init__(self, text: str | bytes, *, repeated: bool = False) -> None:
        self._text = text
        self._repeated = repeated

    def __call__(self, paths: Sequence[Path]) -> list[Place]:
        """Places of paths; an element that is not in the text has the place of the nearest one around it."""
        text = self._text if isinstance(self._text, str) else self._text.decode("utf-8")
        search = _Search(text, to_the_end=self._repeated)
        try:
            wanted = [search.reach(path) for path in paths]
            search.run()
        except (RecursionError, ValueError):
            return nowhere(paths)
        offsets = [one.nearest() for one in wanted]
        places = _line_columns(text, offsets)
        return [places[offset] for offset in offsets]


class _AllFound(Exception):
    """What remains of the text need not be read."""


class _Search:
    """One pass: what is wanted, and how much of it is not found yet."""

    def __init__(self, text: str, *, to_the_end: bool) -> None:
        self._text = text
        self._left = int(to_the_end)  # one more than there are is never all
        self._known: dict[int, Wanted] = {}
        self._root = Wanted()
        self._root.around, self._root.offset = None, None

    def reach(self, path: Path) -> Wanted:
        """The node of a path; findings share the paths around them, so each is walked once (known by identity)."""
        found = self._known.get(id(path))
        if found is None:
            around, name, index = path
            if around is None:
                found = self._root
            else:
                found = self._under(self.reach(around), _json_name(name) if "(" in name else name)
                if index is not None:
                    found = self._under(found, index)
            self._known[id(path)] = found
        return found

    def _under(self, around: Wanted, step: str | int) -> Wanted:
        found = around.get(step)
        if found is None:
            found = around[step] = Wanted()
            found.around, found.offset = around, None
            self._left += 1
        return found

    def run(self) -> None:
        """Note where everything wanted begins."""
        start = _BEGIN.match(self._text).end()  # type: ignore[union-attr]  # it matches the empty text
        self._root.offset = start
        if self._root:
            with suppress(_AllFound):
                self._object(start + 1, self._root)

    def _note(self, found: Wanted, offset: int) -> None:
        if found.offset is None:
            self._left -= 1
        found.offset = offset
        if not self._left:
            raise _AllFound

    def _object(self, at: int, wanted: Wanted) -> int:
        """Note where wanted members of an object begin; the rest is skipped. Where the object ends."""
        text, member_at = self._text, _MEMBER.match
        while (member := member_at(text, at)) is not None and (name := member[1]) is not None:
            at = member.end()
            below = wanted.get(name)
            if below is not None:
                self._note(below, member.start(1) - 1)
            elif name[:1] == "_" and (below := wanted.get(name[1:])) is not None and below.offset is None:
                below.offset = member.start(1) - 1  # ``_field`` is the element where ``field`` is not there
            if opened := member[2]:
                if below:
                    at = self._object(at, below) if opened == "{" else self._array(at, below)
                else:
                    at = _skip(text, at - 1)[1]
        return at if member is None else member.end()

    def _array(self, at: int, wanted: Wanted) -> int:
        """As :meth:`_object`, for the items of an array."""
        text, item_at = self._text, _ITEM.match
        index = 0
        while (item := item_at(text, at)) is not None and (item[1] or item[2]):
            at = item.end()
            below = wanted.get(index)
            if below is not None and below.offset is None:
                self._note(below, item.start(1) if item[1] else item.start(2))
            if opened := item[1]:
                if below:
                    at = self._object(at, below) if opened == "{" else self._array(at, below)
                else:
                    at = _skip(text, at - 1)[1]
            index += 1
        return at if item is None else item.end()


_BEGIN = re.compile(r"\s*")


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


def key_places(text: str) -> list[tuple[str, int, int]]:
    """Name, line and column of every key that its object has already."""
    found = list(_repeated_keys(text))
    places = _line_columns(text, [offset for _, offset in found])
    return [(name, *places[offset]) for name, offset in found]


def _repeated_keys(text: str) -> Iterator[tuple[str, int]]:
    """Name and offset."""
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
                yield mark[1:-1], token.start()
            elif names is not None:
                names.add(mark)
