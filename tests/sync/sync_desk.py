"""A small EHR, a list of support figures, and a way to plan and apply as the command does."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fhir_plugin.conformance.probe import Probe
from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.abilities import software_of
from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.applier import Applier
from fhir_plugin.sync.applying.undoing import Undoer
from fhir_plugin.sync.applying.writing import Writer
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.plans.planfile import PlanReader, PlanWriter
from fhir_plugin.sync.plans.planning import Planner
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.findings import findings_path, store_findings
from fhir_plugin.sync.records.reaching import Reached, reach, recent_of
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.sources.columns import ColumnMap, propose_columns
from fhir_plugin.sync.sources.tables import Table, open_csv
from fhir_plugin.sync.sources.wanted import Problem

CLIENT_SYSTEM = "https://jeugdhulp.example.nl/clientnummer"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
V3 = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
VEKTIS = "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"
HEADER = (
    "Cliëntnummer", "Figuur ID", "Voornaam", "Tussenvoegsel", "Achternaam", "Hoe noemt het kind", "Soort", "Relatie",
    "Functie", "Inzet", "Mobiel", "E-mail", "Geboortedatum", "Aangewezen door", "Vertrouwensband", "Mandaat", "Steunt",
    "Betrokken sinds", "Betrokken tot", "Band tot", "Opmerking", "Toestemming", "Toestemming van", "Toestemming vanaf",
    "Toestemming tot", "Toestemming voor",
)  # fmt: skip
CONSENT = {
    "Toestemming": "ja",
    "Toestemming van": "ouders en jongere",
    "Toestemming vanaf": "01-09-2026",
    "Toestemming tot": "31-08-2027",
    "Toestemming voor": "afspraken",
}

KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


def new_database(postgres: str) -> str:
    """The URL of an empty database in a PostgreSQL."""
    import psycopg

    name = f"sync_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    return postgres.replace("/postgres", f"/{name}")


def row(number: int = 1001, key: str = "F1", **cells: str) -> dict[str, str]:
    """A row of a list; cells by header, with ``_`` for spaces."""
    base = {
        "Cliëntnummer": str(number),
        "Figuur ID": key,
        "Voornaam": "Samira",
        "Achternaam": "Amrani",
        "Soort": "JIM",
        "Relatie": "tante",
        "Functie": "praktisch",
        "Inzet": "meehelpen",
        "Mobiel": "06-12345601",
        "Aangewezen door": "jongere",
        "Vertrouwensband": "ja",
        "Mandaat": "informeel",
        "Steunt": "jongere",
    }
    return base | {name.replace("_", " "): value for name, value in cells.items()}


def as_csv(rows: Iterable[dict[str, str]], separator: str = ";") -> str:
    """The rows as a CSV text."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, delimiter=separator, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


