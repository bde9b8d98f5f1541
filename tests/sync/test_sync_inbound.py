"""Changes come back: polling finds every one, whatever notifications are lost, late, doubled or made up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sync_desk import Desk, row

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.errors import EhrError, EhrForbidden, EhrNotFound, EhrRejected, EhrUnreachable, StoreError, UsageError
from fhir_plugin.mapping.safety import block_onto
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.sync.inbound.changes import ChangeKind
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InboundStore]:
    with open_inbound_store(tmp_path / "inbound.sqlite") as opened:
        yield opened


@pytest.fixture
def poller(desk: Desk, store: InboundStore) -> Poller:
    desk.sync([row()])
    return Poller(client=desk.client, store=store)


def phone_of(desk: Desk, value: str) -> None:
    [figure] = desk.figures()
    desk.edit({**figure, "telecom": [{"system": "phone", "value": value}]})


def test_the_first_poll_reads_everything_and_calls_nothing_a_change(poller: Poller) -> None:
    result = poller.poll()
    assert (result.first, result.changes, result.settled) == (True, (), True)
    assert result.read > 3
    assert poller.poll().changed == 0


def test_an_edit_by_a_professional_comes_back_with_both_values(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-01"})
    [change] = poller.poll().changes
    assert (change.kind, change.patient, change.element) == (ChangeKind.EDITED, "Patient/p1001", "birth_date")
    assert (change.before, change.after) == ("—", "1980-02-01")
    assert poller.poll().changes == ()


def test_a_stop_on_sharing_comes_back_without_its_reason_and_so_does_its_end(desk: Desk, poller: Poller) -> None:
    poller.poll()
    block = SafetyBlock(
        period=Period(start=PartialDate(2026, 6, 1)), by=Ref(reference="Practitioner/kim"), why="Geheim adres"
    )
    flag = {**block_onto(block, Ref(reference="Patient/p1001")), "id": "block"}
    desk.edit(flag)
    stopped = poller.poll()
    desk.edit({**flag, "status": "inactive"})
    lifted = poller.poll()

    told = [[(each.kind, each.patient, each.before, each.after) for each in poll.changes] for poll in (stopped, lifted)]
    assert told == [
        [(ChangeKind.SHARING, "Patient/p1001", "on", "off")],
        [(ChangeKind.SHARING, "Patient/p1001", "off", "on")],
    ]
    kept = repr(poller.store.records(poller.client.base_url, {"p1001"}))
    assert "block" in kept
    assert not [word for word in ("Geheim", "kim") if word in kept]


@pytest.mark.parametrize("answer", [EhrForbidden, EhrNotFound, EhrRejected])
def test_an_ehr_that_has_or_shows_no_flags_is_polled_without(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch, answer: type[EhrError]
) -> None:
    search = FhirClient.search

    def refuse(self: FhirClient, kind: str, *args: Any, **more: Any) -> Any:
        if kind == "Flag":
            raise answer("No.", code="test")
        return search(self, kind, *args, **more)

    monkeypatch.setattr(FhirClient, "search", refuse)
    assert poller.poll().settled
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-01"})
    assert [change.kind for change in poller.poll(full=True).changes] == [ChangeKind.EDITED]


def test_a_new_figure_an_ended_bond_and_a_withdrawn_consent_come_back(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.edit({**figure, "id": "new", "name": [{"text": "Nieuw"}]})
    desk.edit({**figure, "active": False})
    found = {(change.kind, change.element) for change in poller.poll().changes}
    assert found == {(ChangeKind.ADDED, ""), (ChangeKind.EDITED, "active")}


def test_a_deleted_figure_is_found_by_a_full_poll_only(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.ehr.store[FIGURE].pop(figure["id"])
    assert poller.poll().changes == ()
    assert [change.kind for change in poller.poll(full=True).changes] == [ChangeKind.GONE]
    assert poller.poll(full=True).changes == ()


def test_what_a_search_leaves_out_but_the_ehr_still_holds_is_not_gone(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    search = FhirClient.search
    without = lambda self, kind, params, **more: iter(list(search(self, kind, params, **more))[:-1])  # noqa: E731
    monkeypatch.setattr(FhirClient, "search", without)
    assert poller.poll(full=True).changes == ()


def test_a_change_that_shows_late_under_an_early_instant_is_still_found(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    latest = max(body["meta"]["lastUpdated"] for body in desk.ehr.all(FIGURE))
    desk.edit({**figure, "birthDate": "1981"})
    [late] = desk.figures()
    late["meta"]["lastUpdated"] = _earlier(latest, 60)
    _overwrite(desk, late)
    assert [change.element for change in poller.poll().changes] == ["birth_date"]


def test_a_resource_that_slips_away_between_two_pages_is_found_by_the_next_pass(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one is edited while the first page is read: the pages move up, and one resource is on neither."""
    poller.poll()
    for number in range(3):
        [figure] = [body for body in desk.figures() if not body["id"].startswith("x")]
        desk.edit({**figure, "id": f"x{number}", "name": [{"text": f"Naam {number}"}]})
    search, passes = FhirClient.search, []

    def slipping(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        found = list(search(self, kind, params, **more))
        if kind == FIGURE:
            passes.append(kind)
            found = [body for body in found if len(passes) > 1 or body["id"] != "x1"]
        return iter(found)

    monkeypatch.setattr(FhirClient, "search", slipping)
    added = [change.resource for change in poller.poll().changes if change.kind is ChangeKind.ADDED]
    assert sorted(added) == [f"{FIGURE}/x{number}" for number in range(3)]


def test_an_ehr_that_never_comes_to_rest_leaves_the_cursor_where_it_was(
    desk: Desk, poller: Poller, store: InboundStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    before = store.cursor(desk.client.base_url, FIGURE)
    search, counter = FhirClient.search, iter(range(1000))

    def restless(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        for body in search(self, kind, params, **more):
            yield {**body, "meta": {**body["meta"], "versionId": str(next(counter))}} if kind == FIGURE else body

    monkeypatch.setattr(FhirClient, "search", restless)
    assert not poller.poll().settled
    assert store.cursor(desk.client.base_url, FIGURE) == before


def test_a_poll_that_fails_half_way_changes_nothing_in_the_store(
    desk: Desk, poller: Poller, store: InboundStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    phone_of(desk, "+31612345677")
    search = FhirClient.search

    def failing(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        if kind == "Consent":
            raise EhrUnreachable("gone", where="search Consent")
        return search(self, kind, params, **more)

    with monkeypatch.context() as patch:
        patch.setattr(FhirClient, "search", failing)
        with pytest.raises(EhrError):
            poller.poll()
    assert [change.element for change in poller.poll().changes] == ["telecoms"]


def test_an_ehr_without_versions_or_instants_is_compared_by_content(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = FhirClient.search

    def bare(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        for body in search(self, kind, params, **more):
            yield {name: value for name, value in body.items() if name != "meta"} | {
                "meta": {"tag": body["meta"]["tag"]} if "tag" in body["meta"] else {}
            }

    monkeypatch.setattr(FhirClient, "search", bare)
    poller.poll()
    phone_of(desk, "+31612345677")
    assert [change.element for change in poller.poll().changes] == ["telecoms"]


def test_the_store_tells_nothing_without_its_key(desk: Desk, poller: Poller, tmp_path: Path) -> None:
    poller.poll()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("inbound.sqlite*") if not path.name.endswith(".key"))
    assert b"Amrani" not in raw
    assert b"+3161" not in raw
    assert (tmp_path / "inbound.sqlite").stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inbound.sqlite").write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(StoreError), open_inbound_store(tmp_path / "inbound.sqlite"):
        pass


def test_an_edit_in_the_ehr_stands_in_the_next_plan(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-11"})
    [planned] = desk.plan([row(Geboortedatum="01-02-1980")]).clients()
    [edit] = planned.plan.figures[0].edits
    assert (edit.element, edit.before, edit.after) == ("birth_date", "1980-02-01", "1980-02-11")
    assert desk.apply()[0].state == "same"
    assert desk.figures()[0]["birthDate"] == "1980-02-11"


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


def _earlier(instant: str, seconds: int) -> str:
    return (datetime.fromisoformat(instant) - timedelta(seconds=seconds)).isoformat()


def _overwrite(desk: Desk, body: dict[str, Any]) -> None:
    """Put a version in place as it is, with its own instant."""
    versions = desk.ehr.store[body["resourceType"]][body["id"]]
    versions[-1] = body
