"""What a person can put right is said in one line that names the place and the remedy."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing import check_targets, find_files

HEADER = "lead_id,created_at,source,company\n"
GOOD = HEADER + "a,1,web,x\n"
REGISTRY = Path(__file__).parents[2] / "seeds" / "registry" / "kpi_definitions.csv"


def complaint(folder, name: str, content: str | bytes) -> UserError:
    """The error that landing this file raises, which is one line and quotes no value."""
    path = folder.write(name, content)
    with pytest.raises(UserError) as raised:
        folder.land()
    error = raised.value
    assert error.where == str(path)
    assert error.mend
    assert "\n" not in str(error)
    assert "secret" not in error.what + error.mend
    return error


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("lead_id,source\na,web\n", "mandatory column created_at missing"),
        ("source\nweb\n", "mandatory columns lead_id, created_at missing"),
        ("lead_id,created_at,LEAD_ID\na,1,b\n", "two columns lead_id"),
        ("lead_id;created_at\na;1\n", "not separated by commas"),
        ("lead_id\tcreated_at\na\t1\n", "not separated by commas"),
        ("", "empty (0 bytes)"),
        ("\n \n", "empty, not even a header line"),
        ("\ufeff", "empty, not even a header line"),
        (b"\x89PNG\r\n\x1a\n\0\0\0secret", "not text in UTF-8 (byte 9 is binary)"),
        (GOOD.encode("utf-16"), "not text in UTF-8 (byte 4 is binary)"),
        (GOOD.encode() * 50_000 + b"\0", "not text in UTF-8 (byte 2200001 is binary)"),
        ("会社,lead_id,created_at\n".encode("cp932"), "line 1 is not UTF-8"),
        (GOOD.encode() + "b,1,web,会社secret\n".encode("cp932"), "line 3 is not UTF-8"),
        (GOOD + "b,1\n", "line 3 has 2 fields, the header 4"),
        (GOOD + "b,1,web,x,secret\n", "line 3 has 5 fields, the header 4"),
        (GOOD + 'b,1,web,"secret\n', "line 3 has a quote that does not end its field"),
        (GOOD + 'b,1,"secret"x,y\n', "line 3 has a quote that does not end its field"),
        (GOOD + f"b,1,{'secret' * 400_000},x\n", "line 3 is longer than 2 MB"),
        (HEADER + "a,1,web,x\r\nb,2,web,secret\n", "a line is not CSV"),
        ('"lead_id"x,created_at\n', "not CSV (line 1 cannot be parsed)"),
        ("x" * 2_000_000, "not CSV (line 1 cannot be parsed)"),
    ],
)
def test_csv(folder, content, what):
    assert complaint(folder, "generic/leads.csv", content).what == what


def test_the_columns_that_an_object_needs_are_named(folder):
    error = complaint(folder, "generic/leads.csv", "lead_id,source\na,web\n")
    assert error.mend == "leads needs lead_id, created_at"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty (0 bytes)"),
        (gzip.compress(b""), "empty, not even a header line"),
        (b"not gzip", "not gzip, or cut off"),
        (gzip.compress(GOOD.encode() * 1000)[:60], "not gzip, or cut off"),
        (gzip.compress(b"lead_id,created_at\n\0"), "not text in UTF-8 (byte 20 is binary)"),
        (gzip.compress((GOOD + "b,1\n").encode()), "line 3 has 2 fields, the header 4"),
    ],
)
def test_gzipped_csv(folder, content, what):
    assert complaint(folder, "generic/leads.csv.gz", content).what == what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "empty (0 bytes)"),
        ("\n\n", "holds no record"),
        ('{"lead_id":"a"}\n', "mandatory column created_at missing"),
        ('{"lead_id":"a","created_at":1}\n{"lead_id":"secret\n', "line 2 is not JSON in UTF-8"),
        (b'{"lead_id":"\xff","created_at":1}\n', "line 1 is not JSON in UTF-8"),
        ('[{"lead_id":"secret","created_at":1}]\n', "a line holds no JSON object"),
        ('{"lead_id":"a","created_at":1}\n5\n', "a line holds no JSON object"),
        ('\ufeff{"lead_id":"a","created_at":1}\n', "begins with a byte order mark"),
        ('{"lead_id":"a","created_at":1}\n\0', "not text in UTF-8 (byte 32 is binary)"),
    ],
)
def test_jsonl(folder, content, what):
    assert complaint(folder, "generic/leads.jsonl", content).what == what


def test_the_line_of_a_large_jsonl_file_is_the_right_one(folder):
    line = '{"lead_id":"a","created_at":1}\n'
    content = line * 150_000 + '{"lead_id"\n' + line * 150_000
    error = complaint(folder, "generic/leads.jsonl", content)
    assert error.what == "line 150001 is not JSON in UTF-8"


@pytest.mark.parametrize(
    "content", [b"PAR1", b"not parquet, secret", b"PAR1" + b"x" * 99 + b"PAR1"]
)
def test_damaged_parquet(folder, content):
    error = complaint(folder, "generic/leads.parquet", content)
    assert error.what == "not Parquet, or damaged"


def test_parquet_with_damaged_pages(folder, tmp_path):
    path = tmp_path / "good.parquet"
    pq.write_table(pa.table({"lead_id": ["secret"] * 99, "created_at": ["1"] * 99}), path)
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    error = complaint(folder, "generic/leads.parquet", bytes(content))
    assert error.what == "not Parquet, or damaged"


def test_parquet_without_a_mandatory_column(folder, tmp_path):
    path = tmp_path / "good.parquet"
    pq.write_table(pa.table({"lead_id": ["a"]}), path)
    error = complaint(folder, "generic/leads.parquet", path.read_bytes())
    assert error.what == "mandatory column created_at missing"


def test_a_bad_file_keeps_what_was_landed_before(folder, landed):
    folder.write("generic/leads.csv", GOOD)
    folder.land()
    complaint(folder, "generic/leads.csv", GOOD + "b,1\n")
    assert landed("generic/leads", "lead_id") == [("a",)]
    folder.write("generic/leads.csv", GOOD)
    assert folder.land().read == ("generic/leads.csv",)


def test_a_file_that_changes_while_it_is_read(folder, monkeypatch):
    path = folder.write("generic/leads.csv", GOOD)

    def hash_and_append(file):
        path.write_text(GOOD + "b,1,web,x\n")
        return "0" * 64

    monkeypatch.setattr("kpi_warehouse.landing.runner.hash_file", hash_and_append)
    with pytest.raises(UserError, match="changed while it was read"):
        folder.land()


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "of unknown systems"])
def test_extracts_that_are_none(folder, tmp_path, kind):
    extracts = {"missing": tmp_path / "nowhere", "a file": tmp_path / "file"}.get(
        kind, folder.extracts
    )
    (tmp_path / "file").write_text("x")
    if kind == "of unknown systems":
        folder.write("crm/leads.csv", GOOD)
    what = "no such folder" if kind in ("missing", "a file") else "no file of a known object"
    with pytest.raises(UserError, match=re.escape(what)) as raised:
        find_files(extracts, folder.layouts)
    assert raised.value.where == str(extracts)


def test_targets_name_known_kpis_in_any_case(folder):
    folder.write("planning/targets.csv", "kpi_id,month\n Meetings ,2025-04\nwin_rate,2025-04\n,\n")
    folder.land()
    check_targets(folder.landing, REGISTRY)


def test_no_targets_are_no_unknown_kpis(folder):
    folder.write("generic/leads.csv", GOOD)
    folder.land()
    check_targets(folder.landing, REGISTRY)


def test_an_unknown_kpi_in_a_target_is_named_with_its_file_and_row(folder):
    folder.write("planning/targets.csv", "kpi_id,month\nmeetings,2025-04\nsales,2025-04\n")
    folder.write("planning/targets_b.csv", "kpi_id,month\nx,2025-04\n")
    folder.land()
    with pytest.raises(UserError) as raised:
        check_targets(folder.landing, REGISTRY)
    assert raised.value.what == "unknown KPI sales in row 2 and 1 more rows"
    assert raised.value.where == "planning/targets.csv"
    assert raised.value.mend == "correct it, or define it in registry/kpi_definitions.csv"
