"""A file that is written whole or not at all, so that a full disk never leaves half of one in the place of the last."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["kept_beside", "whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that its owner alone can read; it takes the place of the one before when the block ends well."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)  # noqa: PTH105  a Path would say no more
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def kept_beside(path: Path) -> Path:
    """The first name beside a file under which it can be kept: ``plan.json`` as ``plan.kept-1.json``."""
    number = 1
    while (kept := path.with_name(f"{path.stem}.kept-{number}{path.suffix}")).exists():
        number += 1
    return kept
