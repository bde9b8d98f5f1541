"""What rests in the store: typed phases, one-time states, leases, cleaning."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launch_fakes import KEY, Clock

from fhir_plugin.errors import LaunchStateError, SessionExpired, StoreError
from smart_app.launch.phases import LaunchFacts, LaunchUser, PendingLaunch, Tokens, UserKind, dump, load
from smart_app.settings import SessionLimits
from smart_app.store.crypto import Keyring
from smart_app.store.engine import open_engine
from smart_app.store.launches import LaunchStore

PENDING = PendingLaunch(
    issuer_key="noord", code_verifier="v", nonce="n", redirect_uri="https://a/cb", scopes=("launch",)
)
USER = LaunchUser(reference="Practitioner/1", kind=UserKind.PRACTITIONER)
FACTS = LaunchFacts(id="a" * 32, issuer_key="noord", patient_id="kind-1", user=USER, fhir_context=(("launch", "X/1"),))


@pytest.fixture
def store(clock: Clock) -> LaunchStore:
    return LaunchStore(open_engine("sqlite://"), Keyring([KEY]), SessionLimits(), clock)


@pytest.mark.parametrize("value", [PENDING, FACTS, Tokens(access="a"), Tokens(access="a", expires_at=1.5, refresh="r")])
def test_a_phase_is_read_back_as_it_was_written(value: object) -> None:
    assert load(type(value), dump(value)) == value


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Tokens"},
        {"value": None},
        {"value": {"access": "a"}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "extra": 1}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "patient_id": 7}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "scopes": "launch"}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "need_patient_banner": 1}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "language": "fr"}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "user": {"kind": "Robot"}}},
        {"value": {**orjson.loads(dump(FACTS))["value"], "fhir_context": [["one"]]}},
    ],
)
def test_a_value_of_another_shape_is_refused_instead_of_half_understood(change: dict[str, object]) -> None:
    with pytest.raises(StoreError):
        load(LaunchFacts, orjson.dumps(orjson.loads(dump(FACTS)) | change))


@settings(max_examples=40)
@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_a_sealed_value_opens_only_in_its_own_place(plain: bytes, place: str, other: str) -> None:
    keyring = Keyring([KEY])
    sealed = keyring.seal(plain, bound_to=place)
    assert keyring.open(sealed, bound_to=place) == plain
    if other != place:
        with pytest.raises(StoreError):
            keyring.open(sealed, bound_to=other)


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_sealed_value_with_one_changed_bit_does_not_open(plain: bytes, data: st.DataObject) -> None:
    keyring = Keyring([KEY])
    sealed = bytearray(keyring.seal(plain, bound_to="here"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StoreError):
        keyring.open(bytes(sealed), bound_to="here")


def test_two_seals_of_the_same_value_differ() -> None:
    keyring = Keyring([KEY])
    assert keyring.seal(b"x", bound_to="a") != keyring.seal(b"x", bound_to="a")


@pytest.mark.rule("authorize-state")
def test_a_state_is_used_once_however_many_ask_at_once(tmp_path: Path, clock: Clock) -> None:
    store = LaunchStore(open_engine(f"sqlite:///{tmp_path / 's.sqlite'}"), Keyring([KEY]), SessionLimits(), clock)
    store.add_state("state", "browser", PENDING)

    def use(_: int) -> str:
        try:
            return store.use_state("state", "browser").issuer_key
        except LaunchStateError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(use, range(16)))
    assert found == ["launch-state-used"] * 15 + ["noord"]


@pytest.mark.parametrize(
    ("prepare", "state", "browser", "code"),
    [
        (lambda store, clock: None, "other", "browser", "launch-state-unknown"),
        (lambda store, clock: None, "state", "other", "launch-state-browser"),
        (lambda store, clock: clock.advance(600), "state", "browser", "launch-state-expired"),
        (lambda store, clock: store.use_state("state", "browser"), "state", "browser", "launch-state-used"),
    ],
)
def test_a_state_says_why_it_cannot_be_used(
    store: LaunchStore,
    clock: Clock,
    prepare: Callable[[LaunchStore, Clock], object],
    state: str,
    browser: str,
    code: str,
) -> None:
    store.add_state("state", "browser", PENDING)
    prepare(store, clock)
    with pytest.raises(LaunchStateError) as caught:
        store.use_state(state, browser)
    assert caught.value.code == code


def test_an_attempt_from_another_browser_does_not_use_the_state_up(store: LaunchStore) -> None:
    store.add_state("state", "browser", PENDING)
    with pytest.raises(LaunchStateError):
        store.use_state("state", "other")
    assert store.use_state("state", "browser") == PENDING


def test_a_launch_belongs_to_one_browser(store: LaunchStore) -> None:
    store.add_launch(FACTS, Tokens(access="a"), "browser")
    assert store.launch(FACTS.id, "browser") == FACTS
    for launch_id, browser in ((FACTS.id, "other"), (FACTS.id, ""), ("b" * 32, "browser")):
        with pytest.raises(SessionExpired):
            store.launch(launch_id, browser)


def test_reading_a_launch_keeps_it_alive_without_writing_each_time(store: LaunchStore, clock: Clock) -> None:
    store.add_launch(FACTS, Tokens(access="a"), "browser")
    for _ in range(5):
        clock.advance(1700)
        assert store.launch(FACTS.id, "browser") == FACTS


def test_cleaning_purges_what_is_over_and_nothing_else(store: LaunchStore, clock: Clock) -> None:
    store.add_state("old", "browser", PENDING)
    store.add_launch(FACTS, Tokens(access="a"), "browser")
    clock.advance(1801)
    store.add_state("new", "browser", PENDING)
    assert store.clean() == 2
    assert store.clean() == 0
    assert store.read_state("new", "browser") == PENDING


def test_tokens_are_replaced_only_by_the_holder_of_the_lease(store: LaunchStore) -> None:
    store.add_launch(FACTS, Tokens(access="a", refresh="r"), "browser")
    lease = store.take_lease(FACTS.id, 1)
    assert lease is not None
    assert not store.keep_tokens(FACTS.id, Tokens(access="stolen"), "somebody-else")
    assert store.keep_tokens(FACTS.id, Tokens(access="b", refresh="s"), lease)
    assert store.tokens(FACTS.id).tokens == Tokens(access="b", refresh="s")
    assert store.tokens(FACTS.id).version == 2
    assert store.take_lease(FACTS.id, 1) is None, "the version has moved on"


def test_a_database_that_cannot_be_opened_says_so() -> None:
    for url in ("nonsense", "sqlite:////proc/none/x.sqlite", "oracle://x"):
        with pytest.raises(StoreError):
            open_engine(url)
