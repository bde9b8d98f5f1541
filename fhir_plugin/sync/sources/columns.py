"""Which column means what: a mapping file in TOML, or the proposal made from a header."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

from fhir_plugin.errors import InputError
from fhir_plugin.sync.sources.vocabulary import FIELDS, field_of, own_codes, tables

__all__ = ["BSN_SYSTEM", "ColumnMap", "client_system_in", "load_columns", "propose_columns", "to_toml"]

BSN_SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
REPORT_PREFIX = "_"
"""Columns a problem report adds begin with this; they are passed over when the report is fed back."""

_MANY = frozenset({"phone", "mobile", "email", "note"})
_CLIENT = ("client_bsn", "client_id", "client_identifier")
_SETTINGS = {"source": "name", "client": "system", "figure": "system"}
"""Parts of a mapping file and the setting each has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """A declarative mapping.

    Attributes:
        source: name of the source; part of the identifiers it gives, so it must stay the same from run to run.
        fields: header → field.
        ignored: headers that mean nothing here.
        client_system: identifier system of ``client_identifier``.
        key_system: identifier system of the source's own figure numbers; empty when they have none.
        words: table → the source's own word → code.
    """

    source: str
    fields: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    client_system: str = ""
    key_system: str = ""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[str, ...]:
        """The headers that mean a field."""
        return tuple(header for header, meaning in self.fields.items() if meaning == name)

    @property
    def client_field(self) -> str:
        """The field that names the client."""
        return next(name for name in _CLIENT if name in self.fields.values())


def propose_columns(header: tuple[str, ...], source: str) -> ColumnMap:
    """What the columns most likely mean; the first of two that mean the same is taken."""
    fields: dict[str, str] = {}
    for name in header:
        meaning = None if name.startswith(REPORT_PREFIX) else field_of(name)
        if meaning and (meaning in _MANY or meaning not in fields.values()):
            fields[name] = meaning
    return ColumnMap(source=source, fields=fields, ignored=tuple(name for name in header if name not in fields))


def check_columns(columns: ColumnMap, where: str) -> ColumnMap:
    """Refuse a mapping that cannot work.

    Raises:
        InputError: no column (or more than one) names the client, none names the figure, or a field is unknown.
    """
    unknown = next((name for name in columns.fields.values() if name not in FIELDS), None)
    if unknown is not None:
        raise _refused(f"'{unknown[:40]}' is not a field.", where, f"Choose from: {', '.join(FIELDS)}.")
    clients = [name for name in columns.fields.values() if name in _CLIENT]
    if len(clients) != 1:
        found = "none does" if not clients else f"here {len(clients)} do: {', '.join(clients)}"
        seen = f"of {len(columns.fields) + len(columns.ignored)} columns {len(columns.fields)} have a name known here"
        raise _refused(
            f"Exactly one column must name the client; {found} ({seen}).",
            where,
            "Call it Cliëntnummer, BSN or EPD id, or let a mapping file say which it is (`steunfiguren sync init`). "
            "Of a workbook the first sheet with a row of two filled cells is read.",
            code="sync-client-column",
        )
    if clients[0] == "client_identifier" and not columns.client_system:
        raise _refused(
            "The client numbers need their identifier system.",
            where,
            "Give the Patient.identifier.system under which the EHR holds them: with --client-system, or in the "
            "mapping file as [client] system.",
            code="sync-client-system",
        )
    if not {"text", "given", "own_name", "call_name", "own_label"} & set(columns.fields.values()):
        raise _refused(
            "No column names the figure.",
            where,
            "Map a column to text, own_name, given, call_name or own_label.",
            code="sync-figure-column",
        )
    return columns


