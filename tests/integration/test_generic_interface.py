"""The layout that outside tools write and the tables that they read: one awkward world, by hand.

Built by the command that users run. Nothing in it is wrong enough to stop a build: each oddity must
end in a number, a documented exclusion or a finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

BUILD = Path(__file__).parents[2] / "scripts" / "build.py"

EXTRACTS = {
    "generic/leads.csv": """\
Lead_ID,created_at,source,is_target,is_deleted,merged_into_id,handed_over_at,updated_at,phone,email,account_id,extra
0001,2026-04-01T00:00:00Z,Web問い合わせ,,,,2026-05-10T01:00:00Z,2026-04-01T00:00:00Z,,,,x
0002,2026-04-02T00:00:00Z,展示会,,true,0001,,2026-04-02T00:00:00Z,,,,x
0003,2026-04-02T00:00:00Z,セミナー,,true,,,2026-04-02T00:00:00Z,,,,x
0004,2026-04-02T00:00:00Z,,,,,,2026-04-02T00:00:00Z,+81355555555,lead4@example.com,,x
0005,2026-04-02T00:00:00Z,謎のソース,,,,,2026-04-02T00:00:00Z,+81344444444,,firm,x
0006,2026-04-02T00:00:00Z,exhibition,false,,,,2026-04-02T00:00:00Z,,,,x
0007,2026-03-31T15:00:00Z,紹介,,,,,2026-04-02T00:00:00Z,+81344444444,,firm,x
0008,2026-04-01T00:30:00+09:00,代理店,,,,,2026-04-02T00:00:00Z,,,,x
0009,2026-04-02T00:00:00Z,ウェビナー,,,0010,,2026-04-02T00:00:00Z,,,,x
0010,2026-04-02T00:00:00Z,ウェビナー,,,0009,,2026-04-02T00:00:00Z,,,,x
""",
    # the same leads again, one of them corrected: the newest version wins
    "generic/leads_2.csv": """\
lead_id,created_at,source,phone,email,updated_at
0004,2026-04-02T00:00:00Z,,+81355555555,lead4@example.com,2026-04-02T00:00:00Z
0008,2026-04-01T00:30:00+09:00,SNS,,,2026-04-05T00:00:00Z
""",
    "generic/calls.csv": """\
call_id,parent_call_id,lead_id,rep_id,direction,to_number,started_at,answered_at,ended_at,disposition,reached,logged_by,external_call_id,is_internal
1234567890123456789,,0002,R1,outbound,03-1234-5678,2026-04-10T01:00:00Z,2026-04-10T01:00:10Z,2026-04-10T01:02:00Z,,,dialer,,
L2,1234567890123456789,,R2,outbound,03-1234-5678,2026-04-10T01:01:00Z,2026-04-10T01:01:10Z,2026-04-10T01:03:00Z,,,dialer,,
L3,L2,,R2,outbound,03-1234-5678,2026-04-10T01:02:00Z,,2026-04-10T01:03:30Z,,,dialer,,
C1,,0001,R1,outbound,+81 (0)3-1234-5678,2026-04-10T01:02:00Z,,,アポ獲得,,crm,,
D2,D2,0001,R1,outbound,03-1234-5678,2026-04-12T01:00:00Z,2026-04-12T01:00:10Z,,留守番電話,,dialer,,
D3,,0001,R1,outbound,0312345678,2026-04-30T15:00:00Z,,,,,dialer,X3,
C3,,0001,R1,,312345678,2026-04-30T19:00:00Z,,,担当者接続,,crm,X3,
C4,,0001,R1,outbound,0312345678,2026-05-02T01:00:00Z,,,担当者不在,,crm,,
I1,,0001,R1,inbound,,2026-05-02T02:00:00Z,2026-05-02T02:00:05Z,2026-05-02T02:03:00Z,,,dialer,,
T1,,0001,R1,outbound,0312345678,2026-05-03T02:00:00Z,2026-05-03T02:00:05Z,,テスト,,dialer,,
T2,,0001,R1,outbound,101,2026-05-03T03:00:00Z,2026-05-03T03:00:05Z,,,,dialer,,true
U1,,0003,R1,outbound,0399999999,2026-05-04T03:00:00Z,2026-05-04T03:00:05Z,,通電,target,dialer,,
U2,,,R1,outbound,0388888888,2026-05-04T04:00:00Z,2026-05-04T04:00:05Z,,通電,,dialer,,
U3,,9999,R1,outbound,0377777777,2026-05-04T05:00:00Z,2026-05-04T05:00:05Z,,不思議な結果,,dialer,,
N1,,0001,R1,,0312345678,2026-05-05T01:00:00Z,,,,,dialer,,
F1,,0001,R1,outbound,0312345678,2026-10-05T01:00:00Z,,,,,dialer,,
B1,,0001,R1,outbound,0312345678,yesterday,,,,,dialer,,
B2,,0001,R1,outbound,0312345678,1899-12-31T00:00:00Z,,,,,dialer,,
P1,,,R1,outbound,+81355555555,2026-04-10T05:00:00Z,2026-04-10T05:00:05Z,,,,dialer,,
P2,,,R1,outbound,+81344444444,2026-04-10T06:00:00Z,2026-04-10T06:00:05Z,,,,dialer,,
E1,,0006,R1,outbound,0366666666,2026-04-20T05:00:00Z,2026-04-20T05:00:05Z,,担当者接続,target,dialer,,
""",
    "generic/appointments.csv": """\
