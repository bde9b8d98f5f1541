"""Making a plan anew without losing what people answered in the one it takes the place of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.plans.planfile import PlannedClient, PlanReader

if TYPE_CHECKING:
    from fhir_plugin.sync.deciding.decided import Conflict, FigurePlan
    from fhir_plugin.sync.plans.answering import Open
from fhir_plugin.sync.whole_file import kept_beside

__all__ = ["EarlierAnswers"]

_Question = tuple[str, ...]
"""Everything an answer was given to: client, row, element, and what there was to choose from."""


@dataclass(slots=True, kw_only=True)
class EarlierAnswers:
    """The answers in the plan at ``path``, for the plan that is about to be written there.

    Attributes:
        carried: answers that stand in the new plan as well.
    """

    path: Path
    digest: str = ""
    carried: int = 0
    _left: dict[_Question, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path, *, ehr: str, source: str) -> EarlierAnswers:
        """Read them; answers about another source or EHR are never carried, only kept.

        Raises:
            UsageError: something stands there that is no plan.
        """
        found = cls(path=path)
        if not path.exists():
            return found
        try:
            found._read(PlanReader(path), (ehr, source))
        except InputError as error:
            if error.code not in ("sync-no-plan", "sync-plan-version"):
                raise
            raise UsageError(
                "This file is no plan; it is not overwritten.",
                code="sync-plan-in-the-way",
                where=path.name,
                remedy="Give the plan another name with -o, or move the file.",
            ) from None
        return found

    def _read(self, reader: PlanReader, whose: tuple[str, str]) -> None:
        self.digest = reader.digest
        if not reader.asks:
            return
        from fhir_plugin.sync.plans.answering import waiting  # figures: most plans ask nothing

        same = (reader.ehr, reader.source) == whose
        for item in waiting(reader.plans()):
            if item.answer:
                self._left[_question(item) if same else (reader.source, item.patient, item.key)] = item.answer

    def onto(self, planned: PlannedClient) -> PlannedClient:
        """A client of the new plan with the answers that were given to the very same questions."""
        if not self._left:
            return planned
        from fhir_plugin.sync.plans.answering import waiting

        answers = {item.key: self._take(item) for item in waiting([planned.plan])}
        if not any(answers.values()):
            return planned
        figures = tuple(_filled(figure, answers) for figure in planned.plan.figures)
        return replace(planned, plan=replace(planned.plan, figures=figures))

    def keep(self, applied: Collection[str]) -> Path | None:
        """Set the earlier plan aside where it holds an answer that was neither carried nor applied.

        Args:
            applied: digests of the plans that were applied.

        Returns:
            Where it is kept, readable by its owner alone; None where nothing would be lost.
        """
        if not self._left or self.digest in applied:
            return None
        kept = kept_beside(self.path)
        with (
            self.path.open("rb") as stream,
            os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
        ):
            shutil.copyfileobj(stream, copy)
        return kept

    def _take(self, item: Open) -> str:
        answer = self._left.pop(_question(item), "")
        self.carried += bool(answer)
        return answer


def _question(item: Open) -> _Question:
    """What the answer depends on: the person is the same only if what the list says and who may be meant are."""
    if item.conflict:
        return (item.patient, item.key, item.figure.target, item.conflict.source, item.conflict.ehr)
    says = (part for pair in item.figure.says for part in pair)
    known = (part for one in item.figure.candidates for pair in one.holds for part in pair)
    return (item.patient, item.key, *item.choices, "says", *says, "holds", *known)


def _filled(figure: FigurePlan, answers: dict[str, str]) -> FigurePlan:
    def onto(conflicts: tuple[Conflict, ...], prefix: str) -> tuple[Conflict, ...]:
        return tuple(replace(each, answer=answers.get(f"{prefix}|{each.element}", "")) for each in conflicts)

    return replace(
        figure,
        answer=answers.get(figure.row, ""),
        conflicts=onto(figure.conflicts, figure.row),
        candidates=tuple(
            replace(item, conflicts=onto(item.conflicts, f"{figure.row}|{item.target}")) for item in figure.candidates
        ),
    )
