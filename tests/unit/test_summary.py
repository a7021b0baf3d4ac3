"""The summary lines up, says every label in both languages and never shows a rate of nothing."""

from __future__ import annotations

import shlex
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.console import display_width, pad, table
from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing import Version
from kpi_warehouse.settings import Settings
from kpi_warehouse.summary import (
    COLUMNS,
    FindingCount,
    Funnel,
    FunnelRow,
    ObjectAccount,
    Stopwatch,
    account_lines,
    closing_lines,
    conflict_lines,
    finding_lines,
    funnel_lines,
    print_summary,
    publication_lines,
    read_accounts,
    read_conflicts,
    read_findings,
    read_funnels,
    restatement_line,
)

NOTHING = dict.fromkeys((column.kpi_id for column in COLUMNS), 0) | {
    "connection_rate": None,
    "meeting_rate": None,
}
EXHIBITION = {
    "leads_acquired": 1200,
    "calls_made": 3400,
    "connection_rate": 0.3456,
    "target_connections": 500,
    "meetings": 90,
    "meeting_rate": Decimal("0.0766"),
    "qualified_meetings": 45,
    "deals_won": 7,
    "won_amount": Decimal("12345678.90"),
}
FUNNEL = Funnel(
    title="Funnel",
    first_day=date(2026, 4, 1),
    last_day=date(2026, 9, 30),
    channels=[
        FunnelRow("展示会", "Exhibition", EXHIBITION),
        FunnelRow("DM", "DM", NOTHING | {"calls_made": 1, "connection_rate": 0.0}),
        FunnelRow("紹介", "Referral", NOTHING),
    ],
    total=EXHIBITION,
)


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("展示会", 6), ("ﾃﾚｱﾎﾟ", 5), ("ＤＭ", 4), ("é", 1), ("e\u0301", 1), ("–", 1)],
)
def test_full_width_characters_take_two_cells(text, width):
    assert display_width(text) == width
    assert display_width(pad(text, 10)) == 10
    assert pad(text, 10, to_the_right=True).endswith(text)


def test_a_longer_text_is_not_cut():
    assert pad("展示会", 2) == "展示会"


def test_columns_of_a_table_line_up():
    lines = table([["名", "n"]], [["展示会", "1"], ["a", "22"]])
    assert lines == ["名       n", "------  --", "展示会   1", "a       22"]


def test_the_funnel_shows_channels_and_total_aligned():
    lines = funnel_lines(FUNNEL)
    assert lines[0] == "Funnel (2026-04-01 – 2026-09-30)"
    body = lines[2:]
    assert len({display_width(line) for line in body[1:-1]}) == 1
    assert body[3].split() == [
        *("展示会", "Exhibition", "1,200", "3,400", "34.6", "%", "500"),
        *("90", "7.7", "%", "45", "7", "12.3"),
    ]
    assert body[4].split() == [
        *("DM", "DM", "0", "1", "0.0", "%", "0"),
        *("0", "–", "0", "0", "0.0"),
    ]
    assert body[5].split()[:3] == ["合計", "Total", "1,200"]


def test_a_channel_without_anything_is_only_named():
    lines = funnel_lines(FUNNEL)
    assert lines[-1] == "動きなし Nothing in 1 more: 紹介"
    assert not any("Referral" in line for line in lines)


def test_every_column_is_named_in_both_languages():
    header = "\n".join(funnel_lines(FUNNEL)[2:4])
    assert all(column.name_ja in header and column.name_en in header for column in COLUMNS)


def test_findings_show_their_counts():
    found = FindingCount(
        "warning", "unmapped_code", 1234, "未分類", "Unmapped", "Add it", "x: 3 rows"
    )
    lines = finding_lines([found])
    assert lines[4].split() == ["warning", "未分類", "Unmapped", "1,234"]
    assert lines[-1].strip() == "x: 3 rows → Add it"
    assert "問題なし" in finding_lines([])[0]


