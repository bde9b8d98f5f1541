"""Processes that validate: what a hostile resource costs, and what it does not."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_plugin.validation import Validator
from smart_app.api.operation import Job
from smart_app.api.refusals import Refused
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import Workers

JOB = Job(body=b'{"resourceType": "Patient", "gender": "m"}')


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    found = Workers(ValidatorSettings(workers=1))
    yield found
    found.close()


@pytest.fixture
def bad() -> Iterator[Workers]:
    """Workers whose process hangs or dies, as its job says; see ``api_bad_worker``."""
    found = Workers(ValidatorSettings(workers=1, seconds=0.5), "api_bad_worker")
    yield found
    found.close()


def _outcome(workers: Workers, body: bytes) -> str:
    """What became of a body: ``errors``, ``fine``, or why there is no verdict."""
    try:
        return "errors" if workers.run(Job(body=body)).has_errors else "fine"
    except Refused as refused:
        return refused.code


def test_a_report_from_another_process_is_the_report(workers: Workers, validator: Validator) -> None:
    assert workers.run(JOB) == validator.validate(JOB.body)


def test_a_refusal_comes_through(workers: Workers) -> None:
    with pytest.raises(Refused) as caught:
        workers.run(Job(body=JOB.body, mode="profile"))
    assert caught.value.code == "operation-profile-missing"
    assert workers.run(JOB).has_errors


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        json.dumps({"resourceType": "Patient", "id": "1" * 1_000_000}).encode(),
        b'{"resourceType": "Observation", "valueDecimal": 1e999999999}',
        json.dumps({"resourceType": "Patient", "name": [{}] * 50_000}).encode(),
        json.dumps({"resourceType": "Patient", "birthDate": "-" * 500_000, "language": "a " * 200_000}).encode(),
        b'<Patient xmlns="http://hl7.org/fhir">' * 50_000,
        b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Patient xmlns="http://hl7.org/fhir">&b;</Patient>',
    ],
    ids=["arrays", "objects", "long id", "exponent", "many names", "dashes", "elements", "entities"],
)
def test_a_hostile_resource_gets_a_verdict_and_the_next_one_too(workers: Workers, body: bytes) -> None:
    assert _outcome(workers, body) in ("errors", "operation-too-costly")
    assert workers.run(JOB).has_errors


@pytest.mark.parametrize("behaviour", [b"hang", b"die"])
def test_a_process_that_hangs_or_dies_is_replaced(bad: Workers, behaviour: bytes) -> None:
    with pytest.raises(Refused) as caught:
        bad.run(Job(body=behaviour))
    assert caught.value.code == "operation-too-costly"
    assert len(bad.run(Job(body=b"answer"))) == 0


def test_a_process_that_was_killed_while_idle_is_replaced_unnoticed(bad: Workers) -> None:
    (process,) = bad.run(Job(body=b"process"))
    os.kill(int(process.code), signal.SIGKILL)
    os.waitid(os.P_PID, int(process.code), os.WEXITED | os.WNOWAIT)
    assert len(bad.run(Job(body=b"answer"))) == 0


def test_who_comes_when_all_are_busy_is_told_so(bad: Workers) -> None:
    outcomes: list[str] = []

    def ask() -> None:
        try:
            bad.run(Job(body=b"hang"))
        except Refused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(set(outcomes)) == ["operation-busy", "operation-too-costly"]
    assert outcomes.count("operation-busy") >= 2


def test_the_keys_of_the_app_are_not_in_the_environment_of_a_process(
    bad: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEUNFIGUREN_ENCRYPTION_KEYS", "x")
    report = bad.run(Job(body=b"environment"))
    assert "STEUNFIGUREN_ENCRYPTION_KEYS" not in {one.code for one in report}
    assert "PYTHONPATH" in {one.code for one in report}


def test_a_process_has_a_limit_of_memory() -> None:
    """What does not fit is refused; the process lives on or is replaced."""
    workers = Workers(ValidatorSettings(workers=1, megabytes=160))
    many = json.dumps({"resourceType": "Patient", "name": [{}] * 400_000}).encode()
    assert _outcome(workers, many) in ("errors", "operation-failed", "operation-too-costly")
    assert workers.run(JOB).has_errors
    workers.close()


def test_a_package_that_cannot_be_read_is_not_the_callers_fault(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"no")
    workers = Workers(ValidatorSettings(workers=1, packages=(str(broken),)))
    with pytest.raises(Refused) as caught:
        workers.run(JOB)
    assert caught.value.code == "operation-failed"
    workers.close()


def test_nothing_is_left_running_when_it_is_closed() -> None:
    workers = Workers(ValidatorSettings(workers=1), "api_bad_worker")
    (process,) = workers.run(Job(body=b"process"))
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.code), 0)
