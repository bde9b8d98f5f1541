"""Two people change the same record: both versions side by side, and nothing of either is lost."""

from __future__ import annotations

from views_record import Room, by_label, open_room, path_of

from fhir_plugin.model.terms import V3_ROLE_CODE


def _someone_else_renames(room: Room, label: str) -> None:
    other = open_room(ehr=room.ehr)
    draft = other.begin("figure/sam/change/who")
    other.post(
        f"{draft}/who",
        {"own_label": label, "first_name": "Samira", "family_name": "el Amrani", "adult": "yes"}
        | {"relation": f"{V3_ROLE_CODE}|AUNT"},
    )
    other.post(f"{draft}/check")


def test_when_someone_else_was_first_both_versions_are_shown_and_nothing_is_lost(room: Room) -> None:
    draft = room.begin("figure/sam/change/who")
    mine = {"own_label": "Sammie", "first_name": "Sam", "family_name": "el Amrani", "adult": "yes"}
    room.post(f"{draft}/who", mine | {"relation": f"{V3_ROLE_CODE}|AUNT"})
    _someone_else_renames(room, "Tantetje")
    page = room.post(f"{draft}/check")
    assert path_of(page).endswith("/conflict")
    text = page.text_content()
    assert "Sammie" in text
    assert "Tantetje" in text
    assert "Sam el Amrani" in text
    assert page.xpath("//input[@name='keep_label']/@value") == ["mine", "theirs"]
    page = room.post(f"{draft}/conflict", {"keep_label": "theirs"})
    assert path_of(page).endswith("/check")
    room.post(f"{draft}/check")
    body = by_label(room, "Tantetje")
    assert body["id"] == "sam"
    assert "Sam" in str(body["name"])


def test_a_conflict_between_reading_and_writing_is_settled_the_same_way(room: Room) -> None:
    draft = room.begin("figure/sam/change/who")
    mine = {"own_label": "Sammie", "first_name": "Samira", "family_name": "el Amrani", "adult": "yes"}
    room.post(f"{draft}/who", mine | {"relation": f"{V3_ROLE_CODE}|AUNT"})
    seen = []

    def meanwhile(method: str, path: str) -> None:
        bundles = [one for one in room.ehr.asked if one[0] == "POST" and one[1] in ("", "/")]
        if len(bundles) == len(seen) + 2:
            room.ehr.before = None
            _someone_else_renames(room, "Tantetje")

    room.ehr.asked.clear()
    room.ehr.before = meanwhile
    page = room.post(f"{draft}/check")
    assert path_of(page).endswith("/conflict")
    assert by_label(room, "Tantetje")["id"] == "sam"


def test_a_change_to_somebody_else_in_the_same_team_is_no_conflict(room: Room) -> None:
    draft = room.begin("figure/coach/change/care")
    room.post(f"{draft}/care", {"involvement": ["execution"]})
    other = open_room(ehr=room.ehr)
    theirs = other.begin("figure/sam/change/care")
    other.post(f"{theirs}/care", {"involvement": ["execution", "decision-making"]})
    other.post(f"{theirs}/check")
    assert "Opgeslagen" in room.post(f"{draft}/check").text_content()
    roles = str(room.ehr.all("CareTeam")[0]["participant"])
    assert roles.count("'execution'") == 2


def test_a_change_to_somebody_else_in_the_same_team_just_before_the_write_is_no_conflict_either(room: Room) -> None:
    draft = room.begin("figure/coach/change/care")
    room.post(f"{draft}/care", {"involvement": ["execution"]})
    other = open_room(ehr=room.ehr)
    theirs = other.begin("figure/sam/change/care")
    other.post(f"{theirs}/care", {"involvement": ["execution", "decision-making"]})
    read: list[str] = []

    def meanwhile(method: str, path: str) -> None:
        read.append(path)
        if method == "POST" and len(read) > 1 and path in ("", "/"):
            room.ehr.before = None
            other.post(f"{theirs}/check")

    room.ehr.before = meanwhile
    assert "Opgeslagen" in room.post(f"{draft}/check").text_content()
    roles = str(room.ehr.all("CareTeam")[0]["participant"])
    assert roles.count("'execution'") == 2
    assert "decision-making" in roles
