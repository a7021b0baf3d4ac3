"""What cannot be read becomes a finding; the rest of the file, and of the folder, loads."""

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
LAST = "z,9,web,x\n"
REGISTRY = Path(__file__).parents[2] / "seeds" / "registry" / "kpi_definitions.csv"
PRIVATE = "秘密secret"


def findings(folder) -> list[tuple]:
    """What landing found: file, row, column, rule, fate, rows."""
    table = pq.read_table(folder.landing / "_row_findings")
    return [
        tuple(row[name] for name in ("row_number", "column_name", "rule", "fate", "row_count"))
        for row in sorted(table.to_pylist(), key=lambda row: (row["row_number"] or 0, row["rule"]))
    ]


def account(folder, name: str) -> dict:
    """The row of the account of files about one file."""
    rows = pq.read_table(folder.landing / "_files").to_pylist()
    (found,) = (row for row in rows if row["file_name"] == name)
    return found


def check_account(folder) -> None:
    """Records read are rows landed and rows left out, file by file; nothing quotes a value."""
    everything = pq.read_table(folder.landing / "_row_findings").to_pylist()
    for row in pq.read_table(folder.landing / "_files").to_pylist():
        left_out = sum(
            found["row_count"]
            for found in everything
            if found["file_name"] == row["file_name"] and found["fate"]
        )
        if row["status"] == "landed":
            assert row["record_count"] == row["row_count"] + left_out
        else:
            assert row["record_count"] is None
            assert row["row_count"] == left_out == 0
    assert "secret" not in str(everything) + "".join(folder.lines)


# ------------------------------------------------------------------------- rows that are left out


ROWS = {
    "too few fields": ("b,2\n", [(2, "ragged_row")]),
    "too many fields": (f"b,2,web,x,{PRIVATE}\n", [(2, "ragged_row")]),
    "surplus empty fields": ("b,2,web,x,,\n", []),
    "quote that stays open": (f'b,2,web,"{PRIVATE}\n', [(2, "open_quote")]),
    "quote that ends too soon": (f'b,2,"{PRIVATE}"x,y\n', [(2, "open_quote")]),
    "quote within a field": ('b,2,5" pipe,x\n', []),
    "value of 1 MB": (f"b,2,{'x' * 1_100_000},x\n", [(2, "oversized_field")]),
    "line of 5 MB": (f"b,2,{'x' * 5_000_000},x\n", [(2, "oversized_field")]),
    "value of 1 MB in Japanese": (f"b,2,{'社' * 400_000},x\n", [(2, "oversized_field")]),
    "null byte": (f"b,2,{PRIVATE}\0,x\n", [(2, "null_byte")]),
    "mojibake of CP932": ("b,2,web,譬ｪ蠑丈ｼ夂､ｾ\n", [(2, "mojibake")]),
    "mojibake that is cut": ("b,2,web,譬ｪ蠑\n", [(2, "mojibake")]),
    "mojibake of Windows-1252": ("b,2,web,æ\xa0ªå¼\x8f\n", [(2, "mojibake")]),
    "replacement character": ("b,2,web,x\ufffd\n", [(2, "mojibake")]),
    "header again": (HEADER, [(2, "repeated_header")]),
    "header again with its mark": ("\ufeff" + HEADER, [(2, "repeated_header")]),
    "subtotal": ("小計,,,100\n", [(2, "footer_line")]),
    "total of records": ("Grand Total (2 records),,,\n", [(2, "footer_line")]),
    "one cell that is no key": (",,,株式会社サンプル\n", [(2, "footer_line")]),
    "copyright in one cell": ('"Copyright (c) 2026 secret, inc."\n', [(2, "footer_line")]),
    "made by": ("作成者: secret 2026/4/1 9:00\n", [(2, "footer_line")]),
    "confidential": ("機密情報 - 配布禁止\n", [(2, "footer_line")]),
    "empty cells": (",,,\n", [(2, "blank_line")]),
    "empty line": ("\n", []),
    "line of blanks": ("   \n", []),
    "line end of another system": ("b,2,web,x\r\n", []),
    "line end of an old one": ("b,2,web,x\r", []),
}


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16"])
@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row_is_a_finding_and_the_others_load(folder, landed, case, encoding):
    line, expected = ROWS[case]
    if (case, encoding) == ("mojibake of CP932", "cp932"):
        pytest.skip("is good UTF-8 again")
    try:
        content = (GOOD + line + LAST).encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("has no such characters")
    folder.write("generic/leads.csv", content)
    folder.land()
    kept = [("a",), ("z",)] if expected or not line.strip() else [("a",), ("b",), ("z",)]
    assert landed("generic/leads", "lead_id") == kept
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == expected
    check_account(folder)
    # numbers count the bad rows; blank lines are none
    last = 3 if line.strip() else 2
    assert landed("generic/leads", "_row_number")[-1] == (last,)
    assert account(folder, "generic/leads.csv")["record_count"] == last


