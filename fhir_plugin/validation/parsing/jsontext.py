"""JSON text to values: strict where FHIR is (http://hl7.org/fhir/R4/json.html), and quick where nothing is wrong.

orjson reads when it is there. It forgets repeated keys, so the number of colons in the text is compared with the number
in the value; only where they differ the slower reader of the standard library looks for the repeat.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.validation.parsing.jsonplaces import JsonPlaces, key_places
from fhir_plugin.validation.parsing.result import Parsed, failed

__all__ = ["read_json"]

_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_BOM = "\ufeff"


def _fast_reader() -> Any:
    """Orjson where it is installed; the core runs on the standard library alone."""
    try:
        return import_module("orjson")
    except ImportError:
        return None


_orjson = _fast_reader()


class _RepeatedKey(ValueError):
    pass


def read_json(source: bytes | str) -> Parsed:
    """Parse one JSON resource."""
    tree = _plainly_good(source)
    if tree is not None:
        return Parsed(tree=tree, locate=JsonPlaces(source))
    if isinstance(source, bytes):
        try:
            text = source.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = _line_column(source[: error.start].decode("utf-8", "replace"))
            return failed("encoding", line, column)
    else:
        text = source
    issues: tuple[Issue, ...] = ()
    if text.startswith(_BOM):
        issues = (Issue(severity=Severity.WARNING, code="byte-order-mark", line=1, column=1),)
        text = text[1:]
    try:
        tree = _load(text)
    except _RepeatedKey:
        return _repeated(text)
    except json.JSONDecodeError as error:
        return _broken(text, error)
    except RecursionError:
        return failed("too-deep")
    except ValueError:
        return failed("json-syntax")
    if type(tree) is not dict:
        return failed("json-not-object", 1, 1)
    return Parsed(tree=tree, issues=issues, locate=JsonPlaces(text))


def _plainly_good(source: bytes | str) -> dict[str, Any] | None:
    """The object in a text that has nothing unusual; None where a closer look is needed to say what is wrong."""
    if _orjson is None:
        return None
    try:
        tree = _orjson.loads(source)
    except ValueError:
        return None
    if type(tree) is not dict:
        return None
    data = source if isinstance(source, bytes) else source.encode()
    try:
        minimal: bytes = _orjson.dumps(tree)
    except TypeError:  # nested deeper than it writes, though it reads it
        return None
    return tree if _as_many_keys(data, minimal) else None


def _as_many_keys(data: bytes, minimal: bytes) -> bool:
    """Whether a text has as many colons as its values written anew: one less is a key that was there twice."""
    return data.count(b":") == minimal.count(b":") and not (b"\\u00" in data and _ESCAPED_COLON.search(data))


def _load(text: str) -> Any:
    if _orjson is None:
        return _load_slowly(text)
    try:
        _orjson.loads(text)
    except UnicodeEncodeError:
        return _load_slowly(text)
    except json.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise RecursionError from error
        raise
    return _load_slowly(text)


def _load_slowly(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _RepeatedKey
        return found

    def no_constant(name: str) -> Any:
        raise ValueError(name)

    return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)


def _repeated(text: str) -> Parsed:
    """Every repeated key is an error; the first value is dropped, as readers of JSON do."""
    issues = tuple(
        Issue(
            severity=Severity.ERROR, code="json-key-repeated", line=line, column=column, params=(("name", name[:64]),)
        )
        for name, line, column in key_places(text)
    )
    tree = json.loads(text)
    if type(tree) is not dict:
        return Parsed(tree=None, issues=issues)
    return Parsed(tree=tree, issues=issues, locate=JsonPlaces(text, repeated=True))


def _broken(text: str, error: json.JSONDecodeError) -> Parsed:
    around = text[error.pos : error.pos + 2]
    if around in ("//", "/*"):
        return failed("json-comment", error.lineno, error.colno)
    if not text.strip():
        return failed("input-empty", 1, 1)
    return failed("json-syntax", error.lineno, error.colno)


def _line_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