appointment_id,lead_id,opportunity_id,booked_by_id,booked_at,starts_at,outcome,rescheduled_from_id,judged_at,judgement
A1,0001,gone,R1,2026-04-10T01:02:00Z,2026-04-15T01:00:00Z,rescheduled,,,
A2,0001,gone,R2,2026-04-14T01:02:00Z,2026-04-20T01:00:00Z,held,A1,2026-04-21T01:00:00Z,qualified
A3,0001,,R1,2026-05-14T01:02:00Z,2026-05-20T01:00:00Z,held,,,not_qualified
A4,0003,,R1,2026-05-14T01:02:00Z,2026-05-20T01:00:00Z,no_show,,2026-05-21T01:00:00Z,qualified
""",
    "generic/opportunities.csv": """\
opportunity_id,lead_id,created_at,stage,amount,currency,created_by_id,close_date,is_closed,is_won,is_deleted
O1,0001,2026-05-01T00:00:00Z,受注,1000000,,R1,2026-06-30,true,true,
O2,0001,2026-05-01T00:00:00Z,Closed Won,1000,USD,F1,2026-07-05,true,true,
O3,0007,2026-05-01T00:00:00Z,失注,-500,EUR,F1,2026-07-05,true,false,
O4,0001,2026-05-01T00:00:00Z,提案,1,,R1,2026-12-31,,,true
O5,0003,2026-05-01T00:00:00Z,受注,7,,R1,2026-06-30,true,true,
""",
    "generic/users.csv": """\
user_id,name,team,department,active_from,active_to
R1,佐藤,SDR,インサイドセールス,,2026-04-30
R1,佐藤,BDR,インサイドセールス,2026-05-01,
F1,鈴木,FS,field_sales,,
""",
    "generic/emails.jsonl": "".join(
        json.dumps(
            {
                "message_id": message_id,
                "lead_id": lead_id,
                "rep_id": "R1",
                "recipient": recipient,
                "kind": kind,
                "sent_at": sent_at,
            }
        )
        + "\n"
        for message_id, lead_id, recipient, kind, sent_at in [
            ("m1", "0001", "A@example.com", "one_to_one", "2026-04-11T01:00:00Z"),
            ("m2", "0001", "a@example.com", "bulk", "2026-04-11T02:00:00Z"),
            ("m2", "0007", "b@example.com", "bulk", "2026-04-11T02:00:00Z"),
            ("m3", "", "Lead4@example.com", "bulk", "2026-04-11T02:00:00Z"),
        ]
    ),
    "generic/email_events.csv": """\
