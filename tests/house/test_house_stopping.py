"""What runs until it is stopped ends by itself at the first Ctrl-C, and at once at the second."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fhir_plugin.cli.stopping import stopping
from fhir_plugin.cli.sync import sync_command
from fhir_plugin.errors import EhrUnreachable, StoreError
from fhir_plugin.sync.inbound.listening import Follower


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_the_next_is_as_before(number: signal.Signals) -> None:
    asked: list[str] = []
    before = signal.getsignal(number)
    with stopping(lambda: asked.append("stop")):
        os.kill(os.getpid(), number)
        assert asked == ["stop"]
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def listened(tmp_path: Path) -> Result:
    arguments = ["listen", "--fhir", "http://127.0.0.1:9/fhir", "--port", "0", "--store", str(tmp_path / "in.sqlite")]
    return CliRunner().invoke(sync_command, arguments)


def listen(tmp_path: Path) -> object:
    return listened(tmp_path).exception


def test_listen_stops_at_sigterm_with_what_it_uses_still_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(follower: Follower) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert follower._stopped.is_set()
        assert follower.poller.store.vault

    monkeypatch.setattr(Follower, "run", run)
    assert listen(tmp_path) is None


def test_listen_ends_with_the_error_that_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Follower) -> None:
        raise StoreError("The disk is gone.")

    monkeypatch.setattr(Follower, "run", run)
    assert isinstance(listen(tmp_path), StoreError)


def test_listen_tells_a_poll_that_failed_in_the_language_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(follower: Follower) -> None:
        follower.told(EhrUnreachable("No answer.", where="search Consent"))

    monkeypatch.setattr(Follower, "run", run)
    assert "search Consent: Het EPD of de server geeft geen antwoord" in listened(tmp_path).stderr
