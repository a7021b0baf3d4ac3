"""Files as they really arrive, through the command that users run: what loads, and what is said.

Each oddity of a file must end in a value, a finding with file, row and reason, or a refusal; and
the account of every file must balance to the row.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from integration.quick_build import build_quickly
from workbench import put_on_workbench

AS_OF_DATE = "2026-06-30"
BUILD = Path(__file__).parents[2] / "scripts" / "build.py"

LEADS = """\
lead_id,created_at,source,company,email,phone,is_target
0001,2026/4/1 9:30,Web問い合わせ,株式会社山田商店,A@example.com,０３−１２３４−５６７８,
0002,令和8年4月2日,展示会,㈱山田商店,b@example.com,+81 (0)3 2345 6789,
1234567890123456789,R8.4.3,=cmd(),"東京;drop table leads--
支店",c@example.com,398765432,
lead_id,created_at,source,company,email,phone,is_target
0004,2026-04-04T00:00:00.000+0000,紹介,<script>alert(1)</script>,d@example.com,03-4567-8901(内線123),
0005,2026-04-04T00:00:00Z
0006,sometime,紹介,Select,f@example.com,-,
0007,２０２６年４月５日,紹介,譬ｪ蠑丈ｼ夂､ｾ,g@example.com,-,
合計,7,,,,,
"""
CP932_LEADS = """\
Lead Id\tCreated At\tSource\tCompany
1001\t2026/04/06 10:00:00\tセミナー\t①㈱髙﨑№１
1002\t46118\t広告\tｶﾌﾞｼｷｶﾞｲｼｬ ﾃｽﾄ
"""
UTF16_LEADS = "lead_id\tcreated_at\tsource\n2001\t2026-04-07 00:00:00\tSNS\n"
CALLS = """\
call_id,lead_id,rep_id,direction,to_number,started_at,answered_at,disposition,reached,logged_by
9007199254740993001,1234567890123456789,R1,outbound,0398765432,2026-04-30T14:59:59Z,2026-04-30T15:00:05Z,,target,dialer
9007199254740993002,0001,R1,outbound,312345678,2026-04-30T15:00:00Z,,,,dialer
9007199254740993003,,R1,outbound,03-2345-6789,2026-05-01T01:00:00Z,2026-05-01T01:00:05Z,,,dialer
9007199254740993003x,1,R1,outbound,0388888888,2026-05-01T02:00:00Z,,,,dialer
"""
LATE_CALLS = """\
call_id,lead_id,rep_id,direction,to_number,started_at,logged_by
late,0001,R1,outbound,0312345678,2026-04-29T01:00:00Z,dialer
"""
DEALS = """\
opportunity_id,lead_id,created_at,stage,amount,currency,close_date,is_closed,is_won
O1,0001,2026-05-01,受注,"¥1,000,000",JPY,2026/6/30,true,true
O2,0002,2026-05-01,受注,"$200,000 ",USD,2026-06-30,true,true
O3,0004,2026-05-01,受注,100万円,JPY,46203,true,true
O4,1001,2026-05-01,失注,(511.28),JPY,2026年6月30日,true,false
"""
REPORT = """\
商談名,取引先名,フェーズ,完了予定日,確度(%),金額,リードソース,商談所有者,作成日
㈱山田商店_新規,株式会社山田商店,受注,2026/6/30,100%,"2,500,000",展示会,髙橋 さくら,2026/5/1
追加ライセンス,株式会社山田商店,提案,2026/7/31,60%,"300,000",既存,髙橋 さくら,2026/5/8
総計,,,,,"2,800,000",,,