def test_conflicts_of_targets_are_shown_in_both_languages_and_counted():
    lines = conflict_lines([("矛盾", "Conflict")] * 12)
    assert lines[0].endswith(": 12 (marts.target_conflicts)")
    assert lines[1:] == ["  矛盾", "    Conflict"] * 10
    assert "none" in conflict_lines([])[0]


def test_the_account_of_rows_says_that_it_balances():
    task = ObjectAccount("salesforce", "task", 1000, 600, 300, 90, 10, 0)
    lines = account_lines([task])
    assert lines[5].split() == ["salesforce", "task", "1,000", "600", "300", "90", "10"]
    assert lines[-1] == "過不足なし It balances to the row"
    assert "nothing read" in account_lines([])[0]


def test_the_account_of_rows_says_what_is_missing_and_what_was_refused():
    task = ObjectAccount("salesforce", "task", 1000, 600, 300, 90, 9, 2)
    lead = ObjectAccount("salesforce", "lead", 5, 5, 0, 0, 0, 0)
    lines = account_lines([task, lead])
    assert lines[-2:] == [
        "不一致 Does not balance: salesforce/task +1",
        "読込不可のファイル Files refused: 2 (marts.data_quality_findings)",
    ]


@pytest.mark.parametrize("name", ["warehouse.duckdb", "it's $HOME.duckdb"])
def test_the_closing_lines_hold_a_command_that_opens_the_warehouse(tmp_path, name):
    path = tmp_path / name
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create table marts.kpi_by_period as select 42")
    (command,) = [line for line in closing_lines(path) if ".venv/bin/python" in line]
    arguments = shlex.split(command.partition(".venv/bin/python")[2])
    shown = subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", check=True
    )
    assert "42" in shown.stdout


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    kpis = ", ".join(f"1.0 as {column.kpi_id}" for column in COLUMNS)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"""
            create schema marts;
            create table marts.dim_channels as
            select 'dm' as channel_id, 'DM' as name_ja, 'Direct mail' as name_en, 2 as sort_order
            union all select 'exhibition', '展示会', 'Exhibition', 1;
            create table marts.periods as
            select * from (values
                ('month', date '2026-03-01', date '2026-03-31', true),
                ('month', date '2026-04-01', date '2026-04-30', true),
                ('month', date '2026-05-01', date '2026-05-31', false),
                ('fiscal_year', date '2025-04-01', date '2026-03-31', true),
                ('fiscal_year', date '2026-04-01', date '2027-03-31', false),
                ('week', date '2026-05-04', date '2026-05-10', true)
            ) as periods (period_grain, period_start, period_end, is_complete);
            create table marts.kpi_by_period as
            select *, 'event' as basis, 'meetings' as kpi_id, 7.0 as value from marts.periods
            union all
            select *, 'cohort' as basis, 'meetings' as kpi_id, 9.0 as value from marts.periods;
            create table marts.funnel_by_channel_period as
            select period_grain, period_start, channel_id, {kpis}
            from marts.periods cross join marts.dim_channels;
            create table marts.data_quality_findings as
            select * from (
                values
                    ('warning', 'unmapped_b', 'y: 2 rows'),
                    ('error', 'a', null),
                    ('warning', 'unmapped_b', 'x: 1 rows')
            ) as findings (severity, rule, detail);
            create table marts.row_account as
            select * from (
                values
                    ('generic', 'calls', '1.csv', 'used', 7::bigint),
                    ('generic', 'calls', '1.csv', 'duplicate', 2),
                    ('generic', 'calls', '2.csv', 'used', 3),
                    ('generic', 'calls', '2.csv', 'rejected', 1)
            ) as account (source_system, object, file, outcome, row_count);
            create table marts.target_conflicts as
            select
                'rule' as rule_id, 'all' as channel_id, 'inside_sales' as department_id,
                'meetings' as kpi_id, 'meetings' as other_kpi_id, *
            from (
                values
                    (date '2026-05-01', '5月の矛盾', 'In May'),
                    (date '2026-06-01', '6月の矛盾', 'In June')
            ) as conflicts (month, detail_ja, detail_en);
            create schema staging;
            create table staging.stg_landing__files as
            select * from (
                values
                    ('generic', 'calls', 'landed', 9::bigint),
                    ('generic', 'calls', 'landed', 5),
                    ('generic', 'leads', 'refused', null)
            ) as files (source_system, source_object, status, record_count);
            create schema seeds;
            create table seeds.data_quality_rules as
            select * from (
                values ('a', 'エー', 'A', 'mend a'), ('unmapped_b', 'ビー', 'B', 'mend b')
            ) as rules (rule, name_ja, name_en, mend);
            """
        )
    return path


