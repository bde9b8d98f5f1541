"""What was agreed, what is being written, and what was written; in SQLite, or in PostgreSQL for many processes.

Before a write is sent its intent is on disk; a run that was killed is resumed by reading the records again. People are
in it only sealed or as keyed hashes (``vault``); logical ids of the EHR stand in clear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Select, Table, delete, func, insert, null, select, update

from fhir_plugin.sync.journals import tables
from fhir_plugin.sync.journals.database import Database
from fhir_plugin.sync.journals.vault import Vault

if TYPE_CHECKING:
    from fhir_plugin.sync.matching.linking import Remembered

__all__ = ["UNTRUE", "WINDOW", "Journal", "Run", "Step"]

_PAGE = 1000

UNTRUE = "untrue:"
"""Before the name of a check of the probe: what ``Journal.notice`` keeps of an EHR that does not do what it says."""
WINDOW = "lost-update-window"
"""What ``Journal.notice`` counts of updates that were written although the EHR looks at no versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One application of a plan; ``finished`` is empty while it goes on, or when it was broken off."""

    id: int
    source: str
    plan: str
    started: str
    finished: str
    clients: int
    states: Mapping[str, int]
    resources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of one client in a run.

    Attributes:
        state: ``intent`` (sent or about to be), ``done``, ``same``, ``changed``, ``failed``, ``undone``.
        code: why, for the states that need a reason.
        resources: how many were written.
        undo: what the resources were before and which version they got; sealed in the file.
    """

    patient: str
    state: str
    code: str = ""
    resources: int = 0
    undo: Any = field(default=None, repr=False)


