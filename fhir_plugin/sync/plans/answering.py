"""What in a plan waits for a person, and writing their answers into the plan file: all of them, or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir_plugin.errors import UsageError
from fhir_plugin.sync.deciding.decided import Action, ClientPlan, Conflict, FigurePlan
from fhir_plugin.sync.plans.codec import plan_from
from fhir_plugin.sync.plans.planfile import PlanReader, Waiting
from fhir_plugin.sync.whole_file import whole_file

__all__ = ["Open", "count_open", "waiting", "write_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One thing that waits for a person.

    Attributes:
        key: ``row``; ``row|element`` for a conflict, ``row|target|element`` for one that an answer leads to.
        conflict: None for a question.
        target: the answer to the question of the same row that leads to this; empty for what is asked in any case.
        choices: the answers that mean something, in the order they are shown.
        answer: what was filled in before; empty if nothing.
    """

    patient: str
    key: str
    figure: FigurePlan = field(repr=False)
    conflict: Conflict | None = field(default=None, repr=False)
    target: str = ""
    choices: tuple[str, ...]
    answer: str = ""

    @property
    def element(self) -> str:
        """Path of the element in conflict; empty for a question."""
        return self.conflict.element if self.conflict else ""

    @property
    def is_open(self) -> bool:
        """Whether it is asked and has no answer yet."""
        return not self.answer and self.target in ("", self.figure.answer)


def waiting(plans: Iterable[ClientPlan]) -> Iterator[Open]:
    """Everything a person may answer, answered or not, client by client."""
    for plan in plans:
        for figure in plan.figures:
            yield from _of_figure(plan.patient, figure)


def count_open(items: Iterable[Open]) -> Waiting:
    """How much has no answer yet."""
    left = [item for item in items if item.is_open]
    conflicts = sum(1 for item in left if item.element)
    return Waiting(questions=len(left) - conflicts, conflicts=conflicts)


def write_answers(path: Path, digest: str, answers: Mapping[str, str]) -> None:
    """Fill answers in; everything else in the file stays as it is.

    Args:
        path: the plan.
        digest: of the file the answers were given on (``PlanReader.digest``).
        answers: key of ``Open`` → answer; empty takes an earlier answer out.

    Raises:
        UsageError: the file changed since; nothing was written.
        InputError: an answer that means nothing, or a file that is no plan; nothing was written.
    """
    if PlanReader(path).digest != digest:
        raise UsageError(
            "The plan changed while you were answering.",
            code="sync-plan-changed",
            where=path.name,
            remedy="Look at your answers again and save them once more.",
        )
    lines = path.read_bytes().split(b"\n")
    by_line = len(lines) > 1 and lines[1].startswith(b'"clients": [')
    changed = [_answered(line, answers) for line in lines] if by_line else [_whole(b"\n".join(lines), answers)]
    with whole_file(path) as stream:
        stream.write(b"\n".join(changed))


def _of_figure(patient: str, figure: FigurePlan) -> Iterator[Open]:
    if figure.action is Action.QUESTION:
        choices = (*(item.target for item in figure.candidates), "new")
        yield Open(patient=patient, key=figure.row, figure=figure, choices=choices, answer=figure.answer)
    asked = [("", conflict) for conflict in figure.conflicts]
    asked += [(item.target, conflict) for item in figure.candidates for conflict in item.conflicts]
    for target, conflict in asked:
        yield Open(
            patient=patient,
            key="|".join(filter(None, (figure.row, target, conflict.element))),
            figure=figure,
            conflict=conflict,
            target=target,
            choices=("ehr", "source"),
            answer=conflict.answer,
        )


def _answered(line: bytes, answers: Mapping[str, str]) -> bytes:
    """A line of the plan with the answers that belong in it; any other line as it is."""
    held = line.rstrip().removesuffix(b",")
    if not held.startswith(b'{"patient"'):
        return line
    body = json.loads(held)
    if not _fill(body, answers):
        return line
    return json.dumps(body, ensure_ascii=False).encode() + (b"," if line.rstrip().endswith(b",") else b"")


def _whole(raw: bytes, answers: Mapping[str, str]) -> bytes:
    """A plan that an editor laid out anew."""
    body = json.loads(raw)
    for client in body["clients"]:
        _fill(client, answers)
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def _fill(client: dict[str, Any], answers: Mapping[str, str]) -> bool:
    """Fill in one client; whether anything changed."""
    before = json.dumps(client)
    for figure in client.get("figures", ()):
        row = str(figure.get("row", ""))
        if row in answers and "who" in figure:
            figure["answer"] = answers[row]
        asked = [(row, conflict) for conflict in figure.get("conflicts", ())]
        for item in figure.get("who", ()):
            asked += [(f"{row}|{item.get('target', '')}", conflict) for conflict in item.get("then-conflicts", ())]
        for prefix, conflict in asked:
            key = f"{prefix}|{conflict.get('element', '')}"
            if key in answers:
                conflict["answer"] = answers[key]
    plan_from(client)  # refuses an answer that means nothing
    return json.dumps(client) != before
