"""Packages made on the spot, and the ones this checkout has beside it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from package_makers import Json, MakeArchive

from fhir_plugin.packages import Definitions, load_definitions

NL_CORE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nl-core" / "nictiz-zib2020-source.tgz"


@pytest.fixture
def make_archive(tmp_path: Path) -> MakeArchive:
    """Writes a .tgz of files: JSON for a dict, bytes as they are."""

    def make(name: str, files: Mapping[str, Any]) -> Path:
        path = tmp_path / name
        with tarfile.open(path, "w:gz") as archive:
            for file, body in files.items():
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                entry = tarfile.TarInfo(file)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path

    return make


@pytest.fixture
def define(tmp_path: Path) -> Callable[..., Definitions]:
    """Definitions of R4 and the resources given, as a folder of loose files."""

    def load(*bodies: Json) -> Definitions:
        folder = tmp_path / "loose"
        folder.mkdir(exist_ok=True)
        for number, body in enumerate(bodies):
            (folder / f"{number}-{body['id']}.json").write_text(json.dumps(body))
        return load_definitions([folder], own=False)

    return load


@pytest.fixture(scope="session")
def nl_core() -> Definitions:
    if not NL_CORE.is_file():
        pytest.skip("the nl-core package is not beside this checkout")
    return load_definitions([NL_CORE], own=False)


@pytest.fixture(scope="session")
def r4() -> Definitions:
    return load_definitions(own=False)
