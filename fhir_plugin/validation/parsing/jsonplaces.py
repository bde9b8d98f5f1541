"""Line and column of elements in JSON text, looked up only for the elements that have an issue."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from fhir_plugin.validation.parsing.result import Place, nowhere
from fhir_plugin.validation.scope import Path, segments

__all__ = ["JsonPlaces", "key_places"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_skip = json.JSONDecoder().raw_decode
"""The C scanner of the standard library is the quickest way past a value nobody asks for."""
_LINE_END = re.compile(r"\n")
_CHOICE = re.compile(r"(\w+)\.ofType\((\w+)\)")

Trie = dict[Any, Any]


def json_steps(path: Path) -> list[str | int]:
    """Keys and positions from the root object to an element."""
    steps: list[str | int] = []
    for name, index in list(segments(path))[1:]:
        match = _CHOICE.fullmatch(name)
        steps.append(match[1] + match[2][0].upper() + match[2][1:] if match else name)
        if index is not None:
            steps.append(index)
    return steps


class JsonPlaces:
    """Finds places in one pass over the text, however many are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, paths: Sequence[Path]) -> list[Place]:
        """Places of paths; an element that is not in the text has the place of the nearest one around it."""
        trie: Trie = {}
        wanted = [json_steps(path) for path in paths]
        for steps in wanted:
            node = trie
            for step in steps:
                node = node.setdefault(step, {})
        walk = _Walk(self._text)
        try:
            walk.value(trie, ())
        except (RecursionError, ValueError):
            return nowhere(paths)
        lines = _line_starts(self._text)
        return [_place(walk.offsets, lines, steps) for steps in wanted]


def _place(offsets: dict[tuple[str | int, ...], int], lines: list[int], steps: list[str | int]) -> Place:
    for length in range(len(steps), -1, -1):
        key = tuple(steps[:length])
        if key not in offsets and key and isinstance(key[-1], str):
            key = (*key[:-1], f"_{key[-1]}")
        if key in offsets:
            return _line_column(lines, offsets[key])
    return None


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def _line_column(lines: list[int], offset: int) -> tuple[int, int]:
    line = bisect_right(lines, offset)
    return line, offset - lines[line - 1] + 1


class _Walk:
    """Reads tokens and notes where wanted keys and items begin; the rest is skipped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.offsets: dict[tuple[str | int, ...], int] = {}

    def _next(self) -> re.Match[str] | None:
        token = _TOKEN.search(self._text, self._at)
        if token is not None:
            self._at = token.end()
        return token

    def value(self, trie: Trie | None, path: tuple[str | int, ...]) -> None:
        """Read one value; ``trie`` holds what is wanted within it, None when it is not wanted itself."""
        token = self._next()
        if token is not None:
            self._value(token, trie, path)

    def _value(self, token: re.Match[str], trie: Trie | None, path: tuple[str | int, ...]) -> None:
        if trie is not None:
            self.offsets.setdefault(path, token.start())
        if token[0] in ("{", "["):
            if not trie:
                self._at = _skip(self._text, token.start())[1]
            elif token[0] == "{":
                self._object(trie, path)
            else:
                self._array(trie, path)

    def _object(self, trie: Trie, path: tuple[str | int, ...]) -> None:
        while (token := self._next()) is not None and token[0] != "}":
            if token[0] == ",":
                continue
            name = token[0][1:-1]
            below = trie.get(name, trie.get(name[1:]) if name.startswith("_") else None)
            if below is not None:
                self.offsets.setdefault((*path, name), token.start())
            self._next()
            self.value(below, (*path, name))

    def _array(self, trie: Trie, path: tuple[str | int, ...]) -> None:
        index = 0
        while (token := self._next()) is not None and token[0] != "]":
            if token[0] == ",":
                index += 1
            else:
                self._value(token, trie.get(index), (*path, index))


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
