"""Results that come from another process are the results."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.validation.batch import packed, unpacked
from fhir_plugin.validation.outputs import Result

ISSUES = st.builds(
    Issue,
    severity=st.sampled_from(Severity),
    code=st.text(max_size=5),
    expression=st.text(max_size=5),
    params=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=2).map(tuple),
    line=st.none() | st.integers(1, 9),
    column=st.none() | st.integers(1, 9),
    source=st.text(max_size=5),
)
RESULTS = st.builds(
    Result,
    name=st.text(max_size=5),
    line=st.none() | st.integers(1, 9),
    report=st.builds(Report, issues=st.lists(ISSUES, max_size=3).map(tuple)),
)


@settings(max_examples=100, deadline=None)
@given(results=st.lists(RESULTS, max_size=3))
def test_results_come_out_of_the_bytes_as_they_went_in(results):
    assert list(unpacked(packed(results))) == results
