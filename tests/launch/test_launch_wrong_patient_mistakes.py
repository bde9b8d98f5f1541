"""The model of wrong-patient safety can fail: each mistake that apps make in the field is put in, and noticed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import request
from hypothesis.errors import Flaky
from wrong_patient_machine import run
from wrong_patient_world import World

from fhir_plugin.errors import SessionExpired
from smart_app import security
from smart_app.launch import guard
from smart_app.launch.guard import PATIENT_FIELD
from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import ActiveLaunch
from smart_app.launch.renewal import LaunchTokens
from smart_app.store.launches import LaunchStore, StoredTokens
from smart_app.views import desk


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def _no_patient_check(patch: pytest.MonkeyPatch) -> None:
    whole = guard._check_form
    patch.setattr(guard, "_check_form", lambda token, _patient: whole(token, request.form.get(PATIENT_FIELD, "")))


def _no_form_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guard, "_check_form", lambda _token, _patient: None)


def _last_launch_as_fallback(patch: pytest.MonkeyPatch) -> None:
    """What other apps do: whoever comes without a cookie gets the launch that was used last."""
    whole, last = Launcher.active, {}

    def active(self: Launcher, launch_id: str, browser: str | None) -> ActiveLaunch:
        try:
            last["launch"] = whole(self, launch_id, browser)
        except SessionExpired:
            if "launch" not in last:
                raise
        return last["launch"]

    patch.setattr(Launcher, "active", active)


def _network_kept_by_user(patch: pytest.MonkeyPatch) -> None:
    whole, kept = desk._desk, {}

    def cached(launch: ActiveLaunch, t: Any) -> desk.Desk:
        return kept.setdefault(launch.user.reference, whole(launch, t))

    patch.setattr(desk, "_desk", cached)


def _refresh_unchecked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LaunchTokens, "_check", lambda _self, _grant: None)


def _tokens_of_somebody(patch: pytest.MonkeyPatch) -> None:
    whole, last = LaunchStore.tokens, []

    def tokens(self: LaunchStore, launch_id: str) -> StoredTokens:
        last.append(whole(self, launch_id))
        return last[-2] if len(last) > 1 else last[-1]

    patch.setattr(LaunchStore, "tokens", tokens)


def _pages_may_be_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(security, "CACHEABLE", frozenset({"static", "network.show"}))


def _patients_in_the_log(patch: pytest.MonkeyPatch) -> None:
    whole = desk._desk

    def chatty(launch: ActiveLaunch, t: Any) -> desk.Desk:
        logging.getLogger("smart_app").info("opened the record of %s", launch.patient_id)
        return whole(launch, t)

    patch.setattr(desk, "_desk", chatty)


MISTAKES = (
    _no_patient_check,
    _last_launch_as_fallback,
    _network_kept_by_user,
    _tokens_of_somebody,
    _pages_may_be_kept,
    _patients_in_the_log,
    pytest.param(_no_form_check, marks=pytest.mark.nightly),
    pytest.param(_refresh_unchecked, marks=pytest.mark.nightly),
)


@pytest.mark.threat("two-tabs")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.__name__.strip("_"))
def test_the_model_notices_a_mistake_in_the_app(
    world: World, monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mistake(monkeypatch)
    with pytest.raises((AssertionError, Flaky)):
        run(world, count=40, steps=30, derandomize=True)
