"""The demo: the embedded EHR and the app beside each other in one process, on two origins."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from smart_app.api.app import Standalone, create_validator_app
from smart_app.api.settings import ValidatorSettings
from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.sandbox.app import create_sandbox
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.settings import SandboxSettings, demo_app
from smart_app.settings import Settings, is_loopback

__all__ = ["Demo", "running_demo", "serve", "serve_validator", "wait_for_stop"]

_ROOM = 2
"""How many times what the app takes is read from a connection, so that a body that is too large still gets an answer
of the app's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo is to be.

    Attributes:
        port: of the EHR; 0 for a free one.
        app_port: of the app; 0 for a free one.
        data: folder that keeps the EHR's store between runs; None keeps nothing.
        reset: throw away what an earlier run left in it.
        faults: faults of the EHR that are on from the start.
        fhir_base: another FHIR server as the EHR's store.
        seed: put the synthetic clients into that other server too.
        load: folders or files to load besides.
        validate: the EHR refuses what is not valid FHIR.
        open_fhir: the EHR's FHIR endpoint answers without a token, to try a sync on.
        host: name in URLs; ``localhost``, or another name of this machine.
        app_host: the app's name, where it is to be on another site than the EHR (cookies in frames differ then).
    """

    port: int = 8400
    app_port: int = 8401
    data: Path | None = None
    reset: bool = False
    faults: tuple[str, ...] = ()
    fhir_base: str = ""
    seed: bool = True
    load: tuple[Path, ...] = ()
    validate: bool = False
    open_fhir: bool = False
    host: str = "localhost"
    app_host: str = ""


@contextmanager
def running_demo(demo: Demo) -> Iterator[tuple[str, str]]:
    """Both servers, until the block ends; gives the URLs of the EHR and of the app.

    Raises:
        UsageError: a port is taken, or a fault does not exist.
        EhrError: the other FHIR server does not do what is needed.
    """
    ehr, app = LateApp(), LateApp()
    with ExitStack() as stack:
        ehr_url = f"http://{demo.host}:{stack.enter_context(listening(ehr, port=demo.port))}"
        app_url = f"http://{demo.app_host or demo.host}:{stack.enter_context(listening(app, port=demo.app_port))}"
        folder = demo.data or Path(stack.enter_context(TemporaryDirectory(prefix="steunfiguren-")))
        ehr.app = create_sandbox(_sandbox_settings(demo, ehr_url, app_url))
        app.app = create_app(demo_settings(folder, public_url=app_url, ehr_url=ehr_url))
        yield ehr_url, app_url


def serve(settings: Settings, *, host: str, port: int, threads: int, ready: Callable[[int], None]) -> None:
    """The app alone, with settings of its own, until it is told to stop; ``ready`` gets the port it listens on.

    Raises:
        UsageError: the port is taken.
    """
    proxied = settings.trusted_proxies > 0
    largest = max(settings.limits.request_bytes, settings.validator.body_bytes if settings.validator else 0)
    with listening(
        create_app(settings),
        port=port,
        host=host,
        threads=threads,
        behind_proxy=proxied,
        body_bytes=_ROOM * largest,
    ) as bound:
        ready(bound)
        wait_for_stop()


def serve_validator(
    settings: ValidatorSettings, *, host: str, port: int, trusted_proxies: int, ready: Callable[[str], None]
) -> None:
    """The validator alone, until it is told to stop; ``ready`` gets its address.

    Raises:
        UsageError: the port is taken.
        PackageError: a package cannot be read.
    """
    late = LateApp()
    proxied = trusted_proxies > 0
    with listening(late, port=port, host=host, behind_proxy=proxied, body_bytes=_ROOM * settings.body_bytes) as bound:
        url = f"http://{'localhost' if is_loopback(host) else host}:{bound}"
        late.app = create_validator_app(settings, Standalone(url=url, trusted_proxies=trusted_proxies))
        ready(url)
        wait_for_stop()


def wait_for_stop() -> None:
    """Return at Ctrl-C or SIGTERM."""
    stop = threading.Event()

    def stopped(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, stopped) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sandbox_settings(demo: Demo, ehr_url: str, app_url: str) -> SandboxSettings:
    return SandboxSettings(
        base_url=ehr_url,
        database=_database(demo),
        clients=(demo_app(app_url, ("/callback/sandbox",)),),
        faults=frozenset(demo.faults),
        fhir_base=demo.fhir_base,
        seed=demo.seed,
        load=demo.load,
        validate=demo.validate,
        open_access=demo.open_fhir,
        cross_site=demo.app_host not in ("", demo.host),
    )


def _database(demo: Demo) -> str:
    if demo.data is None:
        return ":memory:"
    demo.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = demo.data / "ehr.sqlite"
    for leftover in demo.data.glob("ehr.sqlite*") if demo.reset else ():
        leftover.unlink()
    return str(file)