def load_columns(path: Path, header: tuple[str, ...]) -> ColumnMap:
    """Read a mapping file.

    Raises:
        InputError: not TOML, of the wrong shape, or naming a column the header lacks.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
        source, fields = str(body["source"]["name"]), {str(k): str(v) for k, v in body["columns"].items()}
    except OSError:
        raise _refused("The mapping file cannot be read.", path.name, "Check its name.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise _refused(
            "This is not a mapping file.", path.name, "Let `steunfiguren sync init FILE` write one."
        ) from None
    _check_settings(body, path.name)
    missing = next((name for name in fields if name not in header), None)
    if missing is not None:
        raise _refused(f"The list has no column '{missing[:60]}'.", path.name, "Correct the mapping file.")
    return ColumnMap(
        source=source,
        fields={name: meaning for name, meaning in fields.items() if meaning},
        ignored=tuple(name for name in header if not fields.get(name)),
        client_system=_setting(body, "client", "system"),
        key_system=_setting(body, "figure", "system"),
        words=_own_words(body.get("values", {}), path.name),
    )


def _check_settings(body: Mapping[str, Any], where: str) -> None:
    """Refuse a part or setting nobody reads: a slip of the pen in one would pass for the setting it was meant to be."""
    unknown = next((name for name in body if name not in (*_SETTINGS, "columns", "values")), None)
    if unknown is not None:
        parts = ", ".join(f"[{name}]" for name in (*_SETTINGS, "columns", "values.…"))
        raise _refused(f"A mapping file has no part [{unknown[:40]}].", where, f"Choose from: {parts}.")
    for part, name in _SETTINGS.items():
        if any(key != name for key in body.get(part, {})):
            raise _refused(f"[{part}] has one setting.", where, f"Write it as: {name} = …")


def _own_words(values: Any, where: str) -> dict[str, dict[str, str]]:
    """A source's own words by table, each with a code of that table."""
    if not isinstance(values, dict) or not all(isinstance(own, dict) for own in values.values()):
        raise _refused("[values] holds tables of words.", where, 'Write [values.kind], and below it "word" = "code".')
    for table, own in values.items():
        codes = own_codes(table)
        if not codes:
            raise _refused(f"'{table[:40]}' is no table of words.", where, f"Choose from: {', '.join(tables())}.")
        wrong = next((code for code in own.values() if code not in codes), None)
        if wrong is not None:
            raise _refused(
                f"'{str(wrong)[:40]}' is no code of [values.{table}].", where, f"Choose from: {', '.join(codes)}."
            )
    return {table: dict(own) for table, own in values.items()}


def client_system_in(path: Path) -> str:
    """The identifier system of the client numbers in a mapping file; empty where it names none or cannot be read."""
    try:
        return _setting(tomllib.loads(path.read_text(encoding="utf-8")), "client", "system")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return ""  # load_columns says what is wrong with it


def to_toml(columns: ColumnMap) -> str:
    """The mapping file of a mapping; reading it back gives the same."""
    lines = [
        "# What the columns of this list mean. Written by `steunfiguren sync init`; check and correct it.",
        "[source]",
        f"name = {_quoted(columns.source)}  # keep this the same from run to run",
        "",
        "[client]",
        f"system = {_quoted(columns.client_system)}  # identifier system of the client numbers",
        "",
        "[figure]",
        f"system = {_quoted(columns.key_system)}  # identifier system of the figure numbers, if they have one",
        "",
        '[columns]  # header = field; "" is not used. The fields (docs/sync-lists.md says more):',
        *(f"# {line}" for line in wrap(", ".join(FIELDS), 100)),
    ]
    lines += [f"{_quoted(name)} = {_quoted(meaning)}" for name, meaning in columns.fields.items()]
    lines += [f'{_quoted(name)} = ""' for name in columns.ignored if not name.startswith(REPORT_PREFIX)]
    for table, own in columns.words.items():
        lines += ["", f"[values.{table}]", *(f"{_quoted(word)} = {_quoted(code)}" for word, code in own.items())]
    lines += ["", "# [values.kind]", '# "maatje" = "volunteer-mentor"  # words of your own, per table']
    return "\n".join(lines) + "\n"


def _setting(body: dict[str, Any], table: str, name: str) -> str:
    found = body.get(table)
    return str(found.get(name, "")) if isinstance(found, dict) else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _refused(message: str, where: str, remedy: str, code: str = "sync-columns") -> InputError:
    return InputError(message, where=where, code=code, remedy=remedy)
