"""Lists as they come: encodings, separators, headers, values, and everything that can be wrong in a row."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync_desk import CLIENT_SYSTEM, Desk, as_csv, row

from fhir_plugin.errors import InputError
from fhir_plugin.model.bsn import holds_bsn
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import TelecomUse
from fhir_plugin.model.terms import BondKind, Designator, Function
from fhir_plugin.sync.sources.columns import check_columns, load_columns, propose_columns, to_toml
from fhir_plugin.sync.sources.problems import describe, write_problems
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import open_csv
from fhir_plugin.sync.sources.values import BadCell, Words, read_date, read_email, read_phone
from fhir_plugin.sync.sources.wanted import Problem, Wanted


def read(path: Path) -> list[Wanted | Problem]:
    table = open_csv(path)
    columns = replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)
    return list(RowReader(table, check_columns(columns, path.name)).read())


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "lijst.csv"
    path.write_text(text, encoding=encoding, newline="")
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found_out(tmp_path: Path, encoding: str, separator: str) -> None:
    path = written(tmp_path, as_csv([row(Voornaam="Zoë", Achternaam="Çelik")], separator), encoding)
    (found,) = read(path)
    assert isinstance(found, Wanted)
    assert (found.figure.name.given, found.figure.name.own_name) == (("Zoë",), "Çelik")


def test_a_separator_that_excel_names_in_the_first_line_is_used(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, "sep=;\n" + as_csv([row()])))
    assert isinstance(found, Wanted)
    assert found.place.line == 3


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "sync-empty"),
        (b"\n", "sync-no-header"),
        (b"PK\x03\x04\0\0\0\0", "sync-not-text"),
        (b"naam;cli\x81nt\n", "sync-encoding"),
        (b"naam;naam\n", "sync-double-header"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_a_remedy(tmp_path: Path, raw: bytes, code: str) -> None:
    path = tmp_path / "lijst.csv"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        open_csv(path)
    assert caught.value.code == code
    assert caught.value.remedy


def test_english_headers_and_words_mean_the_same(tmp_path: Path) -> None:
    text = "Client number,First name,Last name,Kind,Function,Designated by,Birth date\n"
    text += "7,Ann,Bell,support family,practical and company,youth,1980-02-01\n"
    (found,) = read(written(tmp_path, text))
    assert isinstance(found, Wanted)
    figure = found.figure
    assert figure.kinds == (BondKind.SUPPORT_FAMILY,)
    assert figure.engagement is not None
    assert figure.engagement.functions == (Function.PRACTICAL, Function.COMPANY)
    assert figure.designations[0].by is Designator.YOUTH
    assert figure.birth_date == PartialDate(1980, 2, 1)


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"Mobiel": "06-123"}, "Mobiel", "sync-phone"),
        ({"Mobiel": "06-12345678 ext 5"}, "Mobiel", "sync-phone"),
        ({"Mobiel": "999-99-0019"}, "Mobiel", "sync-bsn-as-phone"),
        ({"E-mail": "x@999990019.nl"}, "E-mail", "sync-bsn-in-figure"),
        ({"E-mail": "geen adres"}, "E-mail", "sync-email"),
        ({"Soort": "ridder"}, "Soort", "sync-unknown-word"),
        ({"Geboortedatum": "31-02-1980"}, "Geboortedatum", "sync-date"),
        ({"Geboortedatum": "01-02-80"}, "Geboortedatum", "sync-date"),
        ({"Relatie": "moeder"}, "Relatie", "sync-parent"),
        ({"Opmerking": "bsn 999990019"}, "Opmerking", "sync-bsn-in-note"),
        ({"Figuur_ID": "999990019"}, "Figuur ID", "sync-bsn-in-figure"),
        ({"Betrokken_sinds": "2025", "Betrokken_tot": "2024"}, "Betrokken tot", "sync-period"),
        ({"Toestemming": "ja"}, "Toestemming", "sync-consent-by"),
        ({"Cliëntnummer": ""}, "", "sync-no-client"),
        ({"Voornaam": "", "Achternaam": ""}, "", "sync-no-figure"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column_and_the_rest_goes_on(
    tmp_path: Path, cells: dict[str, str], column: str, code: str
) -> None:
    found = read(written(tmp_path, as_csv([row(), row(**cells), row(key="F9")])))
    good = [item for item in found if isinstance(item, Wanted)]
    bad = [item for item in found if isinstance(item, Problem)]
    assert [item.place.line for item in good] == [2, 4]
    assert (bad[0].place.line, bad[0].column, bad[0].code) == (3, column, code)
    assert "999990019" not in repr(found) + describe(bad[0], "nl")


def test_a_half_written_row_and_a_cut_off_file_are_named(tmp_path: Path) -> None:
    text = as_csv([row()]).replace("\r\n", "\n")
    found = read(written(tmp_path, text + "1001;F2;Henk\n" + '1001;"F3;Jan'))
    assert [item.code for item in found if isinstance(item, Problem)] == ["sync-too-few-cells", "sync-cut-off"]
    assert isinstance(found[0], Wanted)


def test_the_report_of_problems_can_be_mended_and_fed_back(tmp_path: Path) -> None:
    path = written(tmp_path, as_csv([row(Mobiel="06-123", Opmerking="=1+1 en 999990019")]))
    table = open_csv(path)
    problems = [item for item in read(path) if isinstance(item, Problem)]
    report = tmp_path / "rijen.csv"
    assert write_problems(report, table.header, ("Cliëntnummer",), problems, "nl", source="jim") == (1, None)
    text = report.read_text(encoding="utf-8-sig")
    assert "999990019" not in text
    assert "Dit is geen bestaand telefoonnummer." in text
    (found,) = read(written(tmp_path, text.replace("06-123", "06-12345601")))
    assert isinstance(found, Wanted)
    assert found.figure.telecoms[0].value == "+31612345601"


def test_a_report_that_somebody_mended_is_kept_beside_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, as_csv([row(Mobiel="06-1")]))
    table, problems = open_csv(path), [item for item in read(path) if isinstance(item, Problem)]
    report = tmp_path / "rijen.csv"
    for _ in range(2):
        assert write_problems(report, table.header, ("Cliëntnummer",), problems, "nl", source="jim") == (1, None)
    report.write_text(report.read_text(encoding="utf-8-sig").replace("06-1;", "06-12345601;"), encoding="utf-8-sig")
    mended = report.read_bytes()
    _, kept = write_problems(report, table.header, ("Cliëntnummer",), problems, "nl", source="jim")
    assert kept == tmp_path / "rijen.kept-1.csv"
    assert kept.read_bytes() == mended
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_bsn_of_a_figure_that_lost_its_zero_in_a_spreadsheet_is_refused_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "lijst.csv"
    path.write_text(
        "Cliëntnummer;BSN oom;Naam;Opmerking\n1001;10000008;oom Ab;\n1001;;tante Sam;bsn 10000008\n", encoding="utf-8"
    )
    table = open_csv(path)
    columns = replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)
    columns = replace(columns, fields={**columns.fields, "BSN oom": "key"})
    found = list(RowReader(table, columns).read())
    assert [(item.column, item.code) for item in found if isinstance(item, Problem)] == [
        ("BSN oom", "sync-bsn-in-figure"),
        ("Opmerking", "sync-bsn-in-note"),
    ]
    report = tmp_path / "rows.csv"
    write_problems(report, table.header, ("Cliëntnummer",), found, "nl", source="jim")
    assert "10000008" not in report.read_text(encoding="utf-8")


def test_a_clients_bsn_is_checked_and_never_shown(tmp_path: Path) -> None:
    header, values = "BSN kind;Naam\n", "999990019;tante Sam\n123456789;oom Ab\n"
    found = read(written(tmp_path, header + values))
    assert isinstance(found[0], Wanted)
    assert isinstance(found[1], Problem)
    assert found[1].code == "sync-bsn-invalid"
    assert "999990019" not in repr(found)


def test_a_bsn_is_nowhere_in_plan_journal_or_urls(desk: Desk) -> None:
    bsn = "999990019"
    identifier = [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": bsn}]
    desk.ehr.add({"resourceType": "Patient", "id": "p9", "identifier": identifier, "birthDate": "2012-01-01"})
    seen: list[str] = []
    desk.ehr.before = lambda method, path: seen.append(path)
    desk.plan("BSN;Naam\n999990019;tante Sam\n")
    desk.apply()
    assert len(desk.figures("p9")) == 1
    assert bsn not in "".join(seen)
    for path in desk.folder.iterdir():
        if path.name != "lijst.csv":
            assert bsn.encode() not in path.read_bytes()


def test_a_mapping_file_is_written_and_read_back(tmp_path: Path) -> None:
    table = open_csv(written(tmp_path, "Nr;Wie;Soort\n7;Ann;tovenaar\n"))
    columns = replace(
        propose_columns(table.header, "jim"),
        fields={"Nr": "client_identifier", "Wie": "text", "Soort": "kind"},
        ignored=(),
        client_system=CLIENT_SYSTEM,
        words={"kind": {"tovenaar": "other"}},
    )
    path = tmp_path / "jim.toml"
    path.write_text(to_toml(columns), encoding="utf-8")
    assert load_columns(path, table.header) == columns
    (found,) = RowReader(table, columns).read()
    assert isinstance(found, Wanted)
    assert found.figure.kinds == (BondKind.OTHER,)


@pytest.mark.parametrize(
    "text",
    ["", "[columns]\n", "not toml", '[source]\nname="x"\n[columns]\n"Weg"="text"\n', '[source]\nname="x"\ncolumns=1\n'],
)
def test_a_mapping_file_that_does_not_fit_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jim.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_columns(path, ("Nr", "Wie"))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ('[values.kind]\n"maatje" = "volunteer"', "volunteer-mentor"),
        ('[values.kind]\n"maatje" = 3', "volunteer-mentor"),
        ('[values.knd]\n"maatje" = "volunteer-mentor"', "life_domains"),
        ('[values]\nkind = "jim"', "values.kind"),
        ('[client]\nsystm = "x"', "system"),
        ('[clients]\nsystem = "x"', "client"),
    ],
)
def test_a_word_or_setting_of_a_mapping_file_that_means_nothing_is_refused(
    tmp_path: Path, values: str, named: str
) -> None:
    table = open_csv(written(tmp_path, "Nr;Wie;Soort\n7;Ann;maatje\n"))
    mapping = tmp_path / "map.toml"
    mapping.write_text(f'[source]\nname = "x"\n[columns]\n"Nr" = "client_id"\n{values}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_columns(mapping, table.header)
    assert named in caught.value.remedy


def test_own_words_for_yes_and_no_count_in_every_column_that_holds_them(tmp_path: Path) -> None:
    table = open_csv(written(tmp_path, "EPD id;Naam;Vertrouwensband;VOG gezien\n7;Ann;jawel;gezien\n"))
    mapping = tmp_path / "map.toml"
    own = '[values.yes_no]\n"jawel" = "yes"\n[values.vog_seen]\n"gezien" = "yes"\n'
    mapping.write_text(to_toml(propose_columns(table.header, "x")) + own, encoding="utf-8")
    (found,) = RowReader(table, load_columns(mapping, table.header)).read()
    assert isinstance(found, Wanted)
    assert found.figure.bond_of_trust is not None
    assert found.figure.vog_seen is not None


def test_a_neighbour_or_friend_in_the_column_of_relatives_is_a_role(tmp_path: Path) -> None:
    text = "EPD id;Naam;Relatie\n7;Ann;tante en buurvrouw\n7;Bo;vriend\n7;Cis;hulpverlener\n"
    ann, bo, cis = read(written(tmp_path, text))
    assert isinstance(ann, Wanted)
    assert isinstance(bo, Wanted)
    assert [coding.code for coding in (*ann.figure.relations, *ann.figure.roles)] == ["AUNT", "19"]
    assert [coding.code for coding in (*bo.figure.relations, *bo.figure.roles)] == ["20"]
    assert {"relations", "roles"} <= ann.provided
    assert isinstance(cis, Problem)
    assert (cis.code, cis.column) == ("sync-professional", "Relatie")


def test_a_uuid_is_a_key_although_nine_of_its_digits_would_pass_for_a_bsn(tmp_path: Path) -> None:
    key = "e121c096-c036-4227-94df-64ef7f383aa9"
    assert holds_bsn(key)
    kept, refused = read(written(tmp_path, f"EPD id;Figuur ID;Naam\n7;{key};Ann\n7;F-999990019;Bo\n"))
    assert isinstance(kept, Wanted)
    assert kept.key == key
    assert isinstance(refused, Problem)
    assert refused.code == "sync-bsn-in-figure"


def test_a_refused_row_keeps_its_key_when_that_is_a_uuid(tmp_path: Path) -> None:
    key = "e121c096-c036-4227-94df-64ef7f383aa9"
    path = written(tmp_path, f"EPD id;Figuur ID;Naam;Mobiel\n7;{key};Ann;06-1\n")
    problems = [item for item in read(path) if isinstance(item, Problem)]
    report = tmp_path / "rijen.csv"
    write_problems(report, open_csv(path).header, ("EPD id",), problems, "nl", source="jim")
    (found,) = read(written(tmp_path, report.read_text(encoding="utf-8-sig").replace("06-1;", "06-12345601;")))
    assert isinstance(found, Wanted)
    assert found.key == key


def test_roles_of_both_columns_count(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, "EPD id;Naam;Relatie;Rol\n7;Ann;buurvrouw;contactpersoon\n"))
    assert isinstance(found, Wanted)
    assert [coding.code for coding in found.figure.roles] == ["19", "23"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("31-05-2024", "2024-05-31"),
        ("1/2/2024", "2024-02-01"),
        ("2024-05-31", "2024-05-31"),
        ("2024-05-31T00:00:00", "2024-05-31"),
        ("05-2024", "2024-05"),
        ("2024", "2024"),
        ("mei 2024", "2024-05"),
        ("3 maart 2024", "2024-03-03"),
        ("1 oktober 2024", "2024-10-01"),
    ],
)
def test_dates_are_read_as_the_dutch_write_them(text: str, date: str) -> None:
    assert str(read_date(text)) == date


@pytest.mark.parametrize(
    ("text", "value", "use"),
    [
        ("06-12345678", "+31612345678", TelecomUse.MOBILE),
        ("020 555 1234", "+31205551234", TelecomUse.HOME),
        ("+32 470 12 34 56", "+32470123456", TelecomUse.MOBILE),
        ("0031612345678", "+31612345678", TelecomUse.MOBILE),
    ],
)
def test_telephone_numbers_become_e164(text: str, value: str, use: TelecomUse) -> None:
    found = read_phone(text)
    assert (found.value, found.use) == (value, use)


def test_a_cell_may_hold_several_words_and_a_phrase_stays_whole() -> None:
    words = Words("functions", {"sociaal en praktisch": "practical"})
    assert words.many("praktisch, gezelschap en advies") == ("practical", "company", "informational")
    assert words.many("sociaal en praktisch") == ("practical",)


@given(st.text(max_size=60))
def test_no_cell_can_break_a_reader(text: str) -> None:
    for reader in (read_date, read_phone, read_email, Words("kind", {}).many):
        with contextlib.suppress(BadCell):
            reader(text)


@given(st.binary(max_size=400))
def test_no_file_can_break_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("lijst") / "lijst.csv"
    path.write_bytes(b"Patient id;Naam\n" + raw)
    try:
        found = read(path)
    except InputError:
        return
    assert all(isinstance(item, Wanted | Problem) for item in found)


def test_the_example_list_is_read(tmp_path: Path) -> None:
    found = read(Path(__file__).parents[2] / "examples" / "steunfiguren.csv")
    assert [type(item).__name__ for item in found] == ["Wanted", "Wanted", "Wanted", "Problem", "Problem"]


def test_a_row_keeps_its_cells_out_of_its_repr(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, as_csv([row()])))
    assert "Amrani" not in repr(found)
