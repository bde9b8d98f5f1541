"""Every failure is a page that says what happened and what to do, with a number that finds the log line."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrError,
    EhrForbidden,
    EhrNotFound,
    EhrRejected,
    EhrUnauthorized,
    EhrUnreachable,
    LaunchError,
    LaunchStateError,
    MappingError,
    PermitRequired,
    SessionExpired,
    SteunfigurenError,
    StoreError,
    UnknownIssuer,
    UsageError,
)
from smart_app.audit.acts import note_refusal
from smart_app.i18n import Message, msg
from smart_app.logs import reference
from smart_app.views.language import texts

__all__ = ["blueprint"]

blueprint = Blueprint("errors", __name__)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Page:
    status: int
    title: Message
    text: Message
    remedy: Message


_REOPEN = msg("Open the app again from the record.")
_AGAIN = msg("Wait a moment and try again. Does it stay like this? Call your help desk and name the number below.")
_HELP = msg("Call your help desk and name the number below.")
_BACK = msg("Go back and look at the network. What you typed is still there.")

_LEFT = _Page(
    409,
    msg("This page is no longer open"),
    msg("You were away for a while, or the record system closed the session."),
    msg("Open the app again from the record. Were you writing something? Then the app asks whether you want to go on."),
)
"""A launch that ended by itself: what was typed waits for the next one."""

_BY_CODE: dict[str, _Page] = {
    **dict.fromkeys(("session-timeout", "session-token", "session-refused"), _LEFT),
    "cookies-blocked": _Page(
        403,
        msg("Your browser does not let this app remember anything"),
        msg("Without a cookie the app does not know which record is open."),
        msg("Allow cookies for this page, or open the app in a tab of its own."),
    ),
    "csrf": _Page(
        400,
        msg("This form is too old or from another page"),
        msg("Nothing was saved."),
        msg("Open the page again and send the form from there."),
    ),
    "other-patient": _Page(
        409,
        msg("This form belongs to another record"),
        msg("Nothing was saved. Another record was opened in the meantime."),
        _REOPEN,
    ),
    "wrong-patient": _Page(
        502,
        msg("The record system gave the record of somebody else"),
        msg("Nothing is shown and nothing was saved."),
        msg("Close this and open it again from the record. Report it to your help desk with the number below."),
    ),
    "no-figure": _Page(
        404,
        msg("This person is not in this network"),
        msg("The link is old, or it belongs to another record."),
        msg("Go back to the network."),
    ),
    "no-consent": _Page(
        404,
        msg("This consent is not there to take back"),
        msg("It was taken back before, or it is about somebody else."),
        msg("Go back to the network."),
    ),
    "no-draft": _Page(
        404,
        msg("This form is no longer there"),
        msg("It was saved or thrown away, or it is more than a day old."),
        msg("Go back to the network and begin again."),
    ),
    "not-yours": _Page(
        403,
        msg("This is not yours to see or change"),
        msg("Nothing was saved."),
        msg("Do you need it? Ask the professional you work with."),
    ),
    "not-kept": _Page(
        502,
        msg("The record system did not keep everything"),
        msg("A part of what you saved is not in the record. What you typed is still here."),
        msg("Go back to your form, look at what is missing, and call your help desk with the number below."),
    ),
    "store-unreachable": _Page(
        503, msg("The app cannot reach what it keeps"), msg("Nothing is lost in the record."), _AGAIN
    ),
    "no-version": _Page(
        502,
        msg("The record system cannot tell whether someone else changed this"),
        msg("So nothing was saved."),
        _HELP,
    ),
}

_BY_TYPE: tuple[tuple[type[SteunfigurenError], _Page], ...] = (
    (
        SessionExpired,
        _Page(409, msg("This page is no longer open"), msg("The app was closed, or not used for a while."), _REOPEN),
    ),
    (
        UnknownIssuer,
        _Page(
            403,
            msg("This record system does not know the app"),
            msg("The app only opens from record systems that were set up for it."),
            _HELP,
        ),
    ),
    (
        LaunchStateError,
        _Page(400, msg("Opening the app did not work"), msg("The way here was used before or took too long."), _REOPEN),
    ),
    (
        LaunchError,
        _Page(403, msg("Opening the app did not work"), msg("The record system did not give access."), _REOPEN),
    ),
    (
        EhrUnauthorized,
        _Page(409, msg("The record system closed the session"), msg("You were away for too long."), _REOPEN),
    ),
    (
        EhrForbidden,
        _Page(
            403,
            msg("The record system does not allow this"),
            msg("You may look at this record, but not do this."),
            msg("Do you need it? Ask the manager of the record system."),
        ),
    ),
    (EhrNotFound, _Page(404, msg("This is not in the record"), msg("It was removed, or it was never there."), _REOPEN)),
    (
        EhrConflict,
        _Page(409, msg("Someone else changed this record first"), msg("Nothing was saved."), _BACK),
    ),
    (
        EhrUnreachable,
        _Page(
            504,
            msg("The record system does not answer"),
            msg("If you were saving: it may or may not have worked. Look at the network before you try again."),
            _AGAIN,
        ),
    ),
    (EhrBusy, _Page(503, msg("The record system is busy"), msg("Nothing was saved."), _AGAIN)),
    (
        EhrRejected,
        _Page(502, msg("The record system did not accept this"), msg("Nothing was saved."), _HELP),
    ),
    (
        EhrError,
        _Page(
            502, msg("The record system gave an answer we cannot use"), msg("Nothing is lost in the record."), _AGAIN
        ),
    ),
    (
        PermitRequired,
        _Page(
            409,
            msg("Record the consent first"),
            msg("Nothing was saved. This would give somebody access to the record, and there is no consent for that."),
            msg("Go to this person, choose “Record consent”, and make this change after that."),
        ),
    ),
    (
        UsageError,
        _Page(400, msg("This cannot be done here"), msg("Nothing was saved. It may have been done already."), _BACK),
    ),
    (MappingError, _Page(500, msg("This cannot be written to the record"), msg("Nothing was saved."), _HELP)),
)
_UNKNOWN = _Page(500, msg("Something went wrong in the app"), msg("Nothing is lost in the record."), _AGAIN)
_MISSING = _Page(404, msg("This page does not exist"), msg("The address is not complete, or old."), _REOPEN)
_TOO_MUCH = _Page(429, msg("This goes too fast"), msg("Many pages were asked for in a short time."), _AGAIN)
_TOO_LARGE = _Page(413, msg("This is too much text"), msg("Nothing was saved."), msg("Go back and make it shorter."))
_WRONG_WAY = _Page(405, msg("This page cannot be opened like this"), msg("Nothing was saved."), _REOPEN)
_UNREADABLE = _Page(400, msg("This request cannot be read"), msg("Nothing was saved."), _REOPEN)
_HTTP = {400: _UNREADABLE, 404: _MISSING, 405: _WRONG_WAY, 413: _TOO_LARGE, 415: _UNREADABLE, 429: _TOO_MUCH}
_LAST_RESORT = """<!doctype html>
<html lang="nl"><meta charset="utf-8"><title>Fout</title>
<h1>Er ging iets mis in de app</h1>
<p>Bel je helpdesk en noem dit nummer: <strong>{number}</strong></p>
<div lang="en"><h2>Something went wrong in the app</h2>
<p>Call your help desk and name this number: <strong>{number}</strong></p></div></html>
"""
"""Where even the page that says so cannot be made."""


@blueprint.app_errorhandler(SteunfigurenError)
def known(error: SteunfigurenError) -> Response:
    """An error of our tree, by its code or else its kind."""
    page = _BY_CODE.get(error.code) or next((page for kind, page in _BY_TYPE if isinstance(error, kind)), _UNKNOWN)
    log.warning("refused", extra={"code": error.code, "status": page.status})
    note_refusal(error.code)
    return _rendered(page, page.status)


@blueprint.app_errorhandler(HTTPException)
def http(error: HTTPException) -> Response:
    """What Flask itself refuses, with the headers that belong to it (``Allow``, ``Retry-After``: RFC 9110)."""
    status = error.code or 500
    response = _rendered(_HTTP.get(status, _UNKNOWN), status)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


@blueprint.app_errorhandler(SQLAlchemyError)
def unreachable(error: SQLAlchemyError) -> Response:
    """Our own database does not answer; logged by type and place, for its message repeats what was being stored."""
    log.error("store unreachable", exc_info=error)
    return known(StoreError("The database does not answer.", code="store-unreachable", remedy="Look whether it runs."))


@blueprint.app_errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """A bug of ours: logged by type and place, never by message."""
    log.error("unexpected", exc_info=error)
    return _rendered(_UNKNOWN, 500)


def _rendered(page: _Page, status: int) -> Response:
    try:
        t = texts()
        body = render_template(
            "error.html", title=t(page.title), text=t(page.text), remedy=t(page.remedy), number=reference()
        )  # fmt: skip
    except Exception as error:
        log.error("error page not made", exc_info=error)  # noqa: TRY400  never by message
        body = _LAST_RESORT.format(number=reference())
    return make_response(body, status)
