"""One contender of ``benchmarks/validate.py``, in a process of its own.

    python benchmarks/validators/child.py NAME [ARGUMENT…]

The first line of standard input is a JSON list of files. They are read and validated once to warm up; the answer is
``{"failed": n}``, the number of resources in which the contender found an error. Then every line asks for one more
pass, answered by its wall and CPU seconds. Only the standard library is needed around the contender itself: some run in
an environment of their own.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Validate = Callable[[bytes], bool]
"""Whether the contender finds an error in a resource."""


def ours(*packages: str) -> Validate:
    """This validator, with packages."""
    from fhir_plugin.validation import Validator

    validator = Validator.load(packages)
    return lambda data: validator.validate(data).has_errors


def parsing() -> Validate:
    """Merely parse with fhir.resources."""
    from fhir.resources.R4B import get_fhir_model_class

    def validate(data: bytes) -> bool:
        body = json.loads(data)
        try:
            get_fhir_model_class(body["resourceType"]).model_validate(body)
        except ValueError:
            return True
        return False

    return validate


def pyrofile(core: str) -> Validate:
    """pyrofile-validator with the R4 package."""
    from pyrofile_validator import Validator
    from pyrofile_validator.config import ValidatorConfig

    logging.disable()
    validator = Validator(ValidatorConfig(local_package_paths=[core], error_on_unknown_profile=False))
    return lambda data: bool(validator.validate_resource(json.loads(data)).errors)


def hl7() -> Validate:
    """The HL7 engine behind its pipe; its CPU time is not seen here."""
    sys.path.insert(0, str(ROOT / "tests" / "peers"))
    from hl7_engine import Engine

    engine = Engine()
    return lambda data: bool(engine.errors(data.decode()))


CONTENDERS = {"ours": ours, "parsing": parsing, "pyrofile": pyrofile, "hl7": hl7}


def main() -> None:
    """Warm up, then answer."""
    validate = CONTENDERS[sys.argv[1]](*sys.argv[2:])
    paths = [Path(one) for one in json.loads(sys.stdin.readline())]
    answers, sys.stdout = sys.stdout, sys.stderr  # a contender that prints does not answer
    print(json.dumps({"failed": sum(validate(path.read_bytes()) for path in paths)}), file=answers, flush=True)
    for _ask in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for path in paths:
            validate(path.read_bytes())
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(taken), file=answers, flush=True)


if __name__ == "__main__":
    main()