event_id,message_id,recipient,event,occurred_at
e1,m1,a@EXAMPLE.com,open,2026-04-25T01:00:00Z
e2,m1,,reply,2026-06-25T01:00:00Z
e3,m2,b@example.com,bounce,2026-04-11T02:00:05Z
e4,m2,b@example.com,open,2026-04-11T03:00:05Z
e5,nowhere,b@example.com,open,2026-04-11T03:00:05Z
""",
    "planning/fx_rates.csv": "currency,date,jpy_rate\nUSD,2026-07-03,150.5\n",
    "planning/attendance.csv": "rep_id,work_date,working_hours\nR1,2026-04-10,7.5\n",
    "planning/targets.csv": (
        "department,kpi_id,channel,month,target_value,agreed_by,agreed_on\n"
        "inside_sales,meetings,,2026-09,10,x,2026-08-01\n"
    ),
}


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[tuple]]:
    """Rows of the warehouse that the build command made of these extracts."""
    folder = tmp_path_factory.mktemp("generic")
    for name, content in EXTRACTS.items():
        path = folder / "extracts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    environment = os.environ | {
        "EXTRACTS_DIR": str(folder / "extracts"),
        "DATA_DIR": str(folder / "data"),
        "WAREHOUSE_PATH": str(folder / "elsewhere" / "second.duckdb"),
        "AS_OF_DATE": "2026-09-30",
    }
    done = subprocess.run(
        [sys.executable, str(BUILD)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "謎のソース" not in done.stderr

    def rows(sql: str) -> list[tuple]:
        path = folder / "elsewhere" / "second.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return rows


def value(query: Callable[[str], list[tuple]], kpi: str, channel: str, **where: str) -> tuple:
    """Numerator and denominator of a KPI in fiscal 2026, or of the period given."""
    keys = {"basis": "event", "period_grain": "fiscal_year", "period_start": "2026-04-01"} | where
    conditions = " and ".join(f"{name} = '{text}'" for name, text in keys.items())
    ((numerator, denominator),) = query(
        "select numerator, denominator from marts.kpi_by_channel_period "
        f"where kpi_id = '{kpi}' and channel_id = '{channel}' and {conditions}"
    )
    return int(numerator), denominator and int(denominator)


def test_calls_are_counted_once_and_under_their_lead(query) -> None:
    # 1234567890123456789 with its legs and C1, D2, D3 with C3, and the CRM's own C4
    assert value(query, "calls_made", "web_inquiry") == (4, None)
    # the appointment call and C4; not the machine, and D3 was not answered
    assert value(query, "connection_rate", "web_inquiry") == (2, 4)
    assert value(query, "inbound_calls", "web_inquiry") == (1, None)
    # deleted lead, no lead, lead in no extract; one found by number, and a firm's main line
    assert value(query, "calls_made", "unknown") == (5, None)
    # an unmapped outcome earns nothing
    assert value(query, "calls_connected", "unknown") == (4, None)
    month = {"period_grain": "month", "period_start": "2026-05-01"}
    assert value(query, "calls_made", "web_inquiry", **month) == (2, None)


def test_a_lead_is_found_by_number_and_address(query) -> None:
    """A number that two leads of a firm have means the firm, and neither of them."""
    assert query(
        "select source_id, lead_id, account_id, lead_match_method, lead_match_confidence "
        "from marts.fct_activities where lead_match_method not in ('id', 'none') order by source_id"
    ) == [
        ("1234567890123456789", "0001", None, "crm_record", "certain"),
        ("P1", "0004", None, "phone", "high"),
        ("P2", None, "firm", "account_phone", "low"),
        ("m3", "0004", None, "email", "high"),
    ]


def test_every_record_is_accounted_for(query) -> None:
    assert query(
        "select fate, row_count from marts.row_account where object = 'calls' order by fate"
    ) == [
        ("after_as_of_date", 1),
        ("folded_leg", 2),
        ("in_fact", 12),
        ("internal_call", 1),
        ("logged_twice", 2),
        ("rejected", 2),
        ("test_or_monitoring_call", 1),
    ]


def test_facts_keep_ids_and_lengths(query) -> None:
    assert query(
        "select source_id, lead_id, rep_id, channel_id, duration_seconds, touch_number, "
        "is_target_connected from marts.fct_activities "
        "where activity_type = 'call' and is_connected and channel_id = 'web_inquiry' "
        "and direction = 'outbound' order by occurred_at"
    ) == [
        ("1234567890123456789", "0001", "R1", "web_inquiry", 200, 1, True),
        ("C4", "0001", "R1", "web_inquiry", None, 5, False),
    ]


def test_leads_channels_and_dates(query) -> None:
    assert query("select lead_id, channel_id from marts.fct_leads order by lead_id") == [
        ("0001", "web_inquiry"),
        ("0004", "unknown"),
        ("0005", "unmapped"),
        ("0006", "exhibition"),
        ("0007", "referral"),
        ("0008", "sns"),
    ]
    # 15:00 UTC is the next day in Tokyo, and 00:30+09:00 is that day too: both in fiscal 2026
    assert value(query, "leads_acquired", "referral") == (1, None)
    assert value(query, "leads_acquired", "sns") == (1, None)


def test_a_lead_that_is_no_target_is_in_neither_side(query) -> None:
    assert value(query, "calls_connected", "exhibition") == (1, None)
    assert value(query, "target_connection_rate", "exhibition") == (0, 0)


def test_mails_and_their_events(query) -> None:
    # opened at exactly 14 days, replied to much later, without a recipient in the event
    assert value(query, "email_open_rate", "web_inquiry") == (1, 2)
    assert value(query, "emails_delivered", "referral") == (0, None)
    # the call that set the appointment, and the mail
    assert value(query, "target_connections", "web_inquiry") == (2, None)


def test_meetings_and_judgements(query) -> None:
    assert value(query, "appointments_set", "web_inquiry") == (2, None)
    assert value(query, "meetings", "web_inquiry") == (1, None)
    assert value(query, "meetings", "unknown") == (1, None)
    assert value(query, "qualified_meeting_rate", "web_inquiry") == (1, 1)
    assert value(query, "meetings_pending_judgement", "web_inquiry") == (1, None)
    assert query("select booked_by_id from marts.fct_appointments where lead_id = '0001'") == [
        ("R1",),
        ("R1",),
    ]


def test_deals_and_yen(query) -> None:
    assert query(
        "select opportunity_id, amount_jpy, is_sourced, is_influenced, closed_date::varchar "
        "from marts.fct_opportunities order by opportunity_id"
    ) == [
        ("O1", Decimal("1000000.00"), True, True, "2026-06-30"),
        ("O2", Decimal("150500.00"), False, True, "2026-07-05"),
        ("O3", None, False, False, "2026-07-05"),
        ("O5", Decimal("7.00"), True, False, "2026-06-30"),
    ]
    assert value(query, "won_amount", "web_inquiry") == (1_150_500, None)
    assert value(query, "won_amount_sourced", "unknown") == (7, None)
    assert value(query, "win_rate", "web_inquiry") == (1, 1)
    hand_over = {"basis": "cohort", "period_grain": "month", "period_start": "2026-05-01"}
    assert value(query, "win_rate", "web_inquiry", **hand_over) == (1, 1)


def test_teams_are_those_of_the_day(query) -> None:
    assert query(
        "select team, numerator::int from marts.kpi_by_team_period where kpi_id = 'calls_made' "
        "and basis = 'event' and period_grain = 'fiscal_year' and numerator > 0 order by team"
    ) == [("BDR", 5), ("SDR", 5)]


def test_calls_per_hour_is_null_without_hours(query) -> None:
    rows = query(
        "select period_start::varchar, numerator::int, denominator::double, value "
        "from marts.kpi_by_rep_period where kpi_id = 'calls_per_hour' and rep_id = 'R1' "
        "and period_grain = 'month' and numerator > 0 order by period_start"
    )
    assert [row[:3] for row in rows] == [("2026-04-01", 5, 7.5), ("2026-05-01", 5, 0.0)]
    assert rows[0][3] == pytest.approx(5 / 7.5)
    assert rows[1][3] is None


def test_findings_name_file_row_and_rule(query) -> None:
    found = query(
        "select rule, object, source_id, file, row from marts.data_quality_findings order by all"
    )
    rules = [row[0] for row in found]
    assert ("unreadable_required_value", "calls", "B1", "generic/calls.csv", 17) in found
    assert ("outside_calendar", "calls", "B2", "generic/calls.csv", 18) in found
    for rule, count in {
        "unmapped_lead_source": 1,
        "unmapped_call_outcome": 1,
        "unmapped_direction": 1,
        "lead_in_no_extract": 1,
        "email_event_without_message": 1,
        "open_on_bounced_message": 1,
        "merge_cycle": 2,
        "judgement_without_date": 1,
        "judgement_without_meeting": 1,
        "fx_rate_missing": 1,
        "stage_taken_from_record": 4,
        "calls_without_working_hours": 5,
    }.items():
        assert rules.count(rule) == count, rule
    assert "call_leg_cycle" not in rules
