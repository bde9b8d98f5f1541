"""Many inputs on one core or several: a process reads, validates and renders; the one that started it only joins."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fhir_plugin.errors import InputError
from fhir_plugin.model.issues import Report
from fhir_plugin.validation.inputs import Input, Source, Stretch
from fhir_plugin.validation.outputs import Output, Result, Summary
from fhir_plugin.validation.parsing.result import failed
from fhir_plugin.validation.validator import Validator

__all__ = ["Batch", "Part", "rare_collections"]

_CHUNK_BYTES = 256 * 1024
_COLLECT_AFTER = 50_000
"""Objects made before garbage in cycles is looked for; validating makes hardly any."""


class Part(NamedTuple):
    """What came of some inputs.

    Attributes:
        texts: of every resource, what the output writes of it.
        summary: counts over them.
        size: their bytes.
    """

    texts: list[str]
    summary: Summary
    size: int


@contextmanager
def rare_collections() -> Iterator[None]:
    """Spare a long run the search for garbage among the definitions; for commands, which own their process."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Batch:
    """Validates inputs into parts of an output.

    Args:
        validator: loaded before the work is spread, so that every process shares its definitions.
        output: renders the results.
        profiles: canonicals every resource must satisfy.
    """

    def __init__(self, validator: Validator, output: Output, profiles: tuple[str, ...] = ()) -> None:
        self._validator = validator
        self._output = output
        self._profiles = profiles

    def run(self, found: Iterable[Input], jobs: int = 1) -> Iterator[Part]:
        """Parts in the order of the inputs.

        Args:
            found: see :func:`fhir_plugin.validation.inputs.inputs`.
            jobs: number of processes.

        Raises:
            InputError: a process ended before its work was done.
        """
        with rare_collections():
            yield from self._spread(found, jobs) if jobs > 1 else map(self.part, ([one] for one in found))

    def _spread(self, found: Iterable[Input], jobs: int) -> Iterator[Part]:
        import multiprocessing  # not needed, and not loaded, for one process
        from concurrent.futures import Future, ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        chunks = _chunks(found)
        waiting: deque[Future[Part]] = deque()
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(jobs, context, _adopt, (self,)) as pool:
            try:
                waiting.extend(pool.submit(_part, chunk) for chunk in islice(chunks, 4 * jobs))
                while waiting:
                    part = waiting.popleft().result()
                    waiting.extend(pool.submit(_part, chunk) for chunk in islice(chunks, 1))
                    yield part
            except BrokenProcessPool as error:
                remedy = "Memory may be short: try again with fewer --jobs."
                raise InputError("a process that validated ended too early.", remedy=remedy) from error
            finally:
                pool.shutdown(cancel_futures=True)

    def part(self, chunk: list[Input]) -> Part:
        """Validate and render."""
        texts, summary, size = [], Summary(), 0
        for one in chunk:
            for source in _sources(one):
                data = _read(source)
                size += len(data or b"")
                report = self._validator.validate(data, self._profiles) if data is not None else _UNREADABLE
                summary.add(report)
                texts.append(self._output.part(Result(name=source.name, line=source.line, report=report)))
        return Part(texts, summary, size)


_UNREADABLE = Report(issues=failed("input-unreadable").issues)


def _sources(one: Input) -> Iterable[Source]:
    if type(one) is not Stretch:
        return (Source(*one),)
    try:
        return list(one.sources())
    except OSError:
        return (Source(one.name, one.line, None),)


def _read(source: Source) -> bytes | None:
    if source.data is not None:
        return source.data
    try:
        return Path(source.name).read_bytes()
    except OSError:
        return None


_adopted: dict[str, Batch] = {}


def _adopt(batch: Batch) -> None:
    _adopted["here"] = batch


def _part(chunk: list[Input]) -> Part:
    return _adopted["here"].part(chunk)


def _chunks(found: Iterable[Input]) -> Iterator[list[Input]]:
    chunk: list[Input] = []
    size = 0
    for one in found:
        chunk.append(one)
        size += one.weight
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
