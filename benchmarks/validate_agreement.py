"""How often this validator agrees with HL7's own, on HL7's own cases; rewrites ``docs/validator-agreement.md``.

    python benchmarks/validate_agreement.py [FOLDER OF validator-cases]

Every case is validated as anybody would: default policy, the supporting files and the profile as packages.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.validation import Validator

ROOT = Path(__file__).resolve().parents[1]
REASONS = ROOT / "benchmarks" / "validate_agreement_reasons.json"
_COMMENT = re.compile(r"/\*.*?\*/")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One case: what the reference said of it and what we say."""

    id: str
    tier: str
    step: str
    expected: bool
    found: bool
    places: int
    matched: int
    reference: str
    ours: str


@dataclass
class Outcome:
    """All verdicts."""

    verdicts: list[Verdict] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def of(self, tier: str, step: str = "") -> list[Verdict]:
        """Verdicts of a tier, or of one step of it."""
        return [one for one in self.verdicts if one.tier == tier and step in ("", one.step)]

    def share(self, tier: str, step: str = "") -> float:
        """Share of cases in which both say the same of having errors."""
        chosen = self.of(tier, step)
        return sum(one.expected == one.found for one in chosen) / len(chosen)

    def expressions(self) -> float:
        """Share of the reference's errors on tier A that are found at the same place."""
        chosen = self.of("A")
        return sum(one.matched for one in chosen) / sum(one.places for one in chosen)


def measure(folder: Path, only: tuple[str, str] | None = None) -> Outcome:
    """Validate the cases and compare."""
    outcome = Outcome()
    for case in json.loads((folder / "cases.json").read_text(encoding="utf-8")):
        if only is None or (case["tier"], case["step"]) == only:
            verdict, crashed = judge(folder, case)
            outcome.verdicts.append(verdict)
            if crashed:
                outcome.crashes.append(verdict.id)
    return outcome


def judge(folder: Path, case: dict[str, Any]) -> tuple[Verdict, bool]:
    """Validate one case."""
    profile = [json.loads((folder / case["profile"]).read_text(encoding="utf-8"))["url"]] if case["profile"] else []
    with tempfile.TemporaryDirectory() as loose:
        given = [folder / name for name in [*case["supporting"], *([case["profile"]] if case["profile"] else [])]]
        for path in given:
            copy(path, loose)
        try:
            validator = Validator.load([loose] if given else [])
        except PackageError:
            validator = Validator.load()  # supporting files that define nothing
        report = validator.validate((folder / case["file"]).read_bytes(), profile)
    errors = report.of("error", "fatal")
    reference = list(reference_errors(case))
    ours = {issue.expression for issue in errors}
    verdict = Verdict(
        id=case["id"],
        tier=case["tier"],
        step=case["step"],
        expected=bool(reference),
        found=bool(errors),
        places=len(reference),
        matched=sum(place in ours for place, _ in reference),
        reference="; ".join(text for _, text in reference[:2])[:160],
        ours="; ".join(f"{issue.code} at {issue.expression}" for issue in errors[:2]),
    )
    return verdict, any(issue.code in ("internal", "too-deep") for issue in errors)


def reference_errors(case: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and text of what the reference calls an error without asking a terminology server."""
    for issue in case["expected"]:
        if issue["severity"] in ("error", "fatal") and not issue["tx"]:
            yield _COMMENT.sub("", issue["expression"]).rstrip("."), issue["text"]


def table(outcome: Outcome) -> str:
    """The page in docs/."""
    reasons = json.loads(REASONS.read_text(encoding="utf-8"))
    lines = [
        "# Agreement with the reference validator",
        "",
        "Made by `python benchmarks/validate_agreement.py`; do not edit. The cases are HL7's (FHIR/fhir-test-cases,",
        "R4, JSON, usable offline), the expectation is what the HL7 Java validator said. Agreement is on *has errors*;",
        "errors that came from a terminology server do not count. Default policy, also for the cases that HL7 ran with",
        "options of its own.",
        "",
        "| cases | agreeing | share |",
        "|---|---|---|",
    ]
    for label, tier, step in (("tier A", "A", ""), ("tier A, base", "A", "base"), ("tier A, profile", "A", "profile"),
                              ("tier B", "B", "")):  # fmt: skip
        chosen = outcome.of(tier, step)
        agreeing = sum(one.expected == one.found for one in chosen)
        lines.append(f"| {label} | {agreeing} of {len(chosen)} | {outcome.share(tier, step):.1%} |")
    chosen = outcome.of("A")
    found, places = sum(one.matched for one in chosen), sum(one.places for one in chosen)
    lines += [f"| errors of tier A found at the same place | {found} of {places} | {outcome.expressions():.1%} |", ""]
    lines += ["## Every disagreement", "", "| case | tier | reference | here | why |", "|---|---|---|---|---|"]
    for one in outcome.verdicts:
        if one.expected != one.found:
            reason = reasons.get(one.id, "not yet explained")
            said = [text.replace("|", "\\|") or "no errors" for text in (one.reference, one.ours)]
            lines.append(f"| {one.id} | {one.tier} | {said[0]} | {said[1]} | {reason} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    default = ROOT.parent / "shared" / "data" / "validator-cases"
    outcome = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    page = table(outcome)
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "validator-agreement.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
