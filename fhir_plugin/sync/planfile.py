"""The plan as a file: valid JSON, totals first, one client a line, so that any size of it is read line by line."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from fhir_plugin.errors import InputError
from fhir_plugin.sync.codec import plan_from, plan_json, row_from, row_json
from fhir_plugin.sync.decided import ClientPlan
from fhir_plugin.sync.wanted import Wanted

__all__ = ["PlanReader", "PlanWriter", "PlannedClient"]

_FORMAT = "steunfiguren-sync-plan/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClient:
    """One client of a plan, with the rows it was made from and their print (``prints.rows_print``)."""

    plan: ClientPlan
    rows: tuple[Wanted, ...] = field(repr=False)
    print: str = ""


class PlanWriter:
    """Writes a plan; the totals are known at the end and stand at the beginning."""

    def __init__(self, path: Path, *, ehr: str, source: str, file: str, made: str) -> None:
        self._path = path
        self._head = {"format": _FORMAT, "ehr": ehr, "source": source, "file": file, "made": made}
        self._spool: TextIO = tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent)  # noqa: SIM115  closed in close()
        self.totals: Counter[str] = Counter({"clients": 0, "clients-written": 0})

    def add(self, planned: PlannedClient) -> None:
        """Add one client."""
        body = {**plan_json(planned.plan), "print": planned.print, "rows": [row_json(row) for row in planned.rows]}
        self._spool.write(",\n" if self.totals["clients"] else "")
        self._spool.write(json.dumps(body, ensure_ascii=False))
        self.totals["clients"] += 1
        self.totals["clients-written"] += planned.plan.writes
        self.totals.update(note.split(":")[0] for note in planned.plan.counts())

    def close(self, problems: int, settled: tuple[int, int] = (0, 0)) -> None:
        """Write the file, readable by its owner alone.

        Args:
            problems: rows that were refused.
            settled: clients, and figures of theirs, for whom nothing changed since the last run; only counted.
        """
        self.totals["rows-refused"] = problems
        self.totals["clients"] += settled[0]
        self.totals["none"] += settled[1]
        head = json.dumps({**self._head, "totals": dict(self.totals)}, ensure_ascii=False)
        self._spool.seek(0)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f'{head[:-1]},\n"clients": [\n')
            for line in self._spool:
                stream.write(line)
            stream.write("\n]}\n")
        self._spool.close()


class PlanReader:
    """Reads a plan, also one that a person filled in answers in and an editor laid out anew.

    Raises:
        InputError: it is no plan.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            raw = path.read_bytes()
        except OSError:
            raise _no_plan(path.name) from None
        self.digest = hashlib.sha256(raw).hexdigest()
        head, clients = _head_of(raw)
        if head.get("format") != _FORMAT or not isinstance(head.get("totals"), dict):
            raise _no_plan(path.name)
        self.ehr, self.source, self.made = (str(head.get(name, "")) for name in ("ehr", "source", "made"))
        self.totals: dict[str, int] = head["totals"]
        self._clients = clients
        self._raw = raw

    def clients(self) -> Iterator[PlannedClient]:
        """The clients, in order."""
        bodies = self._lines() if self._clients is None else iter(self._clients)
        for body in bodies:
            try:
                rows = tuple(row_from(row) for row in body["rows"])
            except (KeyError, TypeError, ValueError):
                raise _no_plan(self.path.name) from None
            yield PlannedClient(plan=plan_from(body), rows=rows, print=str(body.get("print", "")))

    def _lines(self) -> Iterator[dict[str, Any]]:
        lines = self._raw.decode("utf-8").split("\n")  # splitlines would also break at U+2028 inside a name
        for line in lines[2:]:
            if line in ("", "]}"):
                continue
            try:
                yield json.loads(line.removesuffix(","))
            except ValueError:
                raise _no_plan(self.path.name) from None


def _head_of(raw: bytes) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
    """The head, and the clients where the file is not laid out one client a line."""
    try:
        text = raw.decode("utf-8")
        first, _, rest = text.partition("\n")
        if rest.startswith('"clients": [\n'):
            return json.loads(first.rstrip(",") + "}"), None
        body = json.loads(text)
        return body, body["clients"]
    except (ValueError, KeyError, TypeError):
        raise _no_plan("") from None


def _no_plan(name: str) -> InputError:
    return InputError(
        "This is not a plan of `steunfiguren sync plan`, or it was damaged.",
        code="sync-no-plan",
        where=name,
        remedy="Make the plan again.",
    )
