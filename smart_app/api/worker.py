"""The process that reads what came over the network: ``python -m smart_app.api.worker FD``.

It loads the definitions once and answers jobs until its pipe closes, under a limit of memory and of processor time that
hold also when nobody is left to end it.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from math import ceil
from multiprocessing.connection import Connection

from fhir_plugin.errors import SteunfigurenError
from fhir_plugin.model.issues import Report
from fhir_plugin.validation import Validator
from smart_app.api.operation import Job, perform
from smart_app.api.refusals import Refused
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import READY

__all__ = ["Answer", "main"]

Answer = Report | tuple[str, tuple[tuple[str, str], ...]]
"""A report, or the code and parameters of a refusal."""


def main(descriptor: int) -> None:
    """Settings come first, then jobs; each is answered before the next is read.

    Args:
        descriptor: of this side of the pipe.
    """
    pipe = Connection(descriptor)
    settings: ValidatorSettings = pipe.recv()
    _limit(resource.RLIMIT_AS, settings.megabytes * 1024 * 1024)
    try:
        validator = Validator.load(settings.packages, policy=settings.policy)
    except (SteunfigurenError, OSError, MemoryError) as error:
        pipe.send(type(error).__name__)
        return
    pipe.send(READY)
    with suppress(EOFError, OSError):
        while True:
            job: Job = pipe.recv()
            _limit(resource.RLIMIT_CPU, _used() + ceil(settings.seconds) + 1)
            pipe.send(answer(validator, job, settings.max_issues))


def answer(validator: Validator, job: Job, max_issues: int) -> Answer:
    """The answer to one job; an error's message may quote the body, so only that there was one is passed on."""
    try:
        return perform(validator, job, max_issues)
    except Refused as refused:
        return refused.code, refused.params
    except Exception:  # noqa: BLE001  see above
        return "operation-failed", ()


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(ValueError, OSError):  # where the platform has no such limit
        resource.setrlimit(what, (most, hard))


def _used() -> int:
    """Seconds of processor time so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return ceil(used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main(int(sys.argv[1]))
