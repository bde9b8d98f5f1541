"""A BSN is found however it is written, and nothing longer is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.model.bsn import REMOVED, holds_bsn, is_bsn, may_hold_bsn, said_to_hold_bsn, without_bsn


def _last_digit(first: str) -> int:
    return sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), first, strict=True)) % 11


_FIRST = st.text(st.sampled_from("0123456789"), min_size=8, max_size=8)
_VALID = (
    _FIRST.filter(lambda first: first != "00000000" and _last_digit(first) < 10)
    .map(lambda first: f"{first}{_last_digit(first)}")
)  # fmt: skip
_GAPS = st.lists(st.text(st.sampled_from(" .-/_\u00a0\u2009–\n"), max_size=3), min_size=8, max_size=8)
_HIDDEN = st.sampled_from(["", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060", "\x00", "\ufe0f"])
_SCRIPTS = st.sampled_from([0x30, 0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE])
_AROUND = st.text(st.sampled_from("aé:;,()@ BSN"), max_size=6)


@given(number=_VALID, gaps=_GAPS, hidden=_HIDDEN, script=_SCRIPTS, before=_AROUND, after=_AROUND)
def test_a_valid_number_is_found_however_its_digits_are_set_apart(
    number: str, gaps: list[str], hidden: str, script: int, before: str, after: str
) -> None:
    written = "".join(
        f"{chr(script + int(digit))}{hidden}{gap}" for digit, gap in zip(number, [*gaps, ""], strict=True)
    )
    text = f"{before}{written}{after}"
    assert holds_bsn(text)
    redacted = without_bsn(text)
    assert REMOVED in redacted
    assert not any(one.isdecimal() for one in redacted)


@given(first=_FIRST, last=st.integers(0, 9))
def test_nine_digits_are_one_exactly_when_they_pass_the_eleven_test(first: str, last: int) -> None:
    digits = f"{first}{last}"
    passes = first != "00000000" and _last_digit(first) == last
    assert is_bsn(digits) is holds_bsn(f"nr {digits}.") is passes


@given(digits=st.text(st.sampled_from("0123456789"), min_size=10, max_size=30), around=_AROUND)
def test_ten_digits_or_more_in_a_row_are_none(digits: str, around: str) -> None:
    text = f"{around}{digits}{around}"
    assert not holds_bsn(text)
    assert without_bsn(text) == text


@given(number=_VALID, gaps=_GAPS, start=st.sampled_from(["0", "+31", "+31 ", "0031 ", "+31 (0)", "+32-"]))
def test_a_telephone_number_is_none_where_it_starts_with_a_zero_or_a_plus(
    number: str, gaps: list[str], start: str
) -> None:
    written = "".join(f"{digit}{gap}" for digit, gap in zip(number, [*gaps, ""], strict=True))
    assert not holds_bsn(f"tel. {start}{written}.")


@pytest.mark.parametrize(
    "text",
    [
        "999-99-0019",
        "999\u00a0990\u00a0019",
        "999  990  019",
        "999/990/019",
        "999_990_019",
        "999 - 990 - 019",
        "９９９９９００１９",
        "9\u200b99990019",
        "BSN:999990019",
        "x@999990019.nl",
        "In 2024 999990019",
        "1. 999990019",
        "999 99 0019 123456",
        "+31612345678 999990019",
        "+999990019",
    ],
)
def test_known_ways_past_the_check_are_closed(text: str) -> None:
    assert holds_bsn(text)
    assert not holds_bsn(without_bsn(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "000000000",
        "123456789",
        "06-12345678, +31612345678",
        "1800000000 bytes",
        "NL20 INGB 0001 2345 67",
        "99999001",
    ],
)
def test_other_numbers_are_left_as_they_are(text: str) -> None:
    assert not holds_bsn(text)
    assert without_bsn(text) == text


def test_a_text_without_one_comes_back_unfolded() -> None:
    assert without_bsn("½ ﬁ\u200b 12") == "½ ﬁ\u200b 12"


@given(
    day=st.integers(1, 31),
    month=st.integers(1, 12),
    year=st.integers(1900, 2099),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    sign=st.sampled_from("-/."),
)
def test_days_and_times_in_a_note_are_none(day: int, month: int, year: int, hour: int, minute: int, sign: str) -> None:
    for moment in (f"{hour} uur", f"{hour}:{minute:02}", f"{hour:02}.{minute:02} uur", f"{hour}u"):
        assert not may_hold_bsn(f"Gebeld op {day}{sign}{month}{sign}{year} {moment}.")
        assert not may_hold_bsn(f"{year}-{month:02}-{day:02} {moment}")
    assert not may_hold_bsn(f"Van {day}{sign}{month}{sign}{year} tot {day}{sign}{month}{sign}{year}")


@given(
    number=_VALID,
    sign=st.sampled_from(["", " ", ".", "-", "\u00a0"]),
    groups=st.sampled_from([(9,), (3, 3, 3), (4, 2, 3)]),
)
def test_a_number_written_as_people_write_a_bsn_may_be_one_in_a_note(
    number: str, sign: str, groups: tuple[int, ...]
) -> None:
    starts = [sum(groups[:at]) for at in range(len(groups))]
    written = sign.join(number[start : start + size] for start, size in zip(starts, groups, strict=True))
    assert may_hold_bsn(f"Zijn nummer is {written}.")


_LOST_ZEROS = [f"{first:08}{_last_digit(f'{first:08}')}" for first in range(100_000, 9_999_999, 89_989)]


@given(
    number=st.sampled_from([number for number in _LOST_ZEROS if len(number) == 9]), sign=st.sampled_from(["", ".", " "])
)
def test_a_number_whose_zeros_a_spreadsheet_took_is_seen_where_it_is_called_a_bsn(number: str, sign: str) -> None:
    bare = number.lstrip("0")
    written = sign.join((bare[:4], bare[4:]))
    assert said_to_hold_bsn(written, "BSN steunfiguur")
    assert said_to_hold_bsn(f"Burgerservicenummer: {written}")
    assert not said_to_hold_bsn(written, "Registratienummer")
    assert not said_to_hold_bsn(f"Sofie, nummer {written}")


def test_days_beside_the_word_are_none_and_neither_is_any_number_that_fails_the_test() -> None:
    assert not said_to_hold_bsn("bsn gezien op 01-12-2026 om 10.30 uur")
    assert not [
        number for number in range(10_000_000, 10_000_500) if _passes(number) != said_to_hold_bsn(f"bsn {number}")
    ]


def _passes(number: int) -> bool:
    return is_bsn(str(number).zfill(9))
