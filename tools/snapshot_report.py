"""The page that compare_snapshots.py writes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from snapshot_peers import versions
from snapshot_reasons import CONVENTIONS, REASONS, Difference, Verdict, reason

OFFICIAL = ("r4b/", "r5/")


@dataclass(slots=True)
class Tally:
    """Counts of one suite."""

    structures: int = 0
    elements: int = 0
    equal: int = 0
    second_alone: int = 0
    refused: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def report(tallies: dict[str, Tally]) -> str:
    """The page, of suites by their names."""
    hl7, npm = versions()
    every = [difference for tally in tallies.values() for difference in tally.differences]
    own = [difference for difference in every if not difference.job.startswith(OFFICIAL)]
    lines = [
        "# Our snapshots beside those of two other generators",
        "",
        "Made by `tools/compare_snapshots.py`; not to be edited. Every element and every field of it is compared, over",
        f"`hl7.fhir.r4.core` 4.0.1, with HL7's reference implementation (`ProfileUtilities` of org.hl7.fhir.r5 {hl7}).",
        f"Where ours differs from it, the npm package fhir-snapshot-generator {npm} is asked as well. It answers where",
        "every element of a differential has an id, and does less: it keeps the general words of extensions, and",
        "takes nothing over from an extension's definition. What it alone says differently is counted in the",
        "last column only.",
        "",
        "| suite | structures | equal to HL7's | refused by one or both | elements | differences | explained below "
        "| npm as ours | npm as HL7 | npm neither | npm silent | npm alone |",
        "|---" * 12 + "|",
    ]
    for name, tally in tallies.items():
        explained = sum(bool(reason(difference)) for difference in tally.differences)
        sides = Counter(difference.second for difference in tally.differences)
        counts = [tally.structures, tally.equal, len(tally.refused), tally.elements, len(tally.differences), explained]
        counts += [sides[side] for side in Verdict] + [tally.second_alone]
        lines.append(f"| {name} | " + " | ".join(map(str, counts)) + " |")
    lines += ["", "## Taken as equal", "", *(f"- {text}" for text in CONVENTIONS)]
    lines += ["", "## Differences with HL7's, by reason", "", *by_reason(every, tallies)]
    lines += ["", "## Differences of nl-core and ours, one by one", "", *listed(own)]
    lines += ["", "## What of the official tests is not explained by a reason above", ""]
    lines += listed([entry for entry in every if entry.job.startswith(OFFICIAL) and not reason(entry)])
    lines += ["", "## Refused", ""]
    lines += [f"- {text}" for tally in tallies.values() for text in tally.refused]
    return "\n".join(lines) + "\n"


def by_reason(every: list[Difference], tallies: dict[str, Tally]) -> list[str]:
    """A table of the reasons, counted by suite."""
    suite_of = {id(entry): name for name, tally in tallies.items() for entry in tally.differences}
    counts = Counter((reason(difference), suite_of[id(difference)]) for difference in every)
    lines = ["| reason | " + " | ".join(tallies) + " |", "|---" * (len(tallies) + 1) + "|"]
    for text in (*(entry[0] for entry in REASONS), ""):
        row = [counts[text, name] for name in tallies]
        if any(row):
            lines.append(f"| {text or '**not explained**'} | " + " | ".join(map(str, row)) + " |")
    return lines


def listed(differences: list[Difference]) -> list[str]:
    """Rows of a table, the fields of one element together."""
    if not differences:
        return ["Nothing."]
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for entry in differences:
        label = reason(entry).split("**")[1] if reason(entry) else ""
        rows.setdefault((entry.job, entry.element, label, entry.second), []).append(entry.field)
    return ["| structure | element | fields | reason | npm |", "|---" * 5 + "|"] + [
        f"| {job} | `{element}` | {', '.join(sorted(found))} | {label} | {second} |"
        for (job, element, label, second), found in sorted(rows.items())
    ]
