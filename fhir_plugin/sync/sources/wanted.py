"""What a source says, row by row: a figure of a client, perhaps with a consent; or why the row cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.terms import InformationCategory
from fhir_plugin.sync.sources.naming import ClientKey

if TYPE_CHECKING:
    from fhir_plugin.model.figure import SupportFigure

__all__ = ["ConsentClaim", "Place", "Problem", "Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands.

    Attributes:
        file: name of the file, without its folder.
        sheet: of a workbook; empty otherwise.
        line: 1-based line (CSV, NDJSON) or row (workbook).
        resource: ``Type/id`` on a FHIR server; it names the row there, the line does not.
    """

    file: str
    line: int
    sheet: str = ""
    resource: str = ""

    def __str__(self) -> str:
        if self.resource:
            return f"{self.file}/{self.resource}"
        sheet = f"[{self.sheet}]" if self.sheet else ""
        return f"{self.file}{sheet}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row, or one of its cells, cannot be used.

    Attributes:
        column: header of the column; empty when the whole row is meant.
        code: key of the text that explains it.
        params: values for the text; never the content of a cell that may name a person.
        cells: the row as it stood, for the report that can be mended; never in a repr.
    """

    place: Place
    column: str = ""
    code: str
    params: tuple[tuple[str, str], ...] = ()
    cells: tuple[str, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentClaim:
    """What a source says about consent to share with this figure.

    Attributes:
        state: ``given``, ``refused`` or ``withdrawn``.
        by: who gave it: ``youth``, ``authority``, ``mother``, ``father``, ``guardian``.
        categories: what may be shared; empty when the source does not say.
    """

    state: str
    by: tuple[str, ...] = ()
    since: PartialDate | None = None
    until: PartialDate | None = None
    categories: tuple[InformationCategory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One usable row.

    Attributes:
        key: the source's own number of this figure; empty when it has none.
        figure: what it says of the figure; what it does not say is empty.
        provided: elements the source has a column for; no other element is ever touched.
        consent: None when the source has no consent columns, or they are empty.
        cells: the row as it stood, for the report of problems; not part of a plan.
        frozen: the figure as JSON (``codec.freeze``), where it came from a plan.
    """

    place: Place
    client: ClientKey
    key: str = field(default="", repr=False)
    figure: SupportFigure
    provided: frozenset[str]
    consent: ConsentClaim | None = None
    cells: tuple[str, ...] = field(default=(), repr=False, compare=False)
    frozen: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    def refused(self, code: str) -> Problem:
        """This row as one that cannot be used after all."""
        return Problem(place=self.place, code=code, cells=self.cells)