class Journal:
    """The journal of one source for one EHR, in SQLite or PostgreSQL. See ``opening``."""

    def __init__(self, database: Database, vault: Vault, ehr: str, source: str) -> None:
        self._db = database
        self._vault = vault
        self._key = {"ehr": ehr, "source": source}

    @property
    def vault(self) -> Vault:
        """For keyed hashes."""
        return self._vault

    def memory(self, patients: Iterable[str]) -> dict[str, dict[str, Remembered]]:
        """What was agreed about the figures of clients: patient id → identity → memory."""
        found: dict[str, dict[str, Remembered]] = {patient: {} for patient in patients}
        for patient, item in self._agreed(self._key["source"], found):
            found[patient][item.identity] = item
        return found

    def others(self, patients: Iterable[str]) -> dict[str, dict[str, tuple[Remembered, ...]]]:
        """What other sources agreed with the same EHR: patient id → RelatedPerson id → their memories."""
        found: dict[str, dict[str, tuple[Remembered, ...]]] = {patient: {} for patient in patients}
        for source in self.other_sources():
            for patient, item in self._agreed(source, found):
                found[patient][item.target] = (*found[patient].get(item.target, ()), item)
        return found

    def other_sources(self) -> list[str]:
        """The sources that were ever applied to this EHR, this one apart."""
        ran = tables.run.c
        query = select(ran.source).distinct().where(ran.ehr == self._key["ehr"], ran.source != self._key["source"])
        return sorted(source for (source,) in self._db.execute(query))

    def remembered(self) -> Iterator[list[str]]:
        """The clients of whom something was agreed, some patient ids at a time, in order."""
        columns = tables.memory.c
        query = select(columns.patient).distinct().where(*self._mine(columns))
        return ([row.patient for row in some] for some in self._by_patient(query, columns.patient))

    def _agreed(self, source: str, patients: Collection[str]) -> Iterator[tuple[str, Remembered]]:
        from fhir_plugin.sync.journals.agreed import agreed_from  # mapping: not for a run without work

        held = tables.memory.c
        query = select(held.patient, held.identity, held.target, held.sealed).where(
            held.ehr == self._key["ehr"], held.source == source, held.patient.in_(patients)
        )
        for patient, identity, target, sealed in self._db.execute(query):
            yield patient, agreed_from(identity, target, self._vault.open(sealed))

    def remember(self, agreed: Mapping[str, Iterable[Remembered]]) -> None:
        """Write down what is agreed about the figures of clients: patient id → memories."""
        from fhir_plugin.sync.journals.agreed import agreed_json

        rows = [
            {
                **self._key,
                "patient": patient,
                "identity": item.identity,
                "target": item.target,
                "sealed": self._vault.seal(agreed_json(item)),
            }
            for patient, items in agreed.items()
            for item in items
        ]
        self._db.put(tables.memory, rows)

    def settled(self, patients: Iterable[str]) -> dict[str, str]:
        """The prints of clients for whom nothing was left to do: patient id → print."""
        columns = tables.settled.c
        query = self._of(select(columns.patient, columns.print), tables.settled, list(patients))
        return {row.patient: row.print for row in self._db.execute(query)}

    def settle(self, marks: Mapping[str, str]) -> None:
        """Write down that nothing is left to do for clients as long as their prints stay the same; empty: no longer."""
        rows = [{**self._key, "patient": patient, "print": mark} for patient, mark in marks.items()]
        self._db.put(tables.settled, rows)

    def unsettle(self, patients: Iterable[str]) -> None:
        """Something is left to do, or may be: the clients are looked at again in every run."""
        self.settle(dict.fromkeys(patients, ""))

    def known(self, clients: Iterable[str]) -> dict[str, tuple[str, str]]:
        """The Patient id and the print of clients who were seen, by the keyed hash of how the source names them."""
        seen, settled = tables.seen.c, tables.settled.c
        same = (settled.ehr == seen.ehr) & (settled.source == seen.source) & (settled.patient == seen.patient)
        query = (
            select(seen.client, seen.patient, func.coalesce(settled.print, ""))
            .join_from(tables.seen, tables.settled, same, isouter=True)
            .where(*self._mine(seen), seen.client.in_(list(clients)))
        )
        return {client: (patient, mark) for client, patient, mark in self._db.execute(query)}

    def met(self) -> int:
        """How many clients of the source were ever seen."""
        query = select(func.count()).where(*self._mine(tables.seen.c))
        return int(self._db.execute(query).scalar_one())

    def see(self, clients: Mapping[str, str]) -> None:
        """Write down which Patient each client is; empty: none."""
        rows = [{**self._key, "client": client, "patient": patient} for client, patient in clients.items()]
        self._db.put(tables.seen, rows)

    def watermark(self) -> tuple[datetime, datetime] | None:
        """From when on changes in the EHR have to be looked at, and when everything was last read (UTC)."""
        columns = tables.watermark.c
        row = self._db.execute(select(columns.since, columns.whole).where(*self._mine(columns))).first()
        return (datetime.fromisoformat(row.since), datetime.fromisoformat(row.whole)) if row else None

    def mark(self, since: datetime, whole: datetime) -> None:
        """Set the watermark."""
        self._db.put(tables.watermark, [{**self._key, "since": since.isoformat(), "whole": whole.isoformat()}])

    def forget(self, patient: str) -> None:
        """Forget what was agreed about a client, after an undo."""
        for table in (tables.memory, tables.settled):
            self._db.execute(delete(table).where(*self._mine(table.c), table.c.patient == patient))

    def begin(self, plan: str, clients: int) -> int:
        """Start a run; its number."""
        values = {**self._key, "plan": plan, "started": _now(), "clients": clients}
        return int(self._db.execute(insert(tables.run).values(values).returning(tables.run.c.id)).scalar_one())

    def finish(self, run: int) -> None:
        """A run came to its end."""
        self._db.execute(update(tables.run).where(tables.run.c.id == run).values(finished=_now()))

    def note(self, run: int, steps: Iterable[Step]) -> None:
        """Write steps down; a later state of a client replaces an earlier one."""
        rows = [
            {
                "run": run,
                "patient": step.patient,
                "state": step.state,
                "code": step.code,
                "resources": step.resources,
                "sealed": None if step.undo is None else self._vault.seal(step.undo),
                "at": _now(),
            }
            for step in steps
        ]
        self._db.put(tables.step, rows)

    def notice(self, run: int, found: Mapping[str, int]) -> None:
        """Write down what was found out about the EHR: code → how many times more."""
        now = self.noticed(run) + Counter(found)
        self._db.put(tables.noticed, [{"run": run, "code": code, "times": now[code]} for code in found])

    def noticed(self, run: int) -> Counter[str]:
        """What a run found out about the EHR: code → how often."""
        columns = tables.noticed.c
        query = select(columns.code, columns.times).where(columns.run == run)
        return Counter({row.code: row.times for row in self._db.execute(query)})

    def together(self) -> AbstractContextManager[None]:
        """All or nothing of what is written inside, on disk when it ends."""
        return self._db.together()

    def making_tables(self) -> AbstractContextManager[None]:
        """One process at a time makes tables in the database the journal is in."""
        return self._db.making_tables()

    def alone(self, patients: Iterable[str]) -> AbstractContextManager[None]:
        """Hold clients: no other process that uses this journal writes them meanwhile."""
        return self._db.alone(f"{self._key['ehr']}|{patient}" for patient in patients)

    def runs(self) -> list[Run]:
        """The runs of this source, latest first."""
        columns = tables.run.c
        query = select(tables.run).where(*self._mine(columns)).order_by(columns.id.desc())
        return [self._run(row) for row in self._db.execute(query)]

    def count(self, run: int) -> int:
        """How many clients of a run something became of."""
        columns = tables.step.c
        query = select(func.count()).where(columns.run == run, columns.state != "intent")
        return int(self._db.execute(query).scalar_one())

    def steps(self, run: int, *states: str, undo: bool = True) -> list[Step]:
        """The steps of a run in the given states, or all; with what an undo needs, or without."""
        columns = tables.step.c
        wanted = (columns.patient, columns.state, columns.code, columns.resources, columns.sealed if undo else null())
        query = select(*wanted).where(columns.run == run).order_by(columns.at, columns.patient)
        return [
            Step(
                patient=patient,
                state=state,
                code=code,
                resources=resources,
                undo=None if sealed is None else self._vault.open(sealed),
            )
            for patient, state, code, resources, sealed in self._db.execute(
                query.where(columns.state.in_(states)) if states else query
            )
        ]

    def told(self, run: int) -> Iterator[list[Step]]:
        """What became of the clients of a run, some at a time, by client; without what an undo needs."""
        columns = tables.step.c
        query = select(columns.patient, columns.state, columns.code, columns.resources).where(columns.run == run)
        return ([Step(**row._mapping) for row in some] for some in self._by_patient(query, columns.patient))

    def _by_patient(self, query: Select[Any], patient: Any) -> Iterator[Sequence[Row[Any]]]:
        """Rows by client, some at a time: however many there are, few are held."""
        last = ""
        while some := self._db.execute(query.where(patient > last).order_by(patient).limit(_PAGE)).all():
            yield some
            last = some[-1].patient

    def pending(self, patients: Iterable[str]) -> dict[str, list[tuple[int, Step]]]:
        """Writes of earlier runs of which nobody knows whether they arrived: client → (run, step), oldest first."""
        step, run = tables.step.c, tables.run.c
        query = (
            select(step.run, step.patient, step.state, step.code, step.resources, step.sealed)
            .join_from(tables.step, tables.run, step.run == run.id)
            .where(*self._mine(run))
            .where(step.patient.in_(list(patients)), step.state.in_(("intent", "unknown")), step.sealed.is_not(None))
            .order_by(step.run)
        )
        found: dict[str, list[tuple[int, Step]]] = {}
        for number, patient, state, code, resources, sealed in self._db.execute(query):
            held = Step(patient=patient, state=state, code=code, resources=resources, undo=self._vault.open(sealed))
            found.setdefault(patient, []).append((number, held))
        return found

    def _of(self, query: Select[Any], table: Table, patients: Collection[str]) -> Select[Any]:
        return query.where(*self._mine(table.c), table.c.patient.in_(patients))

    def _mine(self, columns: Any) -> list[Any]:
        """The conditions that a row is of this EHR and source."""
        return [columns[name] == value for name, value in self._key.items()]

    def _run(self, row: Row[Any]) -> Run:
        columns = tables.step.c
        query = select(columns.state, func.count().label("clients"), func.sum(columns.resources).label("resources"))
        counted = self._db.execute(query.where(columns.run == row.id).group_by(columns.state)).all()
        return Run(
            id=row.id,
            source=row.source,
            plan=row.plan,
            started=row.started,
            finished=row.finished or "",
            clients=row.clients,
            states={each.state: each.clients for each in counted},
            resources=sum(each.resources for each in counted),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
