"""What click and the operating system refuse, as errors of ours: with a place, a code and so a Dutch sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import click
from click.exceptions import BadOptionUsage, MissingParameter, NoSuchOption

from fhir_plugin.errors import SteunfigurenError, StoreError, UsageError

__all__ = ["disk_error", "usage_error"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def usage_error(error: click.ClickException) -> UsageError:
    """A command line that click refuses, with where help is to be had."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return UsageError(
        error.format_message(),
        code=_code(error),
        where=_place(error, context),
        remedy=f"{context.command_path} --help" if context else "",
    )


def disk_error(error: OSError) -> SteunfigurenError | None:
    """A file that cannot be written or read for want of space or of rights; None for anything else."""
    where = Path(str(error.filename)).name if error.filename else ""
    if error.errno in _FULL:
        return StoreError(
            "There is no room left to write in.",
            code="disk-full",
            where=where,
            remedy="Make room and give the command again; what was written in an EHR is seen and left alone.",
        )
    if error.errno in _CLOSED:
        return StoreError(
            "This file or folder may not be used.", code="disk-closed", where=where, remedy="Check its rights."
        )
    return None


def _code(error: click.ClickException) -> str:
    match error:
        case NoSuchOption():
            return "usage-no-option"
        case MissingParameter():
            return "usage-missing"
        case BadOptionUsage():
            return "usage-value"
        case click.BadParameter(param=param) if param is not None:
            return _code_of_type(param.type)
    return "usage-command"


def _code_of_type(kind: click.ParamType[object]) -> str:
    if isinstance(kind, click.Choice):
        return "usage-choice"
    if isinstance(kind, click.Path):
        return "usage-path"
    return "usage-number" if kind.name.startswith(("integer", "float")) else "usage-value"


def _place(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.BadParameter):
        return error.param.get_error_hint(context).replace("'", "") if error.param and context else ""
    return str(getattr(error, "option_name", "") or "")
