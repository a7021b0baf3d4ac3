"""The file that declares forms: what it says, and what is wrong with it in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.values import Formats, read_formats
from kpi_warehouse.landing.values.forms import CONFLICTS, FORMS
from kpi_warehouse.settings import PROJECT_DIR

HEADER = "system,object,column_name,kind,form,time_zone,note\n"


def _read(tmp_path: Path, *rows: str, header: str = HEADER) -> Formats:
    path = tmp_path / "source_formats.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows), "utf-8")
    return read_formats(path)


def test_the_projects_own_file_is_sound_and_knows_every_form_of_the_extracts():
    formats = read_formats(PROJECT_DIR / "seeds" / "sources" / "source_formats.csv")
    for system in ("generic", "planning", "salesforce", "miitel", "sendgrid"):
        for kind in ("timestamp", "date", "decimal", "integer", "phone"):
            assert formats.forms_of(system, "any", "any", kind)
    assert set(formats.forms_of("salesforce", "task", "subject", "null")) >= {"dash", "select"}
    assert formats.forms_of("generic", "leads", "company", "null") == {}


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        (["*,*,*,colour,red,,"], 2, "unknown kind 'colour'"),
        (["*,*,*,date,iso,,", "*,*,*,date,lunar,,"], 3, "unknown form 'lunar' of date"),
        (["*,*,*,date,zero,,"], 2, "unknown form 'zero'"),
        (["*,*,*,null,text:,,"], 2, "unknown form"),
        (["*,*,*,phone,region_atlantis,,"], 2, "unknown form 'region_atlantis'"),
        (["*,*,*,timestamp,iso,Asia/Edo,"], 2, "unknown time zone 'Asia/Edo'"),
        (["*,*,*,timestamp,iso,../../etc/passwd,"], 2, "unknown time zone"),
        (["*,*,*,timestamp,iso,Asia,"], 2, "unknown time zone"),
        (["*,*,*,timestamp,iso,,"], 2, "iso has no time_zone"),
        (["*,*,*,decimal,plain,UTC,"], 2, "a decimal has no time zone"),
        (["*,,*,date,iso,,"], 2, "object or column_name is empty"),
        (["*,*,*,date,iso"], 2, "has 5 fields, the header 7"),
        (["*,*,*,date,iso,,", "*,*,*,date,iso,,"], 3, "iso is declared twice"),
        (["*,*,*,phone,region_jp,,", "*,*,*,phone,region_us,,"], 3, "two regions"),
        (
            ["a,b,c,date,day_first,,", "*,*,*,date,iso,,", "a,b,c,date,month_first,,"],
            4,
            "day_first and month_first would read one text in two ways",
        ),
        (
            ["*,*,*,timestamp,month_first,UTC,", "*,*,*,timestamp,day_first,UTC,"],
            3,
            "day_first and month_first",
        ),
        (
            ["*,*,*,decimal,decimal_comma,,", "*,*,*,decimal,thousands,,"],
            3,
            "decimal_comma and thousands",
        ),
        (["*,*,*,integer,plain,,", "*,*,*,integer,decimal_comma,,"], 3, "decimal_comma and plain"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_row(tmp_path, rows, line, words):
    with pytest.raises(UserError) as error:
        _read(tmp_path, *rows)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'source_formats.csv'} line {line}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("header", ["", "system,object\n", "a,b,c,d,e,f,g\n"])
def test_another_file_is_refused(tmp_path, header):
    with pytest.raises(UserError, match="its header is system,object"):
        _read(tmp_path, header=header)


def test_a_missing_file_and_one_in_another_encoding(tmp_path):
    path = tmp_path / "source_formats.csv"
    with pytest.raises(UserError, match="is missing"):
        read_formats(path)
    path.write_bytes(HEADER.encode() + "*,*,*,null,text:未設定,,".encode("cp932"))
    with pytest.raises(UserError, match="is not CSV in UTF-8"):
        read_formats(path)


def test_the_narrowest_rows_of_a_kind_replace_the_wider_ones(tmp_path):
    formats = _read(
        tmp_path,
        "*,*,*,date,iso,,",
        "*,*,*,date,japanese,,",
        "crm,*,*,date,day_first,,",
        "crm,deal,*,date,month_first,,",
        "crm,deal,closed_on,date,excel_serial,,",
        "*,*,born_on,date,japanese_era,,",
        "crm,*,*,timestamp,iso,Asia/Tokyo,",
    )

    def forms(*column: str) -> set[str]:
        return set(formats.forms_of(*column, "date"))

    assert forms("other", "deal", "closed_on") == {"iso", "japanese"}
    assert forms("crm", "call", "closed_on") == {"day_first"}
    assert forms("crm", "deal", "opened_on") == {"month_first"}
    assert forms("crm", "deal", "closed_on") == {"excel_serial"}
    # a column outweighs a system
    assert forms("crm", "deal", "born_on") == {"japanese_era"}
    assert formats.forms_of("crm", "deal", "closed_on", "timestamp") == {"iso": "Asia/Tokyo"}
    assert formats.forms_of("other", "deal", "closed_on", "timestamp") == {}


def test_two_orders_are_fine_in_two_columns(tmp_path):
    formats = _read(
        tmp_path, "a,b,ours,date,day_first,,", "a,b,theirs,date,month_first,,", "*,*,*,date,iso,,"
    )
    assert set(formats.forms_of("a", "b", "ours", "date")) == {"day_first"}


def test_the_fingerprint_follows_what_is_said_of_an_object(tmp_path):
    base = ["*,*,*,date,iso,,", "crm,*,*,date,day_first,,"]
    before = _read(tmp_path, *base)
    after = _read(tmp_path, *base, "crm,deal,closed_on,date,iso,,a note")
    noted = _read(tmp_path, *base, "crm,deal,closed_on,date,iso,,another note")
    assert after.fingerprint("crm", "deal") != before.fingerprint("crm", "deal")
    assert after.fingerprint("crm", "deal") == noted.fingerprint("crm", "deal")
    assert after.fingerprint("crm", "call") == before.fingerprint("crm", "call")
    assert after.fingerprint("other", "deal") == before.fingerprint("other", "deal")
    assert before.fingerprint("crm", "deal") != before.fingerprint("other", "deal")


def test_nothing_declared_means_that_nothing_is_touched(tmp_path):
    values = _read(tmp_path).for_file("crm", "deal", "deal.csv")
    for data_type in ("text", "phone", "boolean"):
        assert values.expression("value", data_type, "value", "1") == "value"


def test_conflicts_name_forms_that_exist():
    for kind, conflicts in CONFLICTS.items():
        for conflict in conflicts:
            assert conflict <= FORMS[kind]
