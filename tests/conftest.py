"""What several folders of tests share: one Playwright, because a process can hold only one, and one PostgreSQL."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache

from smart_app import demo_settings

CHROMIUM = Path("/usr/bin/chromium")

settings.register_profile(
    "untimed", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a machine that is busy is no fault of what is tested
settings.load_profile("untimed")


class _CompiledOnce(BytecodeCache):
    """Templates by name and source, for all the apps of a run."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _CompiledOnce()}


@pytest.fixture(scope="session", autouse=True)
def demo_keys_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A pair of RSA keys takes longer than most tests, and hundreds of them start the demo."""
    make, kept = demo_settings._signing_keys, tmp_path_factory.mktemp("demo-keys")

    def copied(data_dir: Path) -> tuple[Path, ...]:
        for path in make(kept):
            demo_settings.private_file(data_dir / path.name, path.read_bytes)
        return make(data_dir)

    demo_settings._signing_keys = copied


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it for garbage again and again takes a tenth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@pytest.fixture(scope="session")
def launch_chromium() -> Iterator[Callable[..., Any]]:
    """Starts Debian's Chromium with further command-line switches; everything is closed at the end of the run."""
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with api.sync_playwright() as playwright:
        started: dict[tuple[str, ...], Any] = {}

        def launch(*switches: str) -> Any:
            if switches not in started:
                args = ["--no-sandbox", "--disable-background-networking", *switches]
                started[switches] = playwright.chromium.launch(executable_path=str(CHROMIUM), args=args)
            return started[switches]

        yield launch
        for browser in started.values():
            browser.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of its own, started once and thrown away."""
    binaries = next((folder for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if binaries is None or not shutil.which("setpriv"):
        pytest.skip("no PostgreSQL server on this machine")
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("no user to run PostgreSQL as")
    prefix = (
        ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if os.getuid() == 0 else []
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="steunfiguren-pg-"))
    if prefix:
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = folder / "data"
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run([*prefix, str(binaries / "initdb"), "-A", "trust", "-U", "app", "-D", str(data)], **run)
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    start = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(folder / "log")]
    subprocess.run([*prefix, *start, "start"], **run)
    try:
        yield f"postgresql://app@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder, ignore_errors=True)