@dataclass
class Desk:
    """An integrator's desk: one EHR, one journal, one source."""

    folder: Path
    ehr: MemoryEhr
    client: FhirClient
    source: str = "jim"
    now: datetime = NOW
    problems: list[Problem] = field(default_factory=list)
    told: Unlisted = field(default_factory=Unlisted)
    database: str = ""

    @property
    def storage(self) -> Storage:
        return Storage(file=self.folder / "journal.sqlite", database=self.database)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        with self.storage.journal(self.client.base_url, self.source) as journal:
            yield journal

    @contextmanager
    def reached(self) -> Iterator[tuple[Journal, Reached]]:
        with self.journal() as journal, reach(self.client, self.storage, journal) as ehr:
            yield journal, ehr

    @property
    def plan_path(self) -> Path:
        return self.folder / "plan.json"

    def context(self) -> Context:
        return Context(source=self.source, policy=load_policy(NL_JEUGDWET), at=self.now)

    def plan(self, rows: Iterable[dict[str, str]] | str, **options: Any) -> PlanReader:
        """Plan a list given as rows or as CSV text."""
        path = self.folder / "lijst.csv"
        path.write_text(rows if isinstance(rows, str) else as_csv(rows), encoding="utf-8")
        table = open_csv(path)
        columns = replace(propose_columns(table.header, self.source), client_system=CLIENT_SYSTEM)
        return self.plan_table(table, columns, **options)

    def plan_table(
        self, table: Table, columns: ColumnMap, *, only: str = "", limit: int = 0, is_whole: bool = True
    ) -> PlanReader:
        """Plan what was read of a source."""
        with self.reached() as (journal, ehr):
            recent = recent_of(ehr)
            if recent is not None:
                recent.clock = lambda: self.now
            planner = Planner(
                ehr=ehr,
                journal=journal,
                context=self.context(),
                table=table,
                columns=columns,
                recent=recent,
                is_whole=is_whole,
                only=only,
            )
            to = {"ehr": self.client.base_url, "source": self.source, "file": table.file}
            writer = PlanWriter(self.plan_path, **to, made="now")
            for planned in planner.plan(limit=limit):
                writer.add(planned)
            writer.close(len({problem.place for problem in planner.problems}), planner.settled)
        self.problems, self.told = planner.problems, planner.unlisted
        return PlanReader(self.plan_path)

    def answer(self, given: str) -> None:
        """Answer every question of the plan, as a person does in an editor."""
        body = json.loads(self.plan_path.read_text(encoding="utf-8"))
        for figure in (figure for client in body["clients"] for figure in client["figures"]):
            if "who" in figure:
                figure["answer"] = given
        self.plan_path.write_text(json.dumps(body), encoding="utf-8")

    def apply(self, **options: Any) -> list[Step]:
        """Apply the plan that was made last."""
        reader = PlanReader(self.plan_path)
        with self.reached() as (journal, ehr):
            applier = Applier(
                population=ehr.population,
                writer=Writer(ehr.client, Ref(display="sync"), ehr.route, ehr.store),
                journal=journal,
                store=ehr.store,
                context=self.context(),
                clock=lambda: self.now,
                **{"workers": 1, **options},
            )
            run = journal.begin(reader.digest, reader.totals["clients"])
            told = applier.apply(reader.clients(), reader.totals["clients"], run)
            steps = [step for some in told for step in some]
            journal.finish(run)
        return steps

    def sync(self, rows: Iterable[dict[str, str]], **options: Any) -> list[Step]:
        """Plan and apply."""
        self.plan(rows)
        return self.apply(**options)

    def probe(self, patient: str) -> dict[str, str]:
        """Try the EHR's writes, and keep what was found, as `steunfiguren conformance` does."""
        checks = {item.check: item.outcome.value for item in Probe(self.client, f"Patient/{patient}").run()}
        path = findings_path(self.folder / "journal.sqlite")
        store_findings(path, self.client.base_url, software_of(self.client.capabilities()), checks, self.now)
        return checks

    def last_run(self) -> int:
        """Number of the run that was started last."""
        with self.journal() as journal:
            return journal.runs()[0].id

    def noticed(self) -> Counter[str]:
        """What the run that was started last found out about the EHR."""
        with self.journal() as journal:
            return journal.noticed(journal.runs()[0].id)

    def writer_for(self, ehr: Reached) -> Writer:
        """What writes to an EHR."""
        return Writer(ehr.client, Ref(display="sync"), ehr.route, ehr.store)

    def undo(self, run: int) -> list[Step]:
        """Take a run back."""
        with self.reached() as (journal, ehr):
            undoer = Undoer(
                population=ehr.population,
                writer=Writer(ehr.client, Ref(display="sync"), ehr.route, ehr.store),
                journal=journal,
                store=ehr.store,
                source=self.source,
                policy=load_policy(NL_JEUGDWET),
                clock=lambda: self.now,
            )
            return undoer.undo(run)

    def figures(self, patient: str = "p1001") -> list[dict[str, Any]]:
        """The RelatedPersons of a client that are not the parent."""
        found = self.ehr.all("RelatedPerson")
        mine = [body for body in found if body["patient"]["reference"] == f"Patient/{patient}"]
        return [body for body in mine if not body["id"].startswith("m")]

    def writes(self) -> int:
        """How many versions the EHR holds in all."""
        return sum(len(versions) for store in self.ehr.store.values() for versions in store.values())

    def edit(self, body: dict[str, Any], **changes: Any) -> None:
        """A professional edits a resource in the EHR."""
        self.ehr.add({**body, **changes})


def make_desk(folder: Path, behaviour: Behaviour | None = None, clients: Iterable[int] = (1001, 1002, 1003)) -> Desk:
    """A desk with an EHR that holds some children, each with a mother who has authority."""
    ehr = MemoryEhr(behaviour=behaviour or Behaviour())
    for number, born in zip(clients, ("2012-05-01", "2018-01-01", "2009-06-01"), strict=False):
        identifier = [{"system": CLIENT_SYSTEM, "value": str(number)}]
        ehr.add({"resourceType": "Patient", "id": f"p{number}", "identifier": identifier, "birthDate": born})
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        ehr.add(
            {
                "resourceType": "RelatedPerson",
                "id": f"m{number}",
                "active": True,
                "patient": {"reference": f"Patient/p{number}"},
                "name": [{"use": "official", "given": ["Fatima"], "family": "Amrani"}],
                "telecom": [{"system": "phone", "value": "+31612345699"}],
                "relationship": relationship,
            }
        )
    client = FhirClient(ehr.base_url, session=memory_session(ehr), retry=Retry(sleep=lambda _: None))
    return Desk(folder=folder, ehr=ehr, client=client)
