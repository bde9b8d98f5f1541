"""The page to check a FHIR resource on: paste it or give a file, and see the findings beside the lines.

The one place of the app that takes a file. It goes to memory, is bounded, and is forgotten with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from fhir_plugin.errors import LaunchError
from fhir_plugin.texts import LANGUAGES, sentence
from smart_app.api.operation import Job
from smart_app.api.refusals import Refused
from smart_app.api.service import ValidationService
from smart_app.i18n import msg
from smart_app.presenters.validation import Verdict, verdict
from smart_app.views.language import request_language, texts

__all__ = ["blueprint"]

blueprint = Blueprint("validation_page", __name__)

_AROUND_FORM = 64 * 1024
"""What a form is larger than the resource in it."""
_EDITABLE = 200_000
"""Characters that are put back into the form to be mended; a larger file is chosen again."""
_NOTHING = msg("Paste a resource, or choose a file.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was sent; ``switched`` when only the language was to change."""

    data: bytes = b""
    file_name: str = ""
    profile: str = ""
    other: str = ""
    switched: bool = False


def _service() -> ValidationService:
    found: ValidationService = current_app.extensions["steunfiguren.validation"]
    return found


@blueprint.get("/validate")
def show() -> str:
    """The empty form."""
    return _page(_Asked())


@blueprint.post("/validate")
def check() -> ResponseReturnValue:
    """What is wrong with what was sent.

    Raises:
        LaunchError: the form was sent by a page of another site.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        remedy = "Open the page again and send the form from there."
        raise LaunchError("This form was not made by the page that you were on.", code="csrf", remedy=remedy)
    asked = _read()
    if not asked.data.strip():
        return (_page(asked), 200) if asked.switched else (_page(asked, texts()(_NOTHING)), 400)
    profiles = tuple(one for one in (asked.profile, asked.other) if one)
    try:
        report = _service().runner.run(Job(body=asked.data, profiles=profiles, plain=True))
    except Refused as refused:
        words = sentence(refused.code, request_language(), refused.params)
        problem = f"{words.text} {words.remedy}" if words else refused.code
        return _page(asked, problem), refused.status
    return _page(asked, found=verdict(report, _text(asked.data), texts()))


@blueprint.errorhandler(Refused)
@blueprint.errorhandler(RequestEntityTooLarge)
def refused(error: Refused | RequestEntityTooLarge) -> ResponseReturnValue:
    """What could not be read at all."""
    if isinstance(error, RequestEntityTooLarge):
        error = Refused("operation-too-large", limit=str(_service().settings.body_bytes))
    words = sentence(error.code, request_language(), error.params)
    return _page(_Asked(), f"{words.text} {words.remedy}" if words else error.code), error.status


def _read() -> _Asked:
    """The form, read by a parser of its own: its files stay in memory, and nowhere else does a form have files."""
    limit = _service().settings.body_bytes
    parser = FormDataParser(
        stream_factory=_in_memory,
        max_form_memory_size=limit + _AROUND_FORM,
        max_content_length=limit + _AROUND_FORM,
        max_form_parts=10,
    )
    _, form, files = parser.parse_from_environ(request.environ)
    file = files.get("file", FileStorage())
    data = file.read() or form.get("source", "").encode("utf-8", "surrogatepass")
    if len(data) > limit:
        raise RequestEntityTooLarge
    return _Asked(
        data=data,
        file_name=(file.filename or "")[:100],
        profile=form.get("profile", "").strip(),
        other=form.get("other", "").strip(),
        switched="switch" in form,
    )


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> BytesIO:
    """Where a file goes, whatever its size: nothing of it may reach a disk."""
    del total_content_length, content_type, filename, content_length
    return BytesIO()


def _text(data: bytes) -> str:
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return data.decode("utf-16" if wide else "utf-8-sig", "replace")


def _size(count: int) -> str:
    return f"{count // 2**20} MB" if count >= 2**20 else f"{count // 2**10} KB"


def _page(asked: _Asked, problem: str = "", found: Verdict | None = None) -> str:
    text = _text(asked.data)
    service = _service()
    return render_template(
        "validate.html",
        asked=asked,
        problem=problem,
        found=found,
        source=text if len(text) <= _EDITABLE else "",
        profiles=service.profiles,
        largest=_size(service.settings.body_bytes),
        others=[one for one in LANGUAGES if one != request_language()],
        names={"nl": "Nederlands", "en": "English"},
    )
