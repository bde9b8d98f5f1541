"""A file a command is told to write: looked at before the work begins, so that no work is lost to a wrong path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["OutputFile"]


class OutputFile(click.Path):
    """The path of a file that can be made, or written again: its folder is there and may be written in."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or a refusal that says what to do."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = path.parent
        if not folder.is_dir():
            self.fail(f"There is no folder '{folder}'. Make it first, or name another file.", param, ctx)
        if not path.exists() and not os.access(folder, os.W_OK):
            self.fail(f"The folder '{folder}' may not be written in. Name another file.", param, ctx)
        return path
