"""Every format lands as the text that it holds."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

VALUES = "lead_id, created_at, source, company"
HEADER = "lead_id,created_at,source,company\n"


def test_ids_keep_leading_zeros_and_nineteen_digits(folder, landed):
    folder.write("generic/leads.csv", HEADER + "007,2025-04-01,,\n1234567890123456789,2025-04-01,,")
    folder.land()
    assert landed("generic/leads", "lead_id") == [("007",), ("1234567890123456789",)]


def test_empty_texts_are_null_and_everything_else_is_kept(folder, landed):
    folder.write("generic/leads.csv", HEADER + 'a,"", ,NULL\n')
    folder.land()
    assert landed("generic/leads", VALUES) == [("a", None, " ", "NULL")]


def test_rows_know_their_file_number_and_hash(folder, landed):
    content = HEADER + "a,1,,\nb,2,,\n"
    folder.write("generic/leads.csv", content)
    folder.land()
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert landed("generic/leads", "lead_id, _file_name, _row_number, _file_hash") == [
        ("a", "generic/leads.csv", 1, digest),
        ("b", "generic/leads.csv", 2, digest),
    ]


def test_row_numbers_follow_the_file_over_many_batches(folder, landed):
    count = 150_000
    body = "".join(f"{number},2025-04-01,,\n" for number in range(1, count + 1))
    folder.write("generic/leads.csv", HEADER + body)
    folder.land()
    misnumbered = [
        row for row in landed("generic/leads", "_row_number, lead_id") if str(row[0]) != row[1]
    ]
    assert len(landed("generic/leads", "lead_id")) == count
    assert misnumbered == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeff" + HEADER + "a,1,web,x\n", [("a", "1", "web", "x")]),
        (HEADER.replace("\n", "\r\n") + "a,1,web,x\r\n", [("a", "1", "web", "x")]),
        ("\n\n" + HEADER + "a,1,web,x\n\n", [("a", "1", "web", "x")]),
        (HEADER + 'a,1,web,"two\nlines, ""quoted"""', [("a", "1", "web", 'two\nlines, "quoted"')]),
        (" Lead_ID ,CREATED_AT\na,1\n", [("a", "1", None, None)]),
        ('"further\ncolumn",created_at,lead_id\nx,1,a\n', [("a", "1", None, None)]),
        (HEADER + "a,1,web,=cmd()\n", [("a", "1", "web", "=cmd()")]),
        (HEADER + "a,1,web,'; drop table x --\n", [("a", "1", "web", "'; drop table x --")]),
        (HEADER, []),
        (HEADER.strip(), []),
    ],
    ids=[
        "byte order mark",
        "windows line ends",
        "blank lines",
        "line break and quotes in a value",
        "header in other case, optional columns missing",
        "unknown column dropped, line break in the header",
        "formula",
        "sql",
        "header only",
        "header only, no line end",
    ],
)
def test_csv_variants(folder, landed, text, expected):
    folder.write("generic/leads.csv", text)
    folder.land()
    assert landed("generic/leads", VALUES) == expected


def test_column_names_from_a_file_never_become_sql(folder, landed):
    folder.write("generic/leads.csv", 'lead_id,"x"" as y; drop table t; --",created_at\na,b,1\n')
    folder.land()
    assert landed("generic/leads", VALUES) == [("a", "1", None, None)]


def test_gzip_is_read_like_the_plain_file(folder, landed):
    folder.write("generic/leads.csv.gz", gzip.compress((HEADER + "a,1,web,x\n").encode()))
    folder.write("generic/leads_2.jsonl.gz", gzip.compress(b'{"lead_id":"b","created_at":"2"}\n'))
    folder.land()
    assert landed("generic/leads", "lead_id, _file_name") == [
        ("a", "generic/leads.csv.gz"),
        ("b", "generic/leads_2.jsonl.gz"),
    ]


def test_jsonl_values_are_the_text_they_are_written_as(folder, landed):
    records = [
        {"lead_id": 1234567890123456789, "created_at": "2025-04-01", "source": None, "other": 1},
        {"lead_id": "007", "created_at": 1.5, "source": "", "company": {"name": "社"}},
        {"LEAD_ID": True, "Created_At": 0, "company": "two\nlines"},
    ]
    lines = (json.dumps(record, ensure_ascii=False) + "\n\n" for record in records)
    folder.write("generic/leads.jsonl", "".join(lines))
    folder.land()
    assert landed("generic/leads", VALUES + ", _row_number") == [
        ("1234567890123456789", "2025-04-01", None, None, 1),
        ("007", "1.5", None, '{"name":"社"}', 2),
        ("true", "0", None, "two\nlines", 3),
    ]


def test_parquet_values_become_text_without_loss(folder, landed):
    table = pa.table(
        {
            "further": [1, 2],
            "lead_id": pa.array([1234567890123456789, 7], pa.int64()),
            "created_at": pa.array(
                [dt.datetime(2025, 4, 1, 9, 30, 0, 5000), None], pa.timestamp("us")
            ),
            "source": pa.array(
                [dt.datetime(2025, 4, 1, 0, 30), None], pa.timestamp("us", "Asia/Tokyo")
            ),
            "Company": pa.array([b"\xe7\xa4\xbe", b""], pa.binary()),
        }
    )
    pq.write_table(table, folder.extracts / "generic" / "leads.parquet")
    folder.land()
    assert landed("generic/leads", VALUES) == [
        ("1234567890123456789", "2025-04-01 09:30:00.005", "2025-04-01 00:30:00", "社"),
        ("7", None, None, None),
    ]


@pytest.mark.parametrize(
    "name", ["leads [1].csv", "leads*.csv", "leads?.csv", "leads'x.csv", "leads 社内=1.csv"]
)
def test_file_names_are_taken_literally(folder, landed, name):
    folder.write("generic/leads.csv", HEADER + "other,1,,\n")
    folder.write(f"generic/{name}", HEADER + "a,1,,\n")
    folder.land()
    assert ("a", f"generic/{name}") in landed("generic/leads", "lead_id, _file_name")
    assert len(landed("generic/leads")) == 2


def test_every_landed_file_has_the_columns_of_the_interface(folder):
    folder.write("generic/leads.csv", "created_at,lead_id\n1,a\n")
    folder.land()
    expected = [
        *((column, "VARCHAR") for column in VALUES.split(", ")),
        ("_file_name", "VARCHAR"),
        ("_row_number", "BIGINT"),
        ("_file_hash", "VARCHAR"),
    ]
    for name in ("leads.csv.parquet", "_schema.parquet"):
        path = str(folder.landing / "generic" / "leads" / name)
        described = duckdb.execute("describe from read_parquet($path)", {"path": path}).fetchall()
        assert [row[:2] for row in described] == expected