def test_the_last_complete_month_and_the_fiscal_year_to_date_are_read(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        month, year = read_funnels(connection, date(2026, 5, 10))
        findings = read_findings(connection)
        accounts = read_accounts(connection)
        conflicts = read_conflicts(connection)
    assert conflicts == [("6月の矛盾", "In June"), ("5月の矛盾", "In May")]
    assert (month.first_day, month.last_day) == (date(2026, 4, 1), date(2026, 4, 30))
    assert (year.first_day, year.last_day) == (date(2026, 4, 1), date(2026, 5, 10))
    assert [row.name_en for row in year.channels] == ["Exhibition", "Direct mail"]
    assert year.total == {"meetings": 7.0}
    assert findings == [
        FindingCount("error", "a", 1, "エー", "A", "mend a"),
        FindingCount("warning", "unmapped_b", 2, "ビー", "B", "mend b", "x: 1 rows, y: 2 rows"),
    ]
    assert accounts == [
        ObjectAccount("generic", "calls", 14, 10, 2, 0, 1, 0),
        ObjectAccount("generic", "leads", 0, 0, 0, 0, 0, 1),
    ]


def test_the_summary_of_a_warehouse_is_printed(warehouse):
    lines: list[str] = []
    print_summary(warehouse, date(2026, 5, 10), lines.append)
    text = "\n".join(lines)
    assert "2026年4月" in text
    assert "fiscal 2026 to date" in text
    assert "Does not balance: generic/calls +1" in text
    assert "5月の矛盾" in text
    assert str(warehouse) in text


def test_there_is_no_summary_without_a_warehouse(tmp_path):
    with pytest.raises(UserError, match="no warehouse yet"):
        print_summary(tmp_path / "none.duckdb", date(2026, 5, 10), print)


def test_there_is_no_summary_of_a_warehouse_without_marts(tmp_path):
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(UserError, match="not a warehouse of this project, or an older one"):
        print_summary(path, date(2026, 5, 10), print)


def test_the_end_of_a_build_says_what_was_published_and_what_it_changed(tmp_path):
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path)})
    watch = Stopwatch()
    with watch.timing("landing"):
        pass
    version = Version(tmp_path / "published" / "versions" / "20260916T030000Z")
    told = {
        "as_of_date": "2026-09-15",
        "tables": {"a": {}, "b": {}},
        "previous_version": "20260915T030000Z",
        "restated_values": {"late_rows": 1200, "unknown": 1},
    }
    lines = publication_lines(version, told, settings, watch)
    assert lines[1].endswith("all passed, no warning")
    assert lines[2] == "公開 Published: 20260916T030000Z, as of 2026-09-15, 2 tables"
    assert lines[3] == f"  DuckDB   {tmp_path}/published/current/kpi_warehouse.duckdb"
    assert lines[6] == (
        "過去の値の変更 Past values that changed: 1,201 (late_rows 1,200, unknown 1) "
        "→ marts.kpi_revisions"
    )
    assert lines[7].startswith("所要時間 Took: 0.0 s (landing 0.0 s")
    none = {**told, "restated_values": {}}
    assert restatement_line(none).endswith(": なし none")
    first = {**none, "previous_version": None}
    assert restatement_line(first).endswith("初回の公開 first publication")
