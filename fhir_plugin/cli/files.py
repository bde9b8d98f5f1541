"""A file a command is told to write: looked at before the work begins, so that no work is lost to a wrong path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from fhir_plugin.errors import UsageError

__all__ = ["OutputFile"]


class OutputFile(click.Path):
    """The path of a file that can be made, or written again: its folder is there and may be written in."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path.

        Raises:
            UsageError: it cannot be made.
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = path.parent
        if not folder.is_dir():
            raise UsageError(
                f"There is no folder '{folder}'.",
                code="output-no-folder",
                where=str(folder),
                remedy="Make it first, or name another file.",
            )
        if not path.exists() and not os.access(folder, os.W_OK):
            raise UsageError(
                f"The folder '{folder}' may not be written in.",
                code="output-closed",
                where=str(folder),
                remedy="Name another file.",
            )
        return path
