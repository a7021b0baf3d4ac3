"""Which column a header means, and what a file without some of them becomes."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kpi_warehouse.landing import ColumnLabels, Conventions, ObjectLayout, land, read_labels
from kpi_warehouse.landing.conventions import project_conventions
from kpi_warehouse.landing.labels import column_places, header_key

ROOT = Path(__file__).parents[2]
DEAL = ObjectLayout(
    system="salesforce",
    name="opportunity",
    columns=(
        "id",
        "name",
        "account_name",
        "stage_name",
        "close_date",
        "probability",
        "amount",
        "lead_source",
        "owner_name",
        "created_date",
        "company_key",
    ),
    required=("id",),
    data_types=(("close_date", "date"), ("amount", "decimal")),
    derived=(("company_key", "account_name"),),
    key=("id",),
    key_from=("name", "account_name"),
    file_names=("商談",),
)
CALL = ObjectLayout(
    system="miitel",
    name="call",
    columns=("sequence_id", "call_type", "user_email", "call_begin_time"),
    required=("sequence_id",),
    key=("sequence_id",),
    file_names=("通話履歴", "miitel"),
)


@pytest.mark.parametrize(
    "header", ["created_date", "CreatedDate", "Created Date", " CREATED_DATE ", "Ｃreated＿Date"]
)
def test_a_header_is_known_whatever_its_case_blanks_and_width(header):
    places = column_places(["x", header], DEAL, ColumnLabels())
    assert places.positions == {"created_date": 1}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["CreatedDate", "created_date"], 1),
        (["Created Date", "CreatedDate"], 0),
        (["作成日", "CreatedDate"], 0),
    ],
)
def test_of_two_columns_the_exact_spelling_wins_else_the_leftmost(names, expected):
    labels = ColumnLabels((("salesforce", "*", "作成日", "created_date"),))
    places = column_places(names, DEAL, labels)
    assert places.positions == {"created_date": expected}
    assert places.twice == ("created_date",)


def test_a_label_of_the_object_wins_over_one_of_the_system():
    rows = (("salesforce", "opportunity", "名前", "name"), ("salesforce", "*", "名前", "id"))
    assert column_places(["名前"], DEAL, ColumnLabels(rows)).positions == {"name": 0}


def test_a_derived_column_is_never_taken_from_a_file():
    assert column_places(["company_key"], DEAL, ColumnLabels()).positions == {}


def test_the_projects_labels_are_unambiguous():
    labels = read_labels(ROOT / "seeds" / "sources" / "column_labels.csv")
    keys = [(system, name, header_key(label)) for system, name, label, _ in labels.rows]
    assert len(keys) > 100
    assert len(set(keys)) == len(keys)
    assert all(header_key(label) != header_key(column) for _, _, label, column in labels.rows)


REPORT = (
    "商談名,取引先名,フェーズ,完了予定日,確度(%),金額,リードソース,商談所有者\n"
    "案件A,サンプル社,提案,2026-04-01,50,100,Web,山田\n"
    "案件B,サンプル社,受注,2026-04-02,100,200,Web,山田\n"
)


@pytest.fixture
def salesforce(folder):
    folder.layouts = [DEAL, CALL]
    return folder


def test_a_report_with_japanese_labels_lands_and_its_rows_get_keys(salesforce, landed):
    salesforce.write("salesforce/商談レポート.csv", REPORT + "総計,,,,,300,,\n")
    salesforce.land()
    columns = "name, stage_name, close_date, probability, amount, owner_name"
    assert landed("salesforce/opportunity", columns) == [
        ("案件A", "提案", "2026-04-01", "50", "100", "山田"),
        ("案件B", "受注", "2026-04-02", "100", "200", "山田"),
    ]
    company_keys = landed("salesforce/opportunity", "company_key")
    assert len(set(company_keys)) == 1
    assert company_keys[0] != (None,)
    keys = [key for (key,) in landed("salesforce/opportunity", "id")]
    assert len(set(keys)) == 2
    assert all(key.startswith("report:") and "案件" not in key for key in keys)
    found = pq.read_table(salesforce.landing / "_row_findings").to_pylist()
    assert [(row["rule"], row["column_name"], row["row_count"]) for row in found] == [
        ("footer_line", None, 1),
        ("key_derived", "id", 2),
    ]


def test_a_report_with_an_id_keeps_it(salesforce, landed):
    salesforce.write("salesforce/opportunity.csv", "商談 ID,商談名,取引先名\n006,案件A,x\n")
    salesforce.land()
    assert landed("salesforce/opportunity", "id") == [("006",)]


def test_a_file_without_key_and_names_is_refused(salesforce):
    salesforce.write("salesforce/opportunity.csv", "商談名,金額\n案件A,1\n")
    assert salesforce.land().refused == ("salesforce/opportunity.csv",)


@pytest.mark.parametrize(
    "header",
    [
        "Call Type,Sequence ID,User ID,Call begin time",
        "通話種別,シーケンス ID,ユーザーID,通話開始時刻",
        "通話種別,ｼｰｹﾝｽID,User ID / e-mail,応答時刻",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_call_history_in_either_language(salesforce, landed, header, encoding):
    content = f"{header}\n発信 (不在),019,a@example.com,-\n".encode(encoding)
    salesforce.write("miitel/通話履歴_2026-04.csv", content)
    salesforce.land()
    assert landed("miitel/call", "call_type, sequence_id, user_email") == [
        ("発信 (不在)", "019", "a@example.com")
    ]


def test_new_labels_read_their_files_again(folder, landed):
    folder.write("generic/leads.csv", "lead_id,created_at,流入元\na,1,web\n")
    conventions = Conventions()

    def run() -> tuple[str, ...]:
        lines: list[str] = []
        return land(
            folder.extracts, folder.landing, folder.layouts, lines.append, conventions=conventions
        ).read

    assert run() == ("generic/leads.csv",)
    assert run() == ()
    labels = ColumnLabels((("generic", "leads", "流入元", "source"),))
    conventions = replace(conventions, labels=labels)
    assert run() == ("generic/leads.csv",)
    assert landed("generic/leads", "source") == [("web",)]


def test_the_projects_conventions_tell_layouts_apart():
    conventions = project_conventions()
    assert conventions.fingerprint(DEAL) != conventions.fingerprint(CALL)
    assert conventions.fingerprint(DEAL) != conventions.fingerprint(replace(DEAL, key_from=()))


# ------------------------------------------------------------------------ encodings, delimiters

HEADER = "lead_id,created_at,source,company\n"
ROWS = HEADER + 'a,1,展示会,"①㈱№髙﨑, ㈱"\nb,2,web,～－￥\n'
EXPECTED = [("a", "展示会", "①㈱№髙﨑, ㈱"), ("b", "web", "～－￥")]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp932", "cp932"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_delimiters(folder, landed, encoding, told, delimiter, end):
    lines = [HEADER.strip().replace(",", delimiter)]
    for row in EXPECTED:
        lines.append(delimiter.join([row[0], "1", row[1], f'"{row[2]}"']))
    folder.write("generic/leads.csv", (end.join(lines) + end).encode(encoding))
    folder.land()
    assert landed("generic/leads", "lead_id, source, company") == EXPECTED
    (file,) = pq.read_table(folder.landing / "_files").to_pylist()
    assert (file["encoding"], file["delimiter"]) == (told, delimiter)
    assert (file["record_count"], file["row_count"]) == (2, 2)


@pytest.mark.parametrize("name", ["leads.tsv", "leads.txt", "leads.csv.gz", "leads.tsv.gz"])
def test_suffixes_of_text(folder, landed, name):
    content = ROWS.encode("cp932")
    folder.write(f"generic/{name}", gzip.compress(content) if name.endswith("gz") else content)
    folder.land()
    assert landed("generic/leads", "lead_id, source, company") == EXPECTED


def test_a_gzip_file_without_its_suffix_and_of_two_members(folder, landed):
    half = len(ROWS.encode()) // 2
    packed = gzip.compress(ROWS.encode()[:half]) + gzip.compress(ROWS.encode()[half:])
    folder.write("generic/leads.csv", packed)
    folder.land()
    assert landed("generic/leads", "lead_id, source, company") == EXPECTED


def test_json_lines_in_other_encodings(folder, landed):
    line = '{"lead_id":"a","created_at":"1","company":"髙﨑"}\n'
    for number, encoding in enumerate(["utf-8-sig", "cp932", "utf-16"]):
        folder.write(f"generic/leads_{number}.jsonl", line.encode(encoding))
    folder.land()
    assert landed("generic/leads", "company") == [("髙﨑",)] * 3


def test_a_cp932_file_of_many_chunks_lands_as_the_same_in_utf_8(folder, landed):
    body = "".join(f"{number},1,展示会,株式会社ソ表十{number}\n" for number in range(60_000))
    folder.write("generic/leads_a.csv", (HEADER + body).encode())
    folder.write("generic/leads_b.csv", (HEADER + body).encode("cp932"))
    folder.land()
    rows = landed("generic/leads", "lead_id, company")
    assert len(rows) == 120_000
    assert rows[:60_000] == rows[60_000:]


@pytest.mark.parametrize("name", [b"leads_\x92\xca\x98b.csv", b"leads_" + b"x" * 240 + b".csv"])
def test_file_names_that_other_systems_gave(folder, landed, name):
    path = (
        Path(bytes(folder.extracts).decode()) / "generic" / name.decode("utf-8", "surrogateescape")
    )
    path.write_bytes(ROWS.encode())
    folder.land()
    assert landed("generic/leads", "lead_id") == [("a",), ("b",)]
    assert folder.land().unchanged