def test_the_column_of_mojibake_is_named(folder):
    folder.write("generic/leads.csv", GOOD + "b,2,web,譬ｪ蠑丈ｼ夂､ｾ\n")
    folder.land()
    assert findings(folder) == [(2, "company", "mojibake", "rejected", 1)]


@pytest.mark.parametrize(
    "company",
    [
        "莉子",
        "莉々花",
        "繁田繊維",
        "㈱髙﨑",
        "ｱｲｳｴｵ",
        "ﾃｱ商事",
        "café",
        "Ｔｏｔａｌ",
        "縺れ",
        "東京都千代田区",
    ],
)
def test_rare_but_good_text_is_no_mojibake(folder, landed, company):
    folder.write("generic/leads.csv", GOOD + f"b,2,web,{company}\n")
    folder.land()
    assert landed("generic/leads", "company") == [("x",), (company,)]


@pytest.mark.parametrize(
    "text",
    [
        "株式会社サンプル商事",
        "あいう",
        "テスト",
        "東京",
        "担当者不在、改めて架電",
        "受付の方に伝言",
    ],
)
def test_japanese_decoded_wrongly_is_mojibake(folder, text):
    wrong = text.encode().decode("cp932", "ignore")
    folder.write("generic/leads.csv", GOOD + f"b,2,web,{wrong}\n")
    folder.land()
    assert [rule for _, _, rule, _, _ in findings(folder)] == ["mojibake"]


def test_mojibake_is_found_in_a_large_file(folder):
    body = "".join(f"{number},2025-04-01,web,株式会社サンプル\n" for number in range(150_000))
    folder.write("generic/leads.csv", HEADER + body + "b,2,web,譬ｪ蠑丈ｼ夂､ｾ\n")
    folder.land()
    assert findings(folder) == [(150_001, "company", "mojibake", "rejected", 1)]


def test_a_company_named_like_a_total_is_no_footer(folder, landed):
    folder.write("generic/leads.csv", "company,lead_id,created_at\nTotal,a,1\n合計,b,1\n")
    folder.land()
    assert landed("generic/leads", "company") == [("Total",), ("合計",)]


def test_a_row_whose_values_do_not_land_is_no_blank_line(folder, landed):
    folder.write("generic/leads.csv", "lead_id,created_at,other,more\na,1,x,y\n,,x,y\n,,x,\n,,,\n")
    folder.land()
    assert landed("generic/leads", "lead_id, _row_number") == [("a", 1), (None, 2)]
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [
        (3, "footer_line"),
        (4, "blank_line"),
    ]


def test_thousands_of_empty_lines_are_one_finding(folder):
    folder.write("generic/leads.csv", GOOD + ",,,\n" * 3000)
    folder.land()
    assert findings(folder) == [(2, None, "blank_line", "excluded", 3000)]
    check_account(folder)


def test_the_footer_of_a_report_is_excluded_as_a_whole(folder, landed):
    footer = '\n"機密情報 - 配布禁止"\n"Copyright © 2026 secret"\n"作成者: secret"\n"secret KK"\n'
    folder.write("generic/leads.csv", GOOD + "合計,,,2\n" + footer)
    folder.land()
    assert landed("generic/leads", "lead_id") == [("a",)]
    assert {(rule, fate) for _, _, rule, fate, _ in findings(folder)} == {
        ("footer_line", "excluded")
    }
    check_account(folder)


def test_a_torn_row_in_the_middle_is_no_footer(folder):
    folder.write("generic/leads.csv", GOOD + "\nb\n" + LAST)
    folder.land()
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [(2, "ragged_row")]
    check_account(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_a_line_in_another_encoding_is_left_out(folder, landed, encoding):
    other = {"utf-8": "cp932", "cp932": "utf-8"}[encoding]
    lines = [f"{number},1,web,株式会社あいうえお\n".encode(encoding) for number in range(9)]
    bad = "b,1,web,会社の秘密secret\n".encode(other)
    folder.write("generic/leads.csv", HEADER.encode() + b"".join([*lines, bad, *lines]))
    folder.land()
    assert len(landed("generic/leads", "lead_id")) in (18, 19)
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] in (
        [(10, "undecodable_row")],
        [(10, "mojibake")],
    )
    assert account(folder, "generic/leads.csv")["encoding"] == encoding
    check_account(folder)


