"""Every error is a page in the reader's language that says what to do, with a number that finds its log line."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import jinja2
import pytest
from lxml import html
from sqlalchemy.exc import OperationalError
from views_record import Room, open_room
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests, default_exceptions
from werkzeug.test import TestResponse

from fhir_plugin import errors as tree
from fhir_plugin.errors import SteunfigurenError, StoreError
from smart_app import logs
from smart_app.limits import MinuteCounter
from smart_app.views import errors as pages

SECRET = "Kanariepiet 111222333"
NUMBER = re.compile(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")
HEADING = {"nl": "Fout:", "en": "Error:"}
OURS = [getattr(tree, name)(SECRET, where=SECRET, remedy=SECRET) for name in tree.__all__]
BY_CODE = [SteunfigurenError(SECRET, code=code) for code in pages._BY_CODE]
HTTP = [kind(SECRET) for code, kind in sorted(default_exceptions.items()) if code >= 400 and code not in (405, 416)]
BUGS: list[Exception] = [
    ValueError(SECRET),
    KeyError(SECRET),
    RecursionError(SECRET),
    UnicodeEncodeError("ascii", SECRET, 0, 1, SECRET),
    jinja2.UndefinedError(SECRET),
    jinja2.TemplateSyntaxError(SECRET, 1),
    OperationalError(f"INSERT INTO draft VALUES ('{SECRET}')", {"sealed": SECRET}, Exception(SECRET)),
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    held = io.StringIO()
    handler = logs.configure(held)
    yield held
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="module")
def rooms() -> dict[str, Room]:
    """One room for each language; a test says what its pages raise."""
    return {language: open_room(language=language) for language in HEADING}


def _raised(room: Room, error: BaseException, patch: pytest.MonkeyPatch) -> TestResponse:
    def fail(**_values: str) -> str:
        raise error

    patch.setitem(room.app.view_functions, "worklist.show", fail)
    return room.client.get(room.url("worklist"))


def _is_right(answer: TestResponse, language: str, stream: io.StringIO, status: int | None = None) -> list[str]:
    """The page says what, what to do and a number that is in the log; gives its sentences."""
    assert answer.status_code == (status or answer.status_code)
    assert answer.status_code >= 400
    assert answer.mimetype == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    page = html.fromstring(answer.text)
    assert page.get("lang") == language
    assert page.findtext(".//title").strip().startswith(HEADING[language])
    heading, *said = [one.strip() for one in page.xpath("//main//*[self::h1 or self::p]//text()") if one.strip()]
    assert len(said) >= 3, said
    number = NUMBER.search(page.xpath("string(//p[@class='number'])"))
    assert number is not None
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any(line.get("reference") == number[0] and line.get("status") == answer.status_code for line in lines)
    for part in SECRET.split():
        assert part not in answer.text, part
        assert part not in stream.getvalue(), part
    return [heading, *said[:2]]


def _name(error: Exception) -> str:
    return (getattr(error, "code", None) and f"{type(error).__name__}-{error.code}") or type(error).__name__  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [*OURS, *BY_CODE, *HTTP, *BUGS], ids=_name)
def test_every_error_is_a_page_in_both_languages(
    rooms: dict[str, Room], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    said = {}
    for language, room in rooms.items():
        expected = error.code if isinstance(error, HTTPException) else None
        said[language] = _is_right(_raised(room, error, monkeypatch), language, stream, expected)
    assert not set(said["nl"]) & set(said["en"]), "a sentence that was not translated"


def test_each_class_of_the_tree_has_a_page_of_its_own_kind(rooms: dict[str, Room]) -> None:
    """What falls through to "something went wrong" is only what the app never meets."""
    kinds = tuple(kind for kind, _ in pages._BY_TYPE)
    others = {type(one).__name__ for one in OURS if not isinstance(one, kinds)}
    assert others == {"SteunfigurenError", "InputError", "PackageError", "StoreError"}


Ask = Callable[[Room], Any]
ASKED: dict[str, tuple[int, Ask]] = {
    "nowhere": (404, lambda room: room.client.get("/nergens")),
    "within a launch": (404, lambda room: room.client.get(room.url("nergens/zo"))),
    "the wrong method": (405, lambda room: room.client.delete(room.url("worklist"))),
    "a file": (403, lambda room: room.client.post(room.url("add"), data={"file": (io.BytesIO(b"x"), "x.txt")})),
    "too much": (413, lambda room: room.client.post(room.url("add"), data={"patient": "x" * 600_000})),
    "no token": (400, lambda room: room.client.post(room.url("add"), data={"patient": "noor"})),
    "another launch": (409, lambda room: room.client.get("/l/00000000000000000000000000000000/")),
}


@pytest.mark.parametrize("asked", ASKED)
def test_what_cannot_be_asked_is_answered_with_a_page(rooms: dict[str, Room], stream: io.StringIO, asked: str) -> None:
    status, ask = ASKED[asked]
    for language, room in rooms.items():
        room.client.set_cookie("sf-language", language)
        _is_right(ask(room), language, stream, status)


def test_a_refusal_keeps_the_headers_that_belong_to_it(rooms: dict[str, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    room = rooms["nl"]
    assert {"GET", "HEAD"} <= set(room.client.delete(room.url("worklist")).headers["Allow"].split(", "))
    slow = _raised(room, TooManyRequests(retry_after=60), monkeypatch)
    assert slow.headers["Retry-After"] == "60"
    assert slow.mimetype == "text/html"


def test_who_asks_too_often_is_told_so_before_anything_else_is_done(
    rooms: dict[str, Room], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = rooms["nl"]
    monkeypatch.setattr(MinuteCounter, "allows", lambda *_asked: False)
    room.ehr.asked.clear()
    room.client.set_cookie("sf-language", "nl")
    said = _is_right(room.client.get(room.url()), "nl", stream, 429)
    assert said[0] == "Dit gaat te snel"
    assert not room.ehr.asked


def test_a_database_that_is_down_is_a_page_and_nothing_of_its_rows_is_logged(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = open_room()
    room.app.extensions["steunfiguren.launcher"].store.engine.dispose()
    store = room.app.extensions["steunfiguren.launcher"].store

    class Gone:
        def connect(self) -> None:
            raise OperationalError(SECRET, {}, Exception(SECRET))

        begin = connect

    monkeypatch.setattr(store, "engine", Gone())
    for path in ("", "worklist", "figure/sam"):
        said = _is_right(room.client.get(room.url(path)), "nl", stream, 503)
        assert said[0] == "De app kan niet bij haar eigen gegevens"


def test_where_even_the_error_page_fails_there_is_a_plain_one_in_both_languages(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = open_room()

    def broken(*_args: object, **_values: object) -> str:
        raise jinja2.UndefinedError(SECRET)

    monkeypatch.setattr(pages, "render_template", broken)
    for error in (NotFound(), ValueError(SECRET), StoreError(SECRET)):
        answer = _raised(room, error, monkeypatch)
        number = NUMBER.search(answer.text)
        assert "Er ging iets mis" in answer.text
        assert "Something went wrong" in answer.text
        assert number is not None
        assert number[0] in stream.getvalue()
    for part in SECRET.split():
        assert part not in answer.text + stream.getvalue()
