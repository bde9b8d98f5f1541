"""Notifications are hints: whoever sends them, and however they come, all they do is bring the next poll forward."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.errors import EhrError, EhrUnreachable, UsageError
from fhir_plugin.sync.inbound.listening import Follower
from fhir_plugin.sync.inbound.notifications import NotificationKind, read_notification
from fhir_plugin.sync.inbound.polling import Poller, PollResult
from fhir_plugin.sync.inbound.store import InboundStore, open_inbound_store
from fhir_plugin.sync.inbound.subscriptions import SubscriptionKind, Wish, subscription_body
from fhir_plugin.validation import Validator
from smart_app.api.hooks import create_hooks
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.fhir.notify import TOPIC
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.testing import RunningSandbox, running_sandbox

FIGURE = "RelatedPerson"


def parameters(kind: str, events: str = "3") -> dict[str, Any]:
    status = [
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": events},
    ]
    return {
        "resourceType": "Bundle",
        "type": "history",
        "entry": [{"resource": {"resourceType": "Parameters", "parameter": status}}],
    }


@pytest.mark.parametrize(
    ("body", "kind", "events"),
    [
        (None, NotificationKind.REST_HOOK, 0),
        ({"resourceType": "RelatedPerson"}, NotificationKind.REST_HOOK, 0),
        (parameters("handshake", "0"), NotificationKind.HANDSHAKE, 0),
        (parameters("heartbeat"), NotificationKind.HEARTBEAT, 3),
        (parameters("event-notification", "99"), NotificationKind.EVENT, 99),
        (parameters("event-notification", "-1"), NotificationKind.EVENT, 0),
        (parameters("something-else"), NotificationKind.REST_HOOK, 0),
        (
            {
                "resourceType": "Bundle",
                "type": "subscription-notification",
                "entry": [
                    {
                        "resource": {
                            "resourceType": "SubscriptionStatus",
                            "type": "event-notification",
                            "eventsSinceSubscriptionStart": "12",
                        }
                    }
                ],
            },
            NotificationKind.EVENT,
            12,
        ),
    ],
)
def test_each_kind_of_notification_is_known(body: Any, kind: NotificationKind, events: int) -> None:
    found = read_notification(body)
    assert (found.kind, found.events) == (kind, events)


NAMES = ["resourceType", "type", "entry", "resource", "parameter", "name", "valueCode", "valueString"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_no_notification_can_make_the_reader_fail(body: Any) -> None:
    assert isinstance(read_notification(body).means_change, bool)


class Hooked:
    """A listener's web part, with the address and secret the EHR got."""

    def __init__(self, store: InboundStore) -> None:
        self.hints: list[str] = []
        self.store = store
        self.hook, self.secret = store.new_hook("https://ehr.example/fhir")
        self.http = create_hooks(store, self.hints.append).test_client()

    def send(self, body: Any = None, *, secret: str | None = None, name: str | None = None, **more: Any) -> int:
        headers = {"Authorization": f"Bearer {self.secret if secret is None else secret}"}
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.http.post(f"/hooks/{name or self.hook.name}", data=data, headers=headers, **more)
        assert answer.data == b""
        return answer.status_code


@pytest.fixture
def hooked(store: InboundStore) -> Hooked:
    return Hooked(store)


def test_a_rest_hook_without_a_body_is_a_hint(hooked: Hooked) -> None:
    assert hooked.send() == 202
    assert hooked.hints == ["https://ehr.example/fhir"]


def test_a_rest_hook_with_a_payload_is_a_hint_and_its_body_is_not_read(hooked: Hooked) -> None:
    headers = {"Authorization": f"Bearer {hooked.secret}"}
    answer = hooked.http.put(f"/hooks/{hooked.hook.name}/RelatedPerson/1", data=b"{not json", headers=headers)
    assert (answer.status_code, len(hooked.hints)) == (202, 1)


def test_nobody_without_the_secret_can_make_us_poll_or_learn_which_addresses_exist(hooked: Hooked) -> None:
    assert hooked.send(secret="guess") == hooked.send(secret="") == hooked.send(name="unknown") == 401
    other, _ = hooked.store.new_hook("https://other.example/fhir")
    assert hooked.send(name=other.name) == 401
    assert hooked.http.get(f"/hooks/{hooked.hook.name}").status_code == 405
    assert hooked.hints == []