def test_bytes_that_the_code_page_does_not_define_are_not_made_up(folder, landed):
    good = "a,1,web,会社\n".encode("cp932")
    folder.write("generic/leads.csv", HEADER.encode() + good + b"b,1,web,\xa0\xfdx\n" + good)
    folder.land()
    assert landed("generic/leads", "company") == [("会社",), ("会社",)]
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [(2, "undecodable_row")]


@pytest.mark.parametrize(
    "tail", ["b,2", "b", 'b,2,web,"x', 'b,2,web,"two\nlines of', "b,2,web,\udce6"]
)
def test_a_file_that_is_cut_off(folder, landed, tail):
    content = (GOOD + LAST + tail).encode("utf-8", "surrogateescape")
    folder.write("generic/leads.csv", content)
    folder.land()
    assert landed("generic/leads", "lead_id") == [("a",), ("z",)]
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [(3, "cut_off_row")]
    check_account(folder)


def test_a_quote_left_open_costs_one_line(folder, landed):
    body = "".join(f"{number},1,web,x\n" for number in range(3000))
    folder.write("generic/leads.csv", GOOD + 'b,2,web,"x\n' + body + '"c",2,web,"x"\n')
    folder.land()
    assert len(landed("generic/leads", "lead_id")) == 3002
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [(2, "open_quote")]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
@pytest.mark.parametrize("size", [1_100_000, 3_000_000, 9_000_000])
def test_a_last_line_that_is_far_too_long_is_not_lost(folder, landed, suffix, size):
    content = (GOOD + "b,2,web," + "x" * size).encode()
    if suffix.endswith("gz"):
        content = gzip.compress(content, mtime=0)
    folder.write(f"generic/leads.{suffix}", content)
    folder.land()
    assert landed("generic/leads", "lead_id") == [("a",)]
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [(2, "oversized_field")]
    check_account(folder)


def test_both_readers_take_a_quote_after_a_blank_for_one(folder, landed):
    for name, more in {"leads_strict": "", "leads_tolerant": "torn\n"}.items():
        folder.write(f"generic/{name}.csv", GOOD + 'b,2, "x, y",z\n' + more)
    folder.land()
    assert landed("generic/leads", "source")[1::2] == [("x, y",), ("x, y",)]


def test_values_of_several_lines_survive_beside_a_bad_row(folder, landed):
    folder.write("generic/leads.csv", GOOD + 'b,2,web,"two\nlines, ""so"""\nbad\n' + LAST)
    folder.land()
    assert landed("generic/leads", "company, _row_number") == [
        ("x", 1),
        ('two\nlines, "so"', 2),
        ("x", 4),
    ]


def test_many_bad_rows_do_not_fill_the_memory_with_findings(folder):
    folder.write("generic/leads.csv", GOOD + "b,1\n" * 120_000)
    report = folder.land()
    assert report.findings.rejected == {"ragged_row": 120_000}
    assert len(findings(folder)) == 120_000
    check_account(folder)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("{not json", "not_json"),
        ("5", "not_json"),
        ('[{"lead_id":"secret"}]', "not_json"),
        ('{"lead_id":"b","created_at":"1"', "not_json"),
        ('{"lead_id":"b","created_at":"1","company":"\0"}', "null_byte"),
        ('{"lead_id":"b","created_at":"1","company":"\\u0000"}', "null_byte"),
        ('{"lead_id":"b","created_at":"1","company":"譬ｪ蠑丈ｼ夂､ｾ"}', "mojibake"),
        ('{"lead_id":"b","company":"' + "x" * 1_100_000 + '"}', "oversized_field"),
        ('{"lead_id":"b","company":"\udcff"}', "undecodable_row"),
    ],
    ids=lambda value: value[:40],
)
def test_a_bad_line_of_json(folder, landed, line, rule):
    good = '{"lead_id":"%s","created_at":"1"}\n'
    content = (good % "a" + line + "\n\n" + good % "z").encode("utf-8", "surrogateescape")
    folder.write("generic/leads.jsonl", content)
    folder.land()
    assert landed("generic/leads", "lead_id, _row_number") == [("a", 1), ("z", 3)]
    assert [(row, found) for row, _, found, _, _ in findings(folder)] == [(2, rule)]
    check_account(folder)


