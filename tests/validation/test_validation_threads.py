"""One validator, several threads: the same reports as one after the other."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from fhir_plugin.validation import Validator

FIGURE = "https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure"


def test_threads_that_compile_together_report_the_same():
    bodies = [
        json.dumps(
            {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/1"}, "gender": gender, "id": "a"}
        )
        for gender in ("male", "m", "female", "vrouw") * 8
    ]
    expected = [Validator.load().validate(body, [FIGURE]) for body in bodies[:4]] * 8
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns in the middle of everything
    try:
        for _ in range(3):
            fresh = Validator.load()
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(partial(fresh.validate, profiles=[FIGURE]), bodies)) == expected
    finally:
        sys.setswitchinterval(before)


def test_value_sets_that_import_each_other_cannot_be_decided(tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        body = {
            "resourceType": "ValueSet", "url": f"https://x.nl/{one}", "status": "active",
            "compose": {"include": [{"valueSet": [f"https://x.nl/{other}"]}]},
        }  # fmt: skip
        (tmp_path / f"{one}.json").write_text(json.dumps(body), encoding="utf-8")
    index = Validator.load([tmp_path]).engine.terminology.value_set("https://x.nl/a")
    assert index is not None
    assert index.contains("https://x.nl/cs", "c") is None
