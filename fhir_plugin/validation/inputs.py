"""What is to be validated: files, folders, patterns, NDJSON and standard input, never more in memory than a piece."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fhir_plugin.errors import InputError

__all__ = ["Input", "Source", "Stretch", "bytes_in", "inputs"]

_SUFFIXES = frozenset({".json", ".xml", ".ndjson"})
_STRETCH_BYTES = 256 * 1024


class Source(NamedTuple):
    """One resource to validate: a file (``data`` None: read it when its turn comes) or a line."""

    name: str
    line: int | None
    data: bytes | None

    @property
    def weight(self) -> int:
        """Bytes it is counted for when work is spread; of a file unread, a usual size."""
        return len(self.data) if self.data is not None else 8192


class Stretch(NamedTuple):
    """Whole lines of an NDJSON file, read by the process that validates them.

    Attributes:
        line: number of its first line in the file.
        start: where it begins, in bytes.
        weight: its length in bytes.
    """

    name: str
    line: int
    start: int
    weight: int

    def sources(self) -> Iterator[Source]:
        """The resources in it.

        Raises:
            OSError: the file cannot be read any more.
        """
        with Path(self.name).open("rb") as file:
            file.seek(self.start)
            data = file.read(self.weight)
        for number, line in enumerate(data.split(b"\n"), self.line):
            if line.strip():
                yield Source(self.name, number, line)


Input = Source | Stretch


def inputs(paths: Iterable[str]) -> Iterator[Input]:
    """What is behind paths: ``-`` is standard input, folders are searched, NDJSON is cut at the ends of lines.

    Raises:
        InputError: a path that leads to nothing.
    """
    for text in paths:
        if text == "-":
            yield from _stream(sys.stdin.buffer)
            continue
        found = _files(text)
        if not found:
            raise InputError(
                "There is nothing to read here.",
                code="nothing-to-read",
                where=text,
                remedy="Give a file, a folder or a pattern.",
            )
        for one in found:
            yield from _stretches(one) if one.suffix == ".ndjson" else (Source(str(one), None, None),)


def bytes_in(paths: Iterable[str]) -> int:
    """Size of all that is behind paths, or 0 where standard input is among them."""
    named = tuple(paths)
    return 0 if "-" in named else sum(one.stat().st_size for text in named for one in _files(text))


def _files(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
    if path.is_file():
        return [path]
    return sorted(Path(one) for one in glob.glob(text, recursive=True) if Path(one).is_file())  # noqa: PTH207


def _stretches(path: Path) -> Iterator[Stretch]:
    line, start = 1, 0
    with path.open("rb") as file:
        while block := file.read(_STRETCH_BYTES):
            if not block.endswith(b"\n"):
                block += file.readline()
            yield Stretch(str(path), line, start, len(block))
            line += block.count(b"\n")
            start += len(block)


def _stream(stream: Iterable[bytes]) -> Iterator[Source]:
    """Standard input: one resource, or one a line when the first line is a resource by itself."""
    lines = iter(stream)
    first = next(lines, b"")
    second = next(lines, b"")
    if first.strip().startswith(b"{") and first.strip().endswith(b"}") and second.strip():
        yield Source("-", 1, first)
        yield Source("-", 2, second)
        for number, line in enumerate(lines, 3):
            if line.strip():
                yield Source("-", number, line)
        return
    yield Source("-", None, b"".join([first, second, *lines]))