機密情報 - 配布禁止
"""
USERS = "Id,Name,Department\n0055i000001AbCdAAK,髙橋 さくら,フィールドセールス\n"
FX_RATES = "currency,date,jpy_rate\nUSD,2026-06-29,150\n"
CUT_OFF = "touch_id,lead_id,activity_channel,occurred_at\nT1,0001,dm,2026-05-01T00:00:00Z\nT2,00"


def write_extracts(folder: Path) -> None:
    generic = folder / "generic"
    generic.mkdir(parents=True)
    (folder / "planning").mkdir()
    (generic / "leads.csv").write_text(LEADS, encoding="utf-8-sig")
    (generic / "leads_cp932.csv").write_bytes(CP932_LEADS.encode("cp932"))
    (generic / "leads_utf16.csv").write_bytes(UTF16_LEADS.encode("utf-16"))
    (generic / "calls.csv").write_text(CALLS, encoding="utf-8")
    (generic / "calls_late.csv.gz").write_bytes(gzip.compress(LATE_CALLS.encode()))
    (generic / "opportunities.csv").write_text(DEALS, encoding="utf-8")
    salesforce = folder / "salesforce"
    salesforce.mkdir()
    (salesforce / "商談レポート.csv").write_bytes(REPORT.encode("cp932"))
    (salesforce / "User.csv").write_text(USERS, encoding="utf-8")
    (generic / "touches.csv").write_text(CUT_OFF, encoding="utf-8")
    (generic / "appointments.csv").write_bytes(bytes(range(256)) * 40)
    (generic / "emails.csv").write_bytes(b"")
    (folder / "planning" / "fx_rates.csv").write_text(FX_RATES, encoding="utf-8")


@pytest.fixture(scope="module")
def build(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    root = tmp_path_factory.mktemp("dirty")
    write_extracts(root / "extracts")
    bench = put_on_workbench(root)
    done = subprocess.run(
        [sys.executable, str(BUILD)],
        env={
            **os.environ,
            "EXTRACTS_DIR": str(root / "extracts"),
            "DATA_DIR": str(bench),
            "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
            "AS_OF_DATE": AS_OF_DATE,
        },
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done, root / "warehouse.duckdb"


@pytest.fixture
def query(build) -> Callable[..., list[tuple]]:
    connection = duckdb.connect(str(build[1]), read_only=True)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def test_good_rows_of_every_encoding_load_with_their_own_day(query):
    rows = query(
        "select lead_id, acquired_date::varchar, channel_id from marts.fct_leads order by 1"
    )
    assert rows == [
        ("0001", "2026-04-01", "web_inquiry"),
        ("0002", "2026-04-02", "exhibition"),
        ("0004", "2026-04-04", "referral"),
        ("1001", "2026-04-06", "seminar"),
        ("1002", "2026-04-06", "paid_ads"),
        ("1234567890123456789", "2026-04-03", "unmapped"),
        ("2001", "2026-04-07", "sns"),
    ]


def test_long_and_zero_leading_ids_join_exactly(query):
    rows = query(
        "select source_id, lead_id, activity_date::varchar from marts.fct_activities"
        " where activity_type = 'call' order by 1"
    )
    assert rows == [
        ("9007199254740993001", "1234567890123456789", "2026-04-30"),
        ("9007199254740993002", "0001", "2026-05-01"),
        # no lead id: found by a number that is written otherwise there
        ("9007199254740993003", "0002", "2026-05-01"),
        # `1` is not `0001`
        ("9007199254740993003x", None, "2026-05-01"),
        ("late", "0001", "2026-04-29"),
    ]


def test_amounts_are_read_as_they_are_written(query):
    rows = query(
        "select opportunity_id, amount, amount_jpy from marts.fct_opportunities"
        " where opportunity_id like 'O%' order by 1"
    )
    assert rows == [
        ("O1", Decimal("1000000.00"), Decimal("1000000.00")),
        ("O2", Decimal("200000.00"), Decimal("30000000.00")),
        ("O3", Decimal("1000000.00"), Decimal("1000000.00")),
        ("O4", Decimal("-511.28"), Decimal("-511.28")),
    ]


def test_a_report_with_japanese_labels_and_without_ids_loads(query):
    rows = query(
        "select left(opportunity_id, 7), owner_id, stage, amount, closed_date::varchar, is_won"
        " from marts.fct_opportunities where opportunity_id like 'report:%' order by amount"
    )
    assert rows == [
        ("report:", "0055i000001AbCdAAK", "proposal", Decimal("300000.00"), None, False),
        ("report:", "0055i000001AbCdAAK", "won", Decimal("2500000.00"), "2026-06-30", True),
    ]


def test_what_cannot_be_read_is_a_finding_with_file_and_row(query):
    rows = query(
        "select file, row, rule from marts.data_quality_findings"
        " where file is not null and severity <> 'info' and rule not like 'unmapped%'"
        " order by 1, 2 nulls first, 3"
    )
    assert rows == [
        ("generic/appointments.csv", None, "file_not_text"),
        ("generic/emails.csv", None, "file_empty"),
        ("generic/leads.csv", 6, "ragged_row"),
        ("generic/leads.csv", 7, "unreadable_required_value"),
        ("generic/leads.csv", 8, "mojibake"),
        ("generic/touches.csv", 2, "cut_off_row"),
        ("salesforce/商談レポート.csv", 1, "key_derived"),
    ]


def test_what_was_left_out_or_repaired_without_harm_is_said(query):
    rows = query(
        "select file, row, rule from marts.data_quality_findings"
        " where file is not null and severity = 'info' order by 1, 2, 3"
    )
    assert ("generic/leads.csv", 4, "repeated_header") in rows
    assert ("generic/leads.csv", 9, "footer_line") in rows
    assert ("generic/leads.csv", 3, "phone_zero_restored") in rows
    assert ("salesforce/商談レポート.csv", 3, "footer_line") in rows
    assert ("generic/leads_cp932.csv", 2, "spreadsheet_date_repaired") in rows


def test_every_file_balances_to_the_row(query):
    rows = query(
        "select file, sum(row_count)::bigint from marts.row_account"
        " where file like 'generic/%' group by file order by file"
    )
    assert rows == [
        ("generic/calls.csv", 4),
        ("generic/calls_late.csv.gz", 1),
        ("generic/leads.csv", 9),
        ("generic/leads_cp932.csv", 2),
        ("generic/leads_utf16.csv", 1),
        ("generic/opportunities.csv", 4),
        ("generic/touches.csv", 2),
    ]


def test_a_refused_file_is_said_and_the_rest_goes_on(build):
    done, _ = build
    said = done.stdout + done.stderr
    assert "generic/appointments.csv" in said
    assert "  refused generic/emails.csv: file_empty: " in done.stdout
    assert "Traceback" not in said


def test_a_build_without_dbt_makes_the_same_tables(build, tmp_path: Path) -> None:
    """So that worlds whose numbers are looked at need not be built by dbt; see `quick_build`."""
    warehouse = build[1]
    (tmp_path / "landing").symlink_to(warehouse.parent / "landing")
    build_quickly(tmp_path, dt.date.fromisoformat(AS_OF_DATE))
    with duckdb.connect() as connection:
        for name, folder in (("by_dbt", warehouse.parent), ("quick", tmp_path)):
            connection.execute(f"attach '{folder / 'warehouse.duckdb'}' as {name} (read_only)")
        tables = connection.execute(
            "select schema_name, table_name, estimated_size > 0 from duckdb_tables() "
            "where database_name = 'by_dbt' order by all"
        ).fetchall()
        assert sum(has_rows for _, _, has_rows in tables) > 100
        for schema, table, _ in tables:
            # dbt puts the columns of a contract in its order
            by_dbt, quick = (
                sorted(connection.execute(f"describe {name}.{schema}.{table}").fetchall())
                for name in ("by_dbt", "quick")
            )
            assert by_dbt == quick, table
            # each run has an id of its own
            columns = ", ".join(f'"{name}"' for name, *_ in by_dbt if name != "run_id")
            for one, other in (("by_dbt", "quick"), ("quick", "by_dbt")):
                different = connection.execute(
                    f"select count(*) from (select {columns} from {one}.{schema}.{table} "
                    f"except all select {columns} from {other}.{schema}.{table})"
                ).fetchall()
                assert different == [(0,)], table