@pytest.mark.parametrize("cut", ["in a line", "after a line"])
def test_a_gzip_file_that_is_cut_off_loads_to_the_cut(folder, landed, cut):
    body = "".join(f"{number},1,web,{number * 7919}\n" for number in range(50_000))
    packed = gzip.compress((HEADER + body).encode())
    folder.write("generic/leads.csv.gz", packed[: len(packed) // 2])
    folder.land()
    ids = [row[0] for row in landed("generic/leads", "lead_id")]
    assert 10_000 < len(ids) < 40_000
    assert ids == [str(number) for number in range(len(ids))]
    rules = {rule for _, _, rule, _, _ in findings(folder)}
    assert "file_cut_off" in rules
    assert rules <= {"file_cut_off", "cut_off_row"}
    check_account(folder)


def test_a_damaged_place_in_parquet_text(folder, tmp_path):
    path = folder.extracts / "generic" / "leads.parquet"
    companies = ["x", "譬ｪ蠑丈ｼ夂､ｾ", "a\0b", "x" * 1_100_000]
    pq.write_table(
        pa.table({"lead_id": list("abcd"), "created_at": ["1"] * 4, "company": companies}), path
    )
    folder.land()
    assert [(row, rule) for row, _, rule, _, _ in findings(folder)] == [
        (2, "mojibake"),
        (3, "null_byte"),
        (4, "oversized_field"),
    ]
    check_account(folder)


# ----------------------------------------------------------------------------- columns of a file


def test_two_columns_that_mean_the_same(folder, landed):
    folder.write("generic/leads.csv", "Lead ID,CreatedAt,lead_id,created_at\na,1,b,2\n")
    folder.land()
    assert landed("generic/leads", "lead_id, created_at") == [("b", "2")]
    assert findings(folder) == [
        (None, "created_at", "column_twice", None, 1),
        (None, "lead_id", "column_twice", None, 1),
    ] or {found[1] for found in findings(folder)} == {"created_at", "lead_id"}
    check_account(folder)


# ------------------------------------------------------------------------------- refused files


REFUSED = {
    "missing column": ("lead_id,source\na,web\n", "file_without_mandatory_column"),
    "missing columns": ("source\nweb\n", "file_without_mandatory_column"),
    "no header": ("a,1,web,x\n", "file_without_header"),
    "header with a stray quote": ('"lead_id"x,created_at\n', "file_without_header"),
    "one long word": ("x" * 2_000_000, "file_without_header"),
    "empty": ("", "file_empty"),
    "blank": ("\n \n", "file_empty"),
    "byte order mark": ("\ufeff", "file_empty"),
    "byte order mark of UTF-16": (b"\xff\xfe", "file_empty"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0secret", "file_not_text"),
    "workbook": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "file_not_text"),
    "control characters": (bytes(range(1, 32)) * 9, "file_not_text"),
    "header that is no text": (b"lead_id,created_at,\xff\xff\na,1,x\n", "file_not_text"),
}


def refusal(folder, name: str, content: str | bytes) -> str:
    """Land this file beside a good one: it is refused, with one line; returns the line."""
    folder.write(name, content)
    folder.write("generic/leads_good.csv", GOOD)
    report = folder.land()
    assert report.refused == (name,)
    assert report.row_count == 1
    (line,) = (line for line in folder.lines if line.startswith(f"  refused {name}: "))
    assert "\n" not in line
    assert "secret" not in line
    check_account(folder)
    found = account(folder, name)
    assert found["status"] == "refused"
    assert line.startswith(f"  refused {name}: {found['refusal_rule']}: ")
    return line.removeprefix(f"  refused {name}: ")


@pytest.mark.parametrize("case", REFUSED)
def test_a_csv_file_that_cannot_be_understood_is_refused(folder, case):
    content, rule = REFUSED[case]
    assert refusal(folder, "generic/leads.csv", content).startswith(f"{rule}: ")


def test_a_refusal_says_what_how_to_mend_it(folder):
    assert refusal(folder, "generic/leads.csv", "lead_id,source\na,web\n") == (
        "file_without_mandatory_column: mandatory column created_at missing; "
        "leads needs lead_id, created_at"
    )


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file_empty"),
        (gzip.compress(b"", mtime=0), "file_empty"),
        (b"not gzip", "file_not_gzip"),
        (gzip.compress(GOOD.encode() * 1000, mtime=0)[:12], "file_not_gzip"),
        (gzip.compress(b"\0" * 1000, mtime=0), "file_not_text"),
    ],
)
def test_a_gzip_file_that_cannot_be_understood_is_refused(folder, content, rule):
    assert refusal(folder, "generic/leads.csv.gz", content).startswith(f"{rule}: ")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "file_empty"),
        ("\n\n", "file_empty"),
        ('{"lead_id":"a"}\n', "file_without_mandatory_column"),
        ('{"secret":"a"}\n', "file_without_header"),
        ("secret\n", "file_without_header"),
    ],
)
def test_a_jsonl_file_that_cannot_be_understood_is_refused(folder, content, rule):
    assert refusal(folder, "generic/leads.jsonl", content).startswith(f"{rule}: ")


