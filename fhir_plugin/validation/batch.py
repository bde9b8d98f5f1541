"""Many inputs: files, folders, globs, NDJSON and standard input, on one core or several, in constant memory."""

from __future__ import annotations

import glob
import marshal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fhir_plugin.errors import InputError
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.validation.outputs import Result
from fhir_plugin.validation.parsing.result import failed
from fhir_plugin.validation.validator import Validator

__all__ = ["Source", "bytes_in", "sources", "validate_all"]

_SUFFIXES = frozenset({".json", ".xml", ".ndjson"})
_CHUNK_BYTES = 256 * 1024


class Source(NamedTuple):
    """One resource to validate: a file (``data`` None: read it when its turn comes) or a line."""

    name: str
    line: int | None
    data: bytes | None


def sources(paths: Iterable[str]) -> Iterator[Source]:
    """The resources behind paths: ``-`` is standard input, folders are searched, NDJSON is read line by line.

    Raises:
        InputError: a path that leads to nothing.
    """
    for text in paths:
        if text == "-":
            yield from _stream(sys.stdin.buffer)
            continue
        found = _files(text)
        if not found:
            raise InputError("nothing to read here.", where=text, remedy="Give a file, a folder or a pattern.")
        for one in found:
            yield from _file(one)


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


def _file(path: Path) -> Iterator[Source]:
    if path.suffix != ".ndjson":
        yield Source(str(path), None, None)
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield Source(str(path), number, line)


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


def validate_all(
    validator: Validator, found: Iterable[Source], profiles: tuple[str, ...] = (), jobs: int = 1
) -> Iterator[Result]:
    """Results in the order of the inputs.

    Args:
        validator: loaded before the work is spread, so that every process shares its definitions.
        found: see :func:`sources`.
        profiles: canonicals every resource must satisfy.
        jobs: number of processes.
    """
    if jobs <= 1:
        for source in found:
            yield _one(validator, source, profiles)
        return
    import multiprocessing  # not needed, and not loaded, for one process

    context = multiprocessing.get_context("fork")
    with context.Pool(jobs, _adopt, (validator, profiles)) as pool:
        for answer in pool.imap(_many, _chunks(found)):
            yield from unpacked(answer)


def _one(validator: Validator, source: Source, profiles: tuple[str, ...]) -> Result:
    data = source.data
    if data is None:
        try:
            data = Path(source.name).read_bytes()
        except OSError:
            report: Report = Report(issues=failed("input-unreadable").issues)
            return Result(name=source.name, report=report)
    return Result(name=source.name, line=source.line, report=validator.validate(data, profiles))


_adopted: dict[str, tuple[Validator, tuple[str, ...]]] = {}


def _adopt(validator: Validator, profiles: tuple[str, ...]) -> None:
    _adopted["here"] = (validator, profiles)


def _many(chunk: list[Source]) -> bytes:
    validator, profiles = _adopted["here"]
    return packed(_one(validator, source, profiles) for source in chunk)


def packed(results: Iterable[Result]) -> bytes:
    """Results as bytes for another process of this program: what costs time there is objects, not text."""
    return marshal.dumps(
        [
            (
                result.name,
                result.line,
                [
                    (one.severity.value, one.code, one.expression, one.params, one.line, one.column, one.source)
                    for one in result.report
                ],
            )
            for result in results
        ]
    )


def unpacked(data: bytes) -> Iterator[Result]:
    """The inverse of :func:`packed`."""
    for name, number, rows in marshal.loads(data):  # noqa: S302  it comes from a process that this one started
        issues = tuple(
            Issue(
                severity=_SEVERITIES[severity],
                code=code,
                expression=expression,
                params=params,
                line=line,
                column=column,
                source=source,
            )
            for severity, code, expression, params, line, column, source in rows
        )
        yield Result(name=name, line=number, report=Report(issues=issues))


_SEVERITIES = {one.value: one for one in Severity}


def _chunks(found: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in found:
        chunk.append(source)
        size += len(source.data) if source.data is not None else 8192
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
