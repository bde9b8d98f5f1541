"""Side by side with the HL7 validation engine: the same instances, has errors or not.

``HL7_SEED`` chooses other mutants, ``HL7_EXAMPLES`` a folder of good resources to damage instead of nl-core's and ours;
the figure and every difference are in ``var/validator-peer.txt``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from fhir_plugin.packages import load_definitions
from fhir_plugin.validation import Validator

sys.path.insert(0, str(Path(__file__).parent))
import hl7_engine
from mutations import mutants

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "nl-core"
NL_CORE = SHARED / "nictiz-zib2020-source.tgz"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(bool(hl7_engine.missing()), reason=hl7_engine.missing() or "present"),
    pytest.mark.skipif(not NL_CORE.is_file(), reason="needs nl-core beside the checkout"),
]
KINDS = frozenset({"RelatedPerson", "CareTeam", "Consent", "Patient", "Provenance", "Bundle"})
MUTANTS = 2000


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The engine with nl-core and our own package, snapshots included."""
    folder = tmp_path_factory.mktemp("definitions")
    definitions = load_definitions([NL_CORE])
    for kind in ("StructureDefinition", "ValueSet", "CodeSystem"):
        for number, body in enumerate(definitions.resources(kind, base=False)):
            whole = definitions.structure(body["url"]) if kind == "StructureDefinition" else body
            (folder / f"{kind}-{number}.json").write_text(json.dumps(whole), encoding="utf-8")
    running = hl7_engine.Engine(folder)
    yield running
    running.close()


@pytest.fixture(scope="module")
def validator():
    return Validator.load([NL_CORE])


def differences(engine, validator, labelled):
    """Label and both sides' errors wherever one sees errors and the other none; and how many were compared."""
    found, count = [], 0
    for label, resource in labelled:
        text = json.dumps(resource)
        theirs = engine.errors(text)
        ours = [(issue.expression, issue.code) for issue in validator.validate(text).of("error", "fatal")]
        count += 1
        if bool(theirs) != bool(ours):
            found.append((label, theirs[:3], ours[:3]))
    return found, count


def seeds():
    ours = [*(ROOT / "examples" / "valid").glob("*.json"), *(SHARED / "examples").glob("*.json")]
    given = os.environ.get("HL7_EXAMPLES")
    for path in sorted(Path(given).rglob("*.json") if given else ours):
        body = json.loads(path.read_bytes())
        if body.get("resourceType") in KINDS and path.stat().st_size < 30_000:
            yield body


def test_mutated_resources_are_judged_alike(engine, validator):
    good = [one for one in seeds() if not engine.errors(json.dumps(one)) and not validator.validate(one).has_errors]
    assert len(good) >= 20
    seed = int(os.environ.get("HL7_SEED", "20"))
    found, count = differences(engine, validator, mutants(good, MUTANTS, seed))
    Path(ROOT / "var").mkdir(exist_ok=True)
    accepted = sum(bool(theirs) for _, theirs, _ in found)
    report = (
        f"{1 - len(found) / count:.2%} of {count} agree, {accepted} accepted only here (seed {seed})\n"
        + "\n".join(f"{label}\n  HL7: {theirs}\n  here: {ours}" for label, theirs, ours in found)
    )
    (ROOT / "var" / "validator-peer.txt").write_text(report, encoding="utf-8")
    assert 1 - len(found) / count >= 0.98, report


def test_our_good_examples_are_good_to_the_engine_too(engine, validator):
    paths = sorted((ROOT / "examples" / "valid").glob("*.json"))
    found, _ = differences(engine, validator, ((path.name, json.loads(path.read_bytes())) for path in paths))
    assert found == []


def test_our_small_cases_are_judged_alike(engine, validator):
    stricter = json.loads((Path(__file__).parent / "hl7_known.json").read_text(encoding="utf-8"))
    cases = sorted((ROOT / "tests" / "validation" / "cases").glob("*.json"))
    wrong = []
    for path in cases:
        case = json.loads(path.read_text(encoding="utf-8"))
        theirs = engine.errors(json.dumps(case["resource"]), case.get("profiles", ()))
        if bool(theirs) != bool(case["expect"]) and path.stem not in stricter:
            wrong.append((path.stem, theirs[:2]))
    assert wrong == []