def test_a_damaged_parquet_file_is_refused(folder, tmp_path):
    path = tmp_path / "good.parquet"
    pq.write_table(pa.table({"lead_id": ["secret"] * 99, "created_at": ["1"] * 99}), path)
    pages = bytearray(path.read_bytes())
    pages[4:60] = b"\xff" * 56
    for content in (b"PAR1", b"not parquet", b"PAR1" + b"x" * 99 + b"PAR1", bytes(pages)):
        line = refusal(folder, "generic/leads.parquet", content)
        assert line.startswith("file_not_parquet: ")
    pq.write_table(pa.table({"lead_id": ["a"]}), path)
    line = refusal(folder, "generic/leads.parquet", path.read_bytes())
    assert line.startswith("file_without_mandatory_column: ")


def test_nothing_of_a_refused_file_is_left_and_a_mended_one_lands(folder, landed):
    folder.write("generic/leads.csv", GOOD + "b,1\n")
    folder.land()
    assert findings(folder)
    folder.write("generic/leads.csv", "")
    assert folder.land().refused == ("generic/leads.csv",)
    assert landed("generic/leads") == []
    assert findings(folder) == []
    assert not folder.land().landed_any
    assert [line for line in folder.lines if "refused generic/leads.csv: file_empty" in line]
    folder.write("generic/leads.csv", GOOD)
    assert folder.land().read == ("generic/leads.csv",)
    assert landed("generic/leads", "lead_id") == [("a",)]


def test_findings_of_an_unchanged_file_stay(folder):
    folder.write("generic/leads.csv", GOOD + "b,1\n")
    first = folder.land()
    before = findings(folder)
    second = folder.land()
    assert second.unchanged == ("generic/leads.csv",)
    assert (second.findings, second.record_count) == (first.findings, 2)
    assert findings(folder) == before
    assert "  generic/leads.csv: 1 ragged_row rejected" in folder.lines
    check_account(folder)


def test_findings_of_a_removed_file_are_removed(folder):
    path = folder.write("generic/leads.csv", GOOD + "b,1\n")
    folder.write("generic/leads_2.csv", GOOD)
    folder.land()
    path.unlink()
    folder.land()
    assert findings(folder) == []


def test_a_file_that_changes_while_it_is_read_is_refused(folder, landed, monkeypatch):
    path = folder.write("generic/leads.csv", GOOD)
    from kpi_warehouse.landing import encodings

    survey = encodings.survey

    def survey_and_append(*arguments):
        found = survey(*arguments)
        path.write_text(GOOD + LAST)
        return found

    monkeypatch.setattr(encodings, "survey", survey_and_append)
    assert folder.land().refused == ("generic/leads.csv",)
    assert account(folder, "generic/leads.csv")["refusal_rule"] == "file_changed_while_read"
    monkeypatch.undo()
    folder.land()
    assert landed("generic/leads", "lead_id") == [("a",), ("z",)]


def test_a_file_without_permission_is_refused(folder, monkeypatch):
    path = folder.write("generic/leads.csv", GOOD)
    folder.write("generic/leads_good.csv", GOOD)
    real = Path.open

    def open_or_deny(self, *arguments, **options):
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_or_deny)
    assert folder.land().refused == ("generic/leads.csv",)
    assert account(folder, "generic/leads.csv")["refusal_rule"] == "file_not_readable"


# ------------------------------------------------------------------- what a person has to mend


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
