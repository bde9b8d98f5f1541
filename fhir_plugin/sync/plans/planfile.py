"""The plan as a file: valid JSON, totals first, one client a line, so that any size of it is read line by line."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from fhir_plugin.errors import InputError
from fhir_plugin.wire import dumps, loads

if TYPE_CHECKING:
    from fhir_plugin.sync.deciding.decided import ClientPlan
    from fhir_plugin.sync.sources.wanted import Wanted
from fhir_plugin.sync.whole_file import whole_file

__all__ = ["PlanReader", "PlanWriter", "PlannedClient", "Waiting", "client_of", "counts_of", "line_of"]

_NAME = "steunfiguren-sync-plan/"
_FORMAT = f"{_NAME}1"
_CLIENTS = b'"clients": [\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClient:
    """One client of a plan, with the rows it was made from and their print (``prints.rows_print``)."""

    plan: ClientPlan
    rows: tuple[Wanted, ...] = field(repr=False)
    print: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits in a plan."""

    questions: int = 0
    conflicts: int = 0

    def __bool__(self) -> bool:
        return bool(self.questions or self.conflicts)


def line_of(planned: PlannedClient) -> bytes:
    """A client as it stands in a plan."""
    from fhir_plugin.sync.plans.codec import plan_json, row_json  # mapping: not for an empty plan

    rows = [row_json(row) for row in planned.rows]
    body = {**plan_json(planned.plan), "print": planned.print, "rows": rows}
    return json.dumps(body, ensure_ascii=False).encode()  # with spaces: people read and fill it in


def counts_of(planned: PlannedClient) -> Counter[str]:
    """What a client adds to the totals of a plan."""
    counts = Counter(note.split(":")[0] for note in planned.plan.counts())
    counts.update({"clients": 1, "clients-written": int(planned.plan.writes)})
    return counts


class PlanWriter:
    """Writes a plan; the totals are known at the end and stand at the beginning."""

    def __init__(self, path: Path, *, ehr: str, source: str, file: str, made: str) -> None:
        self._path = path
        self._head = {"format": _FORMAT, "ehr": ehr, "source": source, "file": file, "made": made}
        self._spool: IO[bytes] = tempfile.TemporaryFile("w+b", dir=path.parent)  # noqa: SIM115  closed in close()
        self.totals: Counter[str] = Counter({"clients": 0, "clients-written": 0})

    def add(self, planned: PlannedClient) -> None:
        """Add one client."""
        self._spool.write(b",\n" if self.totals["clients"] else b"")
        self._spool.write(line_of(planned))
        self.totals.update(counts_of(planned))

    def close(self, problems: int, settled: tuple[int, int] = (0, 0)) -> None:
        """Write the file, readable by its owner alone; until it is whole, the one before stays.

        Args:
            problems: rows that were refused.
            settled: clients, and figures of theirs, for whom nothing changed since the last run; only counted.
        """
        self.totals["rows-refused"] = problems
        self.totals["clients-settled"] = settled[0]
        self.totals["clients"] += settled[0]
        self.totals["none"] += settled[1]
        head = json.dumps({**self._head, "totals": dict(self.totals)}, ensure_ascii=False)
        self._spool.seek(0)
        with whole_file(self._path) as stream:
            stream.write(f"{head[:-1]},\n".encode() + _CLIENTS)
            shutil.copyfileobj(self._spool, stream)
            stream.write(b"\n]}\n")
        self._spool.close()


class PlanReader:
    """Reads a plan, also one that a person filled in answers in and an editor laid out anew.

    Raises:
        InputError: it is no plan.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self.digest = hashlib.file_digest(stream, "sha256").hexdigest()
                stream.seek(0)
                head, self._by_line = self._head(stream)
        except OSError:
            raise _no_plan(path.name) from None
        form = str(head.get("format", ""))
        if form.startswith(_NAME) and form != _FORMAT:
            raise InputError(
                "This plan was made by another version of this program.",
                code="sync-plan-version",
                where=path.name,
                remedy="Make the plan again.",
            )
        if form != _FORMAT or not isinstance(head.get("totals"), dict):
            raise _no_plan(path.name)
        self.ehr, self.source, self.made = (str(head.get(name, "")) for name in ("ehr", "source", "made"))
        self.totals: dict[str, int] = head["totals"]

    @property
    def asks(self) -> bool:
        """Whether anything in it is for a person to answer, answered or not."""
        return bool(self.totals.get("question") or self.totals.get("conflict"))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done, or to be looked at, for anybody."""
        return next(self.lines(), None) is None

    def clients(self) -> Iterator[PlannedClient]:
        """The clients, in order."""
        return (client_of(line, self.path.name) for line in self.lines())

    def plans(self) -> Iterator[ClientPlan]:
        """What happens to each client, in order; the rows it comes of are not looked at."""
        return (_plan_of(line, self.path.name) for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        """Each client as JSON, in order; the file is read as it is needed."""
        if not self._by_line:
            yield from (dumps(body) for body in self._whole()["clients"])
            return
        with self.path.open("rb") as stream:
            for line in islice(stream, 2, None):
                held = line.rstrip().removesuffix(b",")
                if held not in (b"", b"]}"):
                    yield held

    def _head(self, stream: BinaryIO) -> tuple[dict[str, Any], bool]:
        """The head, and whether the file is laid out one client a line."""
        first, second = stream.readline(), stream.readline()
        try:
            if second == _CLIENTS:
                return loads(first.rstrip().removesuffix(b",") + b"}"), True
        except ValueError:
            raise _no_plan(self.path.name) from None
        return self._whole(), False

    def _whole(self) -> dict[str, Any]:
        try:
            body: dict[str, Any] = loads(self.path.read_bytes())
            listed = isinstance(body["clients"], list)
        except (ValueError, KeyError, TypeError):
            listed = False
        if not listed:
            raise _no_plan(self.path.name)
        return body


def client_of(line: bytes, name: str = "") -> PlannedClient:
    """One of ``PlanReader.lines``; ``name``: of the file, for an error.

    Raises:
        InputError: it was damaged.
    """
    from fhir_plugin.sync.plans.codec import plan_from, row_from

    try:
        body = loads(line)
        rows = tuple(row_from(row) for row in body["rows"])
    except (KeyError, TypeError, ValueError):
        raise _no_plan(name) from None
    return PlannedClient(plan=plan_from(body), rows=rows, print=str(body.get("print", "")))


def _plan_of(line: bytes, name: str) -> ClientPlan:
    from fhir_plugin.sync.plans.codec import plan_from

    try:
        body = loads(line)
    except ValueError:
        raise _no_plan(name) from None
    return plan_from(body)


def _no_plan(name: str) -> InputError:
    return InputError(
        "This is not a plan of `steunfiguren sync plan`, or it was damaged.",
        code="sync-no-plan",
        where=name,
        remedy="Make the plan again.",
    )
