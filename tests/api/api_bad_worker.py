"""A process in place of ``smart_app.api.worker`` that does what its job says."""

from __future__ import annotations

import os
import sys
import time
from multiprocessing.connection import Connection

from fhir_plugin.model.issues import Issue, Report, Severity
from smart_app.api.operation import Job
from smart_app.api.workers import READY


def _said(*codes: str) -> Report:
    return Report(issues=tuple(Issue(severity=Severity.INFORMATION, code=code) for code in codes))


def main(descriptor: int) -> None:
    pipe = Connection(descriptor)
    pipe.recv()  # the settings
    pipe.send(READY)
    while True:
        job: Job = pipe.recv()
        if job.body == b"hang":
            time.sleep(60)
        elif job.body == b"die":
            os._exit(1)
        elif job.body == b"environment":
            pipe.send(_said(*os.environ))
        elif job.body == b"process":
            pipe.send(_said(str(os.getpid())))
        else:
            pipe.send(_said())


if __name__ == "__main__":
    main(int(sys.argv[1]))
