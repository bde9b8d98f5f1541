"""Many inputs: whatever is cut where, the output is that of one after another."""

from __future__ import annotations

import gc
import io
import os
import pickle
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.errors import InputError
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.validation import batch, inputs
from fhir_plugin.validation.batch import Batch, Part, rare_collections
from fhir_plugin.validation.outputs import FORMATS, Result, Summary, make_output

ISSUES = st.builds(
    Issue,
    severity=st.sampled_from(Severity),
    code=st.text("abc", min_size=1, max_size=1),
    expression=st.text(max_size=5),
    params=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=1).map(tuple),
    line=st.none() | st.integers(1, 9),
)
REPORTS = st.lists(st.builds(Report, issues=st.lists(ISSUES, max_size=3).map(tuple)), max_size=6)


def written(name, groups):
    """What a format writes of results that come in groups, each counted by itself as in another process."""
    stream, summary = io.StringIO(), Summary()
    output = make_output(name, stream.write, "nl")
    for group in groups:
        mine = Summary()
        for report in group:
            mine.add(report)
        texts = [output.part(Result(name="many.ndjson", line=1, report=report)) for report in group]
        part = pickle.loads(pickle.dumps(Part(texts, mine, 1)))
        summary.merge(part.summary)
        output.add(part.texts)
    output.finish(summary)
    return stream.getvalue(), summary


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30, deadline=None)
@given(reports=REPORTS, data=st.data())
def test_an_output_is_the_same_however_the_results_are_grouped(name, reports, data):
    cut = data.draw(st.integers(0, len(reports)))
    apart = written(name, [[one] for one in reports])
    assert written(name, [reports[:cut], reports[cut:]]) == written(name, [reports]) == apart


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.sampled_from([b"{}", b"", b"  ", b'{"a": "\\u2028"}', b"x" * 40, b"\r"]), max_size=12))
def test_stretches_of_a_file_hold_every_line_once_with_its_number(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("n") / "many.ndjson"
    path.write_bytes(b"\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "_STRETCH_BYTES", 16)
        stretches = list(inputs.inputs([str(path)]))
    assert sum(one.weight for one in stretches) == path.stat().st_size
    found = [(one.line, one.data) for stretch in stretches for one in stretch.sources()]
    assert found == [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def test_a_file_that_is_gone_when_its_turn_comes_is_a_finding(validator, tmp_path):
    path = tmp_path / "many.ndjson"
    path.write_text('{"resourceType": "Patient"}\n' * 2)
    found = list(inputs.inputs([str(path)]))
    path.unlink()
    (part,) = Batch(validator, make_output("ndjson", print, "nl")).run(found)
    assert dict(part.summary.codes) == {"input-unreadable": 1}


def test_a_process_that_dies_ends_the_run_with_an_error_and_not_never(validator, tmp_path, monkeypatch):
    path = tmp_path / "many.ndjson"
    path.write_text('{"resourceType": "Patient"}\n' * 2)
    monkeypatch.setattr(Batch, "part", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(InputError, match="ended too early"):
        list(Batch(validator, make_output("ndjson", print, "nl")).run(inputs.inputs([str(path)]), jobs=2))


def test_only_a_few_chunks_wait_at_once(validator, monkeypatch):
    monkeypatch.setattr(batch, "_CHUNK_BYTES", 1)
    taken = []
    found = (taken.append(number) or inputs.Source("-", number, b"{}") for number in range(40))
    parts = Batch(validator, make_output("ndjson", print, "nl")).run(found, jobs=2)
    next(parts)
    assert len(taken) < 12
    assert 1 + len(list(parts)) == 40


def test_garbage_is_looked_for_as_before_once_the_run_is_over():
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold() != before
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