def test_a_handshake_is_answered_and_a_heartbeat_is_no_hint_unless_events_were_missed(hooked: Hooked) -> None:
    assert hooked.send(parameters("handshake", "0")) == 200
    assert hooked.send(parameters("heartbeat", "0")) == 202
    assert hooked.hints == []
    hooked.send(parameters("event-notification", "1"))
    hooked.send(parameters("heartbeat", "1"))
    assert len(hooked.hints) == 1
    hooked.send(parameters("heartbeat", "4"))
    assert len(hooked.hints) == 2


def test_doubled_and_disordered_notifications_only_hint(hooked: Hooked) -> None:
    for events in ("5", "5", "2"):
        assert hooked.send(parameters("event-notification", events)) == 202
    found = hooked.store.hook(hooked.hook.name)
    assert found is not None
    assert found.events == 5


def test_a_flood_and_a_giant_are_turned_away(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hooked.send(b"x" * 300_000) == 413
    monkeypatch.setattr("smart_app.api.hooks.PER_MINUTE", 3)
    assert [hooked.send() for _ in range(5)][-1] == 429


def test_the_secret_is_kept_as_a_hash_only(hooked: Hooked, tmp_path: Path) -> None:
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("inbound.sqlite*"))
    assert hooked.secret.encode() not in raw
    assert hooked.secret not in repr(hooked.hook)


@pytest.mark.parametrize("kind", SubscriptionKind)
def test_the_subscription_that_is_asked_is_valid(kind: SubscriptionKind) -> None:
    wish = Wish(kind=kind, endpoint="https://we.example/hooks/a", secret="s", resource_type="Consent", topic=TOPIC)
    report = Validator.load().validate(subscription_body(wish))
    errors = {issue.code for issue in report if issue.severity in ("error", "fatal")}
    assert errors <= {"extension-unknown"}  # the backport guide's own package is not loaded here


def test_many_hints_are_one_poll_and_a_failed_poll_is_not_the_last(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PollResult | EhrError] = []
    waits: list[float] = []

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.append(seconds)
        if len(told) >= 3:
            follower.stop()
        if seconds == 300.0 and len(told) == 1:
            follower.hint()
            follower.hint()
        return event.is_set()

    def polled() -> PollResult:
        if len(told) == 1:
            raise EhrUnreachable("gone", where="search")
        return PollResult(first=False, read=0, changed=0, settled=True)

    monkeypatch.setattr(Poller, "poll", lambda _self: polled())
    follower = Follower(poller=poller, interval=300.0, told=told.append, wait=wait)
    follower.run()
    assert [isinstance(outcome, EhrError) for outcome in told] == [False, True, False]
    assert waits.count(1.0) == 1


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(open_access=True)) as running:
        yield running


@pytest.mark.parametrize("topic", ["", TOPIC], ids=["rest-hook", "topic"])
def test_an_edit_in_the_sandbox_reaches_the_listener_and_the_store(
    sandbox: RunningSandbox, tmp_path: Path, topic: str
) -> None:
    late, hints = LateApp(), threading.Event()
    path = tmp_path / "inbound.sqlite"
    client = FhirClient(sandbox.issuer, retry=Retry(sleep=lambda _: None))
    with listening(late, port=0) as port, open_inbound_store(path) as store:
        late.app = create_hooks(store, lambda _: hints.set())
        Poller(client=client, store=store).poll()
        arguments = ["subscribe", "--fhir", sandbox.issuer, "--store", str(path)]
        arguments += ["--endpoint", f"http://127.0.0.1:{port}/hooks", "--lang", "en"]
        asked = CliRunner().invoke(sync_command, [*arguments, *(["--topic", topic] if topic else [])])
        assert asked.exit_code == 0, asked.output
        sandbox.parts.notifier.wait()
        assert not hints.is_set()
        figure = client.read(FIGURE, "daan-opa-henk")
        client.update({**figure, "birthDate": "1977"}, if_match=figure["meta"]["versionId"])
        sandbox.parts.notifier.wait()
        assert hints.wait(5)
        shown = CliRunner().invoke(sync_command, ["poll", "--fhir", sandbox.issuer, "--store", str(path)])
    assert "geboortedatum" in shown.output
    assert "1977" in shown.output


def test_an_endpoint_without_https_is_refused() -> None:
    found = CliRunner().invoke(
        sync_command, ["subscribe", "--fhir", "https://e.example/fhir", "--endpoint", "http://x"]
    )
    assert isinstance(found.exception, UsageError)
