"""What a command cannot read is told in a sentence with what to do, and never ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_plugin.cli.main import steunfiguren
from fhir_plugin.errors import EhrError, SteunfigurenError

EXAMPLE = str(Path(__file__).parents[2] / "examples/valid/bundle-network-sanne.json")
CHECK = ["consent", "check", EXAMPLE, "--figure", "RelatedPerson/sanne-jim"]
NOWHERE = "http://127.0.0.1:1/fhir"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ([*CHECK, "--at", "0001-01-01T00:00"], "not-a-moment"),
        ([*CHECK, "--at", "9999-12-31T23:59"], "not-a-moment"),
        ([*CHECK, "--at", "tomorrow"], "not-a-moment"),
        (["consent", "check", "{broken}", "--figure", "x"], "not-json"),
        (["map", "from-fhir", "{broken}"], "not-json"),
        (["map", "to-fhir", "{missing}"], "file-unreadable"),
        (["conformance", NOWHERE, "--client-id", "x", "--key", "{binary}"], "backend-key-unreadable"),
        (["conformance", NOWHERE, "--client-id", "x", "--key", "{folder}"], "backend-key-unreadable"),
        (["conformance", NOWHERE, "--client-id", "x", "--key", "{broken}"], "backend-key"),
        (["conformance", "http://127.0.0.1:70000/fhir"], "ehr-base-url"),
        (["package", "add", "{folder}"], "package-empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_what_cannot_be_read_is_named_with_what_to_do(line: list[str], code: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "gone.json").symlink_to(tmp_path / "nowhere.json")
    places = {name: str(tmp_path / name) for name in ("broken", "binary", "missing", "folder")}
    Path(places["broken"]).write_text("{", encoding="utf-8")
    Path(places["binary"]).write_bytes(b"\xff\x00")

    with pytest.raises(SteunfigurenError) as caught:
        steunfiguren.main([part.format_map(places) for part in line], standalone_mode=False)
    assert caught.value.code == code
    assert caught.value.remedy
    assert not isinstance(caught.value, EhrError)


def test_a_byte_order_mark_before_the_json_does_no_harm(tmp_path: Path) -> None:
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + Path(EXAMPLE).read_bytes())

    for line in (["consent", "check", str(marked), *CHECK[3:]], ["map", "from-fhir", str(marked)]):
        with pytest.raises(SystemExit) as ended:
            steunfiguren.main(line, standalone_mode=False)
        assert ended.value.code in (0, 3)
