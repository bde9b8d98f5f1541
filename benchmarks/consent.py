"""How many consent decisions one core makes: on the inputs of the decision table, and with 1,000 consents of one child.

    python benchmarks/consent.py [seconds]

Beside it, where it is there, the plain reference decider of the tests on the same inputs (it reads FHIR each time, and
so is shown with and without our own reading).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "consent"))

from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request, table

from fhir_plugin.consent import decide
from fhir_plugin.mapping.consent import consents_from_fhir

SPELL = 0.02
"""Seconds of one spell."""


def rate(name: str, work: Callable[[], int], seconds: float) -> float:
    """Run ``work`` for a while, print and answer the best rate per second of one core's time over many short spells.

    Time is that of the processor, so that other work on the machine does not count; the best spell is the one that
    shared its caches least.
    """
    best, started = 0.0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        begun, done = time.process_time(), 0
        while (spent := time.process_time() - begun) < SPELL:
            done += work()
        best = max(best, done / spent)
    print(f"{name:<58} {best:>12,.0f} /s")
    return best


def main(seconds: float) -> None:
    rows = table()
    plain = [(row.request, row.consents, row.facts) for row in rows]
    ready = [(request_of(r), consents_from_fhir(c), facts_of(f)) for r, c, f in plain]

    def decisions() -> int:
        for request, consents, facts in ready:
            decide(request, consents, facts, POLICY)
        return len(ready)

    def from_fhir() -> int:
        for (request, _, facts), (_, consents, _) in zip(ready, plain, strict=True):
            decide(request, consents_from_fhir(consents), facts, POLICY)
        return len(ready)

    print(f"{len(rows)} rows of the decision table")
    rate("decide()", decisions, seconds)
    rate("consents_from_fhir() and decide()", from_fhir, seconds)
    if find_spec("reference"):
        reference = import_module("reference").reference_decide

        def by_reference() -> int:
            for case in plain:
                reference(*case)
            return len(plain)

        rate("the reference decider of the tests (peer)", by_reference, seconds)

    request, facts = request_of(standard_request()), facts_of(standard_facts())
    many = consents_from_fhir([consent(index, to=["uncle", "aunt"]) for index in range(1_000)])

    def thousand() -> int:
        decide(request, many, facts, POLICY)
        return 1

    best = rate("decide() with 1,000 applicable consents of one child", thousand, seconds)
    print(f"{'':<58} {1_000 / best:>12.1f} ms each")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
