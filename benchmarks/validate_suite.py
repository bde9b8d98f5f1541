"""Agreement with HL7's Java validator on its whole suite, also on what cannot be known offline.

    python benchmarks/validate_suite.py FHIR_TEST_CASES [--version 4.0] [--core PACKAGE]
                                        [--beyond CASES] [--report FILE]

Every step gets the default policy, the files its case names and the packages that lie in the repository. What a
terminology server said is not expected. ``--version`` chooses the cases of one release of FHIR, ``--core`` is its core
package; ``--beyond`` names a ``cases.json`` whose cases are also counted apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from shutil import copy
from typing import Any
from xml.etree import ElementTree

from validate_agreement import Verdict, reference_errors

from fhir_plugin.errors import PackageError
from fhir_plugin.validation import Validator

Json = dict[str, Any]
_NOT_FHIR = frozenset({"cda", "cdshooks", "matchetype", "shc", "v2", "json5"})
_SERVER = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-server"


def steps(home: Path, version: str) -> Iterator[tuple[str, Json, str, Json]]:
    """Id, case, kind of step and the step itself, of every step of which the outcome is recorded."""
    manifest = json.loads((home / "validator" / "manifest.json").read_text(encoding="utf-8"))
    for case in manifest["test-cases"]:
        name, stated = case["file"], str(case.get("version", "5.0"))
        if not stated.startswith(version) or case.get("module") in _NOT_FHIR or not name.endswith((".json", ".xml")):
            continue
        for kind, step in (("base", case), ("profile", case.get("profile"))):
            recorded = step and step.get("java")
            at_hand = type(recorded) is str and (home / "validator" / "outcomes" / recorded).is_file()
            if at_hand and (home / "validator" / name).is_file():
                yield f"{case['name']}#{kind}", case, kind, step


def expected(home: Path, step: Json) -> list[tuple[str, str]]:
    """Place and text of the errors that the reference validator found without a terminology server."""
    outcome = json.loads((home / "validator" / "outcomes" / step["java"]).read_text(encoding="utf-8"))
    issues = [
        {
            "severity": one["severity"],
            "expression": next(iter(one.get("expression", ())), ""),
            "text": one.get("details", {}).get("text", ""),
            "tx": any(extension.get("url") == _SERVER for extension in one.get("extension", ())),
        }
        for one in outcome.get("issue", ())
    ]
    return list(reference_errors({"expected": issues}))


def judge(home: Path, core: list[str], identity: str, case: Json, kind: str, step: Json) -> Verdict:
    """Validate one step."""
    folder = home / "validator"
    source = step.get("source", "") if kind == "profile" else ""
    named = [*case.get("supporting", ()), *case.get("profiles", ()), *step.get("supporting", ())]
    named += [source] if source and not source.startswith("http") else []
    packages = [str(folder / one) for one in [*case.get("packages", ()), *step.get("packages", ())]]
    with tempfile.TemporaryDirectory() as loose:
        for number, one in enumerate(dict.fromkeys(named)):
            if (folder / one).is_file():
                copy(folder / one, Path(loose) / f"{number}-{Path(one).name}")
        given = [*core, *(one for one in packages if Path(one).is_file())]
        try:
            validator = Validator.load([*given, loose] if named else given)
        except PackageError:
            validator = Validator.load(given)  # supporting files that define nothing
        profiles = [_canonical(folder, source)] if source else []
        report = validator.validate((folder / case["file"]).read_bytes(), profiles)
    reference, errors = expected(home, step), report.of("error", "fatal")
    ours = Counter(issue.expression for issue in errors)
    return Verdict(
        id=identity,
        tier=str(case.get("module")),
        step=kind,
        expected=bool(reference),
        found=bool(errors),
        places=len(reference),
        matched=sum(place in ours for place, _ in reference),
        reference="; ".join(f"{text} at {place}" for place, text in reference if place not in ours or not errors),
        ours="; ".join(f"{issue.code} at {issue.expression}" for issue in errors),
    )


def _canonical(folder: Path, source: str) -> str:
    """The canonical of a profile: itself, or that of the definition in a file."""
    if source.startswith("http"):
        return source
    if source.endswith(".json"):
        return str(json.loads((folder / source).read_text(encoding="utf-8"))["url"])
    url = ElementTree.parse(folder / source).getroot().find("{http://hl7.org/fhir}url")
    return url.get("value", "") if url is not None else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--version", default="4.0")
    parser.add_argument("--core", action="append", default=[])
    parser.add_argument("--beyond", type=Path)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    verdicts = [judge(options.home, options.core, *one) for one in steps(options.home, options.version)]
    _tell("all", verdicts)
    if options.beyond:
        known = {one["id"] for one in json.loads(options.beyond.read_text(encoding="utf-8"))}
        _tell("outside cases.json", [one for one in verdicts if one.id not in known])
    crashed = [one.id for one in verdicts if "internal at" in one.ours or "too-deep at" in one.ours]
    print(f"crashes: {len(crashed)}", *crashed)
    if options.report:
        options.report.write_text(json.dumps([asdict(one) for one in verdicts], indent=1), encoding="utf-8")


def _tell(label: str, verdicts: list[Verdict]) -> None:
    agreeing = sum(one.expected == one.found for one in verdicts)
    places, matched = sum(one.places for one in verdicts), sum(one.matched for one in verdicts)
    print(f"{label}: {agreeing} of {len(verdicts)} agree on has errors ({agreeing / len(verdicts):.1%});", end=" ")
    print(f"{matched} of {places} errors at the same place ({matched / max(places, 1):.1%})")


if __name__ == "__main__":
    main()
