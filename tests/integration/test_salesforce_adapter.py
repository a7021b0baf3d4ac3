"""The Salesforce adapter: what tiny landings become in the common layout, and where every row went.

The models are run on landed Parquet, as landing writes it: all columns are text, values are ISO.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from kpi_warehouse.settings import PROJECT_DIR
from workbench import put_on_workbench

Row = Mapping[str, str]
SOURCES = PROJECT_DIR / "models/staging/salesforce/_salesforce__sources.yml"
SEEDS = ("activity_types", "history_fields", "lead_statuses")
FEEDS = (
    *("leads", "lead_status_history", "opportunities", "opportunity_stage_history", "calls"),
    *("emails", "email_events", "touches", "appointments", "permissions", "users"),
    *("lead_aliases", "accounts"),
)
CREATED = "2026-04-01 00:00:00"
# a record of the same row in 15 and in 18 characters, from a published sample of Salesforce data
LEAD_15, LEAD_18 = "00Q1G00000nDnM5", "00Q1G00000nDnM5UAK"
FEW = "few.csv"
SECOND = "second.csv"


def columns_of(table: str) -> list[str]:
    """Columns that landing writes for an object."""
    return [column["name"] for column in _tables()[table]["columns"]]


@cache
def _tables() -> dict[str, dict]:
    content = yaml.safe_load(SOURCES.read_text("utf-8"))
    return {table["name"]: table for table in content["sources"][0]["tables"]}


def land(landing: Path, rows_by_object: Mapping[str, Sequence[Row]]) -> None:
    """Write every object's Parquet; a row's `file` is its file; unknown columns are landed."""
    for name in _tables():
        rows = rows_by_object.get(name, [])
        extra = sorted({column for row in rows for column in row} - {"file"})
        columns = list(dict.fromkeys([*columns_of(name), *extra]))
        row_numbers: Counter[str] = Counter()
        files = [row.get("file", FEW) for row in rows]
        for file in files:
            row_numbers[file] += 1
        seen: Counter[str] = Counter()
        numbers = []
        for file in files:
            seen[file] += 1
            numbers.append(seen[file])
        table = pa.table(
            {
                **{c: pa.array([row.get(c) for row in rows], pa.string()) for c in columns},
                "_file_name": pa.array(files, pa.string()),
                "_row_number": pa.array(numbers, pa.int64()),
                "_file_hash": pa.array(["hash"] * len(rows), pa.string()),
            }
        )
        folder = landing / "salesforce" / name
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "rows.parquet")


@dataclass(frozen=True)
class Staged:
    """A warehouse with the staging models of one landing."""

    rows_by_object: Mapping[str, Sequence[Row]] = field(repr=False)
    warehouse: Path

    def query(self, sql: str) -> list[tuple]:
        """All rows of a query on it."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def of(self, feed: str, row_id: str, columns: str) -> tuple:
        """One row of an adapter, by the id that its first column holds."""
        key = {
            "leads": "lead_id",
            "opportunities": "opportunity_id",
            "calls": "call_id",
            "emails": "message_id",
            "email_events": "event_id",
            "touches": "touch_id",
            "appointments": "appointment_id",
            "users": "user_id",
            "accounts": "account_id",
        }[feed]
        found = self.query(
            f"select {columns} from staging.stg_salesforce__{feed} where {key} = '{row_id}'"
        )
        assert len(found) == 1, (feed, row_id, found)
        return found[0]

    def fate(self, name: str, row_id: str) -> str | None:
        """The rule that leaves a task, an event or a history row out; None if nothing does."""
        found = self.query(
            f"select fate from staging.base_salesforce__{name}_fates where id = '{row_id}'"
        )
        assert len(found) == 1, (name, row_id, found)
        return found[0][0]


def stage(root: Path, rows_by_object: Mapping[str, Sequence[Row]]) -> Staged:
    """Land rows and run the adapter with its data tests on them."""
    land(root / "landing", rows_by_object)
    bench = put_on_workbench(root)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATA_DIR", str(bench))
        environment.setenv("WAREHOUSE_PATH", str(bench / "warehouse.duckdb"))
        environment.setenv("AS_OF_DATE", "2026-09-30")
        options = {
            "--project-dir": PROJECT_DIR,
            "--profiles-dir": PROJECT_DIR / "profiles",
            "--target-path": root / "dbt" / "target",
            "--log-path": root / "logs",
            "--log-level": "none",
        }
        selected = ["--select", "staging.salesforce", *SEEDS, "--exclude-resource-type"]
        try:
            run = dbtRunner().invoke(
                [
                    *("build", *selected, "unit_test"),
                    *(str(x) for pair in options.items() for x in pair),
                ]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert run.success, run.exception or [
        (result.node.name, result.message) for result in run.result if result.status != "success"
    ]
    return Staged(rows_by_object, root / "warehouse.duckdb")


def _task(row_id: str, **values: str) -> Row:
    """A closed task."""
    return {"id": row_id, "created_date": CREATED, "is_closed": "true", **values}


def _event(row_id: str, **values: str) -> Row:
    return {"id": row_id, "created_date": CREATED, "type": "商談", **values}


def _change(row_id: str, lead_id: str, field: str, new_value: str, at: str) -> Row:
    return {
        "id": row_id,
        "lead_id": lead_id,
        "field": field,
        "new_value": new_value,
        "created_date": at,
        "created_by_id": "changer",
    }


def _lead(row_id: str, **values: str) -> Row:
    return {"id": row_id, "created_date": CREATED, **values}


def _converted(row_id: str, contact_id: str, day: str, **values: str) -> Row:
    return _lead(
        row_id,
        is_converted="true",
        converted_date=day,
        converted_contact_id=contact_id,
        **values,
    )


def _stage(row_id: str, deal: str, stage_name: str, at: str, **values: str) -> Row:
    return {
        "id": row_id,
        "opportunity_id": deal,
        "stage_name": stage_name,
        "created_date": at,
        "created_by_id": "changer",
        **values,
    }


def _owner_change(row_id: str, deal: str, old: str, new: str, at: str, **values: str) -> Row:
    return {
        "id": row_id,
        "opportunity_id": deal,
        "field": "Owner",
        "old_value": old,
        "new_value": new,
        "created_date": at,
        **values,
    }


LANDED: dict[str, list[Row]] = {
    "lead": [
        _lead(
            "plain lead",
            lead_source="展示会",
            latest_source="ウェビナー",
            status="New",
            owner_id="owner",
            company="株式会社みほん",
            company_key="みほん",
            industry="製造",
            title="部長",
            number_of_employees="1200",
            email="lead@example.jp",
            phone="+81312345678",
            mobile_phone="+819012345678",
            is_target="false",
            converted_account_id="account",
            last_modified_date="2026-05-01 00:00:00",
            system_modstamp="2026-05-02 00:00:00",
        ),
        _lead(LEAD_15, email="short@example.jp", system_modstamp="2026-04-01"),
        _lead(LEAD_18, email="long@example.jp", system_modstamp="2026-04-02"),
        _lead("mobile only", mobile_phone="+819011112222"),
        _lead("loser", is_deleted="true", master_record_id="plain lead"),
        _converted("converted", "contact", "2026-05-10", email="as.lead@example.jp"),
        _converted("of absent contact", "absent contact", "2026-05-10", email="a@example.jp"),
        _converted("later into one", "shared contact", "2026-05-12"),
        _converted("first into one", "shared contact", "2026-05-11"),
        _converted("deleted into one", "shared contact", "2026-05-10", is_deleted="true"),
        _converted("of the loser", "losing contact", "2026-05-10"),
        # hand-overs
        _lead("handed over", status="Handed over"),
        _converted("handed over on the day", "-1", "2026-06-01", status="引き渡し済"),
        _converted("converted only", "-2", "2026-06-01", status="Converted"),
        _lead("said handed over", status="Handed over", converted_date="2026-06-01"),
        # opportunities
        _converted("deal maker", "-3", "2026-05-10", converted_opportunity_id="006 converted"),
        _converted("deal maker 2", "-4", "2026-05-11", converted_opportunity_id="006 converted"),
        _converted("deal maker 3", "-5", "2026-05-09", converted_opportunity_id="006 named"),
        # rejected, and accepted with a value that cannot be read
        {"id": "timeless"},
        {"id": "", "created_date": CREATED},
        _lead("unreadable", number_of_employees="many", file=SECOND),
    ],
    "contact": [
        {"id": "contact", "email": "as.contact@example.jp"},
        {"id": "shared contact"},
        {"id": "losing contact", "master_record_id": "middle contact", "is_deleted": "true"},
        {"id": "middle contact", "master_record_id": "surviving contact", "is_deleted": "true"},
        {"id": "surviving contact", "phone": "+81355556666"},
        {"id": "never a lead"},
    ],
    "account": [
        {"id": "account", "name": "みほん", "company_key": "みほん", "phone": "+81312345678"},
        {"id": "merged account", "master_record_id": "account", "is_deleted": "true"},
    ],
    "opportunity": [
        {
            "id": "006 named",
            "lead_id": "plain lead",
            "account_id": "account",
            "created_date": CREATED,
            "stage_name": "受注",
            "amount": "1200000.50",
            "currency_iso_code": "JPY",
            "close_date": "2026-05-31",
            "fiscal_year": "2025",
            "fiscal_quarter": "4",
            "is_closed": "true",
            "is_won": "true",
            "owner_id": "owner today",
            "created_by_id": "creator",
            "loss_reason": "価格",
        },
        {"id": "006 converted", "created_date": CREATED, "owner_id": "owner today"},
        {"id": "006 primary", "created_date": CREATED},
        {"id": "006 only", "created_date": CREATED},
        {"id": "006 ambiguous", "created_date": CREATED},
        {"id": "006 deleted", "created_date": CREATED, "is_deleted": "true"},
    ],
    "opportunity_contact_role": [
        {"id": "r1", "opportunity_id": "006 primary", "contact_id": "never a lead"},
        {
            "id": "r2",
            "opportunity_id": "006 primary",
            "contact_id": "contact",
            "is_primary": "true",
        },
        {"id": "r3", "opportunity_id": "006 only", "contact_id": "contact"},
        {"id": "r4", "opportunity_id": "006 only", "contact_id": "contact", "role": "決裁者"},
        {"id": "r5", "opportunity_id": "006 ambiguous", "contact_id": "contact"},
        {"id": "r6", "opportunity_id": "006 ambiguous", "contact_id": "shared contact"},
        {
            "id": "r7",
            "opportunity_id": "006 only",
            "contact_id": "shared contact",
            "is_deleted": "true",
        },
        # a role in the deal that a lead was converted into tells nothing new
        {"id": "r8", "opportunity_id": "006 converted", "contact_id": "shared contact"},
    ],
    "opportunity_history": [
        _stage("h1", "006 named", "初回商談", "2026-04-01 00:00:00"),
        _stage("h2", "006 named", "初回商談", "2026-04-05 00:00:00", amount="1000000"),
        _stage("h3", "006 named", "提案", "2026-04-10 00:00:00"),
        _stage("h4", "006 named", "失注", "2026-04-15 00:00:00", is_deleted="true"),
        _stage("h5", "006 named", "提案", "2026-04-16 00:00:00"),
        _stage("h6", "006 named", "初回商談", "2026-04-20 00:00:00"),
        _stage("h7", "006 named", "受注", "2026-05-31 00:00:00"),
        _stage("h8", "006 converted", "提案", "2026-04-10 00:00:00"),
        _stage("h9", "006 absent", "提案", "2026-04-10 00:00:00"),
        _stage("h10", "", "提案", "2026-04-10 00:00:00"),
    ],
    "opportunity_field_history": [
        # with ids and with names, as Salesforce writes them
        _owner_change("f1", "006 named", "0051G000005MreQ", "owner two", "2026-04-10 00:00:00"),
        _owner_change("f2", "006 named", "佐藤 花子", "鈴木 一郎", "2026-04-10 00:00:00"),
        _owner_change("f3", "006 named", "owner two", "田中 太郎", "2026-04-20 00:00:01"),
        _owner_change("f4", "006 named", "", "", "2026-04-21 00:00:00", field="Amount"),
        _owner_change(
            "f5", "006 named", "x", "owner two", "2026-04-01 00:00:00", is_deleted="true"
        ),
        _owner_change("f6", "006 converted", "同姓", "同姓", "2026-04-05 00:00:00"),
    ],
    "lead_history": [
        _change("l1", "handed over", "Status", "Contacted", "2026-04-05 00:00:00"),
        _change("l2", "handed over", "Status", "Handed over", "2026-04-10 00:00:00"),
        _change("l3", "handed over", "Status", "Recycled", "2026-04-11 00:00:00"),
        _change("l4", "handed over", "Status", "引き渡し済", "2026-04-12 00:00:00"),
        _change("l5", LEAD_15, "Status", "Contacted", "2026-04-05 00:00:00"),
        _change("l6", "handed over", "Status", "", "2026-04-13 00:00:00"),
        _change("l7", "handed over", "Owner", "owner two", "2026-04-13 00:00:00"),
        _change("p1", "permitting", "Permission__c", "false", "2026-04-01 00:00:00"),
        _change("p2", "permitting", "Permission__c", "true", "2026-04-02 00:00:00"),
        _change("p3", "permitting", "Permission__c", "true", "2026-04-03 00:00:00"),
        _change("p4", "permitting", "Permission__c", "false", "2026-04-04 00:00:00"),
        _change("p5", "permitting", "Permission__c", "true", "2026-04-05 00:00:00"),
        _change("p6", "permitting", "Permission__c", "perhaps", "2026-04-06 00:00:00"),
        _change("p7", "another", "Permission__c", "true", "2026-04-03 00:00:00"),
    ],
    "task": [
        _task(
            "call",
            who_id="plain lead",
            owner_id="caller",
            created_by_id="integration",
            task_subtype="Call",
            call_object="dialer-1",
            call_disposition="担当者接続",
            call_duration_in_seconds="90",
            started_at="2026-04-03 01:00:00",
            completed_date_time="2026-04-03 02:00:00",
            reached="target",
            information_exchanged="true",
            need_recorded="false",
            is_internal="false",
        ),
        _task(
            "completed call",
            task_subtype="Call",
            call_duration_in_seconds="90",
            completed_date_time="2026-04-03 02:00:00",
            activity_date="2026-03-31",
        ),
        _task("created call", task_subtype="Call", call_duration_in_seconds="60"),
        _task("quick call", type="電話", task_subtype="Task"),
        _task("endless call", type="Call", call_duration_in_seconds="90000000000"),
        _task("backward call", type="Call", call_duration_in_seconds="-1"),
        _task("call to a contact", type="Call", who_id="contact"),
        _task("call to short id", type="Call", who_id=LEAD_15),
        _task("call to mobile", type="Call", who_id="mobile only"),
        _task("inbound call", task_subtype="Call", call_type="Inbound", who_id="plain lead"),
        _task("received call", type="入電", who_id="plain lead"),
        _task("internal call", task_subtype="Call", call_type="Internal"),
        _task("odd call", task_subtype="Call", call_type="Conference"),
        _task("own direction", task_subtype="Call", direction="Inbound"),
        _task("call type wins", task_subtype="Call", direction="Inbound", call_type="Outbound"),
        _task("call type only", call_type="Outbound"),
        _task("custom type call", type="架電(新規)", task_subtype="Call"),
        # plans, and what was taken away
        _task("open task", type="Call", is_closed="false", status="Not Started"),
        _task("future task", type="Call", is_closed="true", started_at="2027-01-01 00:00:00"),
        _task("done by status", type="Call", is_closed="", status="完了"),
        _task("no word", type="Call", is_closed="", status=""),
        _task("archived", type="Call", is_archived="true"),
        _task("deleted", type="Call", is_deleted="true"),
        _task("gone later", type="Call", file=FEW, system_modstamp="2026-04-01"),
        _task("updated", type="Call", file=FEW, system_modstamp="2026-04-01"),
        _task(
            "updated",
            type="Call",
            file=SECOND,
            system_modstamp="2026-04-02",
            call_disposition="不在",
        ),
        # no activity
        _task("to-do", task_subtype="Task"),
        _task("bare"),
        _task("preparation", type="準備", task_subtype="Call"),
        _task("unknown type", type="見積依頼", task_subtype="Task"),
        _task("unknown sub-type", task_subtype="Fax"),
        _task("unknown type again", type="見積依頼", file=SECOND),
        # mails
        _task(
            "mail",
            task_subtype="Email",
            who_id="contact",
            owner_id="writer",
            completed_date_time="2026-04-04 00:00:00",
        ),
        _task("tracked", task_subtype="Email", who_id="plain lead", message_id="m-1"),
        _task("tracked again", task_subtype="Email", who_id="plain lead", message_id="m-1"),
        _task("tracked other", task_subtype="Email", who_id="contact", message_id="m-1"),
        _task("list mail", task_subtype="ListEmail", who_id="of absent contact"),
        _task("to somebody", type="メール", who_id="who is that"),
        _task("mail received", type="Email", direction="inbound", message_id="m-1"),
        _task(
            "reply",
            type="メール返信",
            who_id="plain lead",
            message_id="m-1",
            information_exchanged="true",
            started_at="2026-04-05 00:00:00",
        ),
        _task("auto reply", type="自動返信", who_id="plain lead", message_id="m-1"),
        # touches
        _task(
            "dm",
            type="DM",
            who_id="plain lead",
            owner_id="writer",
            replied_at="2026-04-09 00:00:00",
            need_recorded="true",
            started_at="2026-04-05 00:00:00",
        ),
        _task("linkedin", task_subtype="LinkedIn", direction="inbound"),
    ],
    "event": [
        _event(
            "meeting",
            who_id="contact",
            what_id="006 named",
            created_by_id="booker",
            owner_id="field sales",
            start_date_time="2026-04-20 05:00:00",
            outcome="実施",
            judged_at="2026-04-21 00:00:00",
            judgement="有効",
            judgement_reason="予算あり",
        ),
        _event("meeting copy", who_id="contact", is_child="true", is_group_event="true"),
        _event("group meeting", is_child="false", is_group_event="true"),
        _event("series", is_recurrence="true"),
        _event("of the series", is_recurrence="false"),
        _event("deleted event", is_deleted="true", is_child="true"),
        _event("team meeting", type="社内会議"),
        _event("odd meeting", type="工場見学"),
        _event("untyped event", type=""),
        _event("day-long meeting", activity_date="2026-04-22", what_id="account"),
        _event("booked before", booked_at="2026-03-20 00:00:00"),
        _event("moved", rescheduled_from_id="meeting", who_id=LEAD_15),
    ],
    "campaign": [{"id": "campaign", "name": "展示会"}],
    "campaign_member": [{"id": "member", "campaign_id": "campaign", "lead_id": "plain lead"}],
    "user": [
        {
            "id": "owner two",
            "name": "鈴木 一郎",
            "email": "suzuki@example.jp",
            "user_role_id": "role",
            "department": "IS",
            "is_active": "false",
        },
        {"id": "owner three", "name": "田中 太郎"},
        {"id": "namesake 1", "name": "同姓"},
        {"id": "namesake 2", "name": "同姓"},
    ],
    "user_role": [{"id": "role", "name": "第一チーム"}],
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    return stage(tmp_path_factory.mktemp("salesforce"), LANDED)


# --- ids, leads, contacts -------------------------------------------------------------------------


def test_a_lead_brings_its_columns(staged: Staged) -> None:
    assert staged.of(
        "leads",
        "plain lead",
        "created_at, source, latest_source, status, owner_id, account_id, company, company_key,"
        " industry, employees, title, email, phone, mobile_phone, is_target, is_deleted,"
        " merged_into_id, handed_over_at, updated_at, source_system, source_object, source_file,"
        " source_row",
    ) == (
        *(datetime(2026, 4, 1), "展示会", "ウェビナー", "New", "owner", "account"),
        *("株式会社みほん", "みほん", "製造", 1200, "部長", "lead@example.jp"),
        *("+81312345678", "+819012345678", False, None, None, None),
        *(datetime(2026, 5, 1), "salesforce", "lead", FEW, 1),
    )


def test_fifteen_and_eighteen_characters_are_one_lead(staged: Staged) -> None:
    assert staged.of("leads", LEAD_18, "email") == ("long@example.jp",)
    assert staged.query(
        f"select row_status from staging.base_salesforce__lead where id = '{LEAD_18}' order by 1"
    ) == [("accepted",), ("duplicate",)]


def test_a_who_id_of_fifteen_characters_names_the_lead(staged: Staged) -> None:
    assert staged.of("calls", "call to short id", "lead_id") == (LEAD_18,)
    assert staged.of("appointments", "moved", "lead_id") == (LEAD_18,)
    assert staged.query(
        "select lead_id from staging.stg_salesforce__lead_status_history"
        f" where lead_id like '{LEAD_15}%'"
    ) == [(LEAD_18,)]


def test_no_column_of_a_persons_name_is_staged(staged: Staged) -> None:
    found = staged.query(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'staging' and (column_name in ('first_name', 'last_name', 'subject')"
        " or (column_name = 'name' and table_name similar to '.*(lead|contact|people).*'))"
    )
    assert found == []
    assert staged.query(
        "select count(*) > 100 from information_schema.columns where table_schema = 'staging'"
    ) == [(True,)]


def test_a_merged_lead_names_its_survivor(staged: Staged) -> None:
    assert staged.of("leads", "loser", "merged_into_id, is_deleted") == ("plain lead", True)


def test_a_contact_means_the_lead_it_was_converted_from(staged: Staged) -> None:
    aliases = staged.query("select alias_id, lead_id from staging.stg_salesforce__lead_aliases")
    assert {alias: lead for alias, lead in aliases if not alias.startswith("-")} == {
        "contact": "converted",
        "absent contact": "of absent contact",
        # of several leads the first that is still there
        "shared contact": "first into one",
        # contacts that were merged are one person, whichever of them was the lead
        "losing contact": "of the loser",
        "middle contact": "of the loser",
        "surviving contact": "of the loser",
    }
    assert len(aliases) == len({alias for alias, _ in aliases}) == 11
    assert staged.of("calls", "call to a contact", "lead_id") == ("contact",)


def test_aliases_and_accounts_name_no_landed_row(staged: Staged) -> None:
    for feed in ("lead_aliases", "accounts"):
        assert staged.query(
            f"select count(*) > 0, count(source_file), count(source_row)"
            f" from staging.stg_salesforce__{feed}"
        ) == [(True, 0, 0)]


def test_an_account_brings_its_matching_columns(staged: Staged) -> None:
    columns = "company_key, phone, is_deleted, merged_into_id"
    assert staged.of("accounts", "account", columns) == ("みほん", "+81312345678", None, None)
    assert staged.of("accounts", "merged account", columns) == (None, None, True, "account")


def test_a_hand_over_is_the_first_entry_else_the_day_of_conversion(staged: Staged) -> None:
    found = staged.query(
        "select lead_id, handed_over_at from staging.stg_salesforce__leads"
        " where handed_over_at is not null"
    )
    assert dict(found) == {
        "handed over": datetime(2026, 4, 10),
        # the first of June in Tokyo
        "handed over on the day": datetime(2026, 5, 31, 15),
    }


def test_status_changes_are_the_status_history(staged: Staged) -> None:
    assert staged.query(
        "select status, entered_at, changed_by_id, source_row"
        " from staging.stg_salesforce__lead_status_history where lead_id = 'handed over' order by 2"
    ) == [
        ("Contacted", datetime(2026, 4, 5), "changer", 1),
        ("Handed over", datetime(2026, 4, 10), "changer", 2),
        ("Recycled", datetime(2026, 4, 11), "changer", 3),
        ("引き渡し済", datetime(2026, 4, 12), "changer", 4),
    ]
    assert staged.fate("lead_history", "l6") == "rejected"
    assert staged.fate("lead_history", "l7") == "unused_history_field"


def test_a_permission_ends_with_its_revocation(staged: Staged) -> None:
    assert staged.query(
        "select lead_id, granted_at, revoked_at from staging.stg_salesforce__permissions"
        " order by 1, 2"
    ) == [
        ("another", datetime(2026, 4, 3), None),
        ("permitting", datetime(2026, 4, 2), datetime(2026, 4, 4)),
        ("permitting", datetime(2026, 4, 5), None),
    ]
    fates = [staged.fate("lead_history", f"p{number}") for number in range(1, 8)]
    assert fates == ["nothing_to_revoke", None, "already_granted", "used", None, "rejected", None]


# --- deals ----------------------------------------------------------------------------------------


def test_a_deal_brings_its_columns_and_no_fiscal_year(staged: Staged) -> None:
    assert staged.of(
        "opportunities",
        "006 named",
        "account_id, created_at, stage, amount, currency, owner_id, created_by_id, close_date,"
        " is_closed, is_won, loss_reason, is_deleted",
    ) == (
        *("account", datetime(2026, 4, 1), "受注", pytest.approx(1200000.5), "JPY"),
        *("owner today", "creator", date(2026, 5, 31), True, True, "価格", None),
    )
    assert staged.query(
        "select count(*) from information_schema.columns where column_name like 'fiscal%'"
        " and table_schema = 'staging'"
    ) == [(0,)]
    assert staged.of("opportunities", "006 deleted", "is_deleted") == (True,)


def test_a_deals_lead_is_named_else_converted_else_its_contact(staged: Staged) -> None:
    found = staged.query(
        "select opportunity_id, lead_id from staging.stg_salesforce__opportunities"
    )
    assert dict(found) == {
        "006 named": "plain lead",
        "006 converted": "deal maker",
        "006 primary": "contact",
        "006 only": "contact",
        "006 ambiguous": None,
        "006 deleted": None,
    }


def test_a_stage_is_entered_when_it_differs_from_the_one_before(staged: Staged) -> None:
    assert staged.query(
        "select stage, entered_at, changed_by_id"
        " from staging.stg_salesforce__opportunity_stage_history"
        " where opportunity_id = '006 named' order by 2"
    ) == [
        ("初回商談", datetime(2026, 4, 1), "changer"),
        ("提案", datetime(2026, 4, 10), "changer"),
        ("初回商談", datetime(2026, 4, 20), "changer"),
        ("受注", datetime(2026, 5, 31), "changer"),
    ]
    fates = [staged.fate("opportunity_history", f"h{number}") for number in (2, 4, 5, 9)]
    assert fates == ["no_stage_change", "deleted_in_source", "no_stage_change", None]


def test_r11_a_stage_is_credited_to_the_owner_at_that_time(staged: Staged) -> None:
    assert staged.query(
        "select opportunity_id, entered_at, owner_id"
        " from staging.stg_salesforce__opportunity_stage_history order by 1, 2"
    ) == [
        ("006 absent", datetime(2026, 4, 10), None),
        # two users bear the name in the history: the owner of today
        ("006 converted", datetime(2026, 4, 10), "owner today"),
        # before the first change, its old value; a user that is in no extract
        ("006 named", datetime(2026, 4, 1), "0051G000005MreQQAS"),
        # at the moment of the change, its new value
        ("006 named", datetime(2026, 4, 10), "owner two"),
        ("006 named", datetime(2026, 4, 20), "owner two"),
        # a name that only one user has, though the record has another owner today
        ("006 named", datetime(2026, 5, 31), "owner three"),
    ]


# --- tasks ----------------------------------------------------------------------------------------


def test_a_call_brings_its_columns(staged: Staged) -> None:
    assert staged.of(
        "calls",
        "call",
        "lead_id, rep_id, direction, from_number, to_number, started_at, answered_at, ended_at,"
        " disposition, reached, information_exchanged, need_recorded, is_internal, logged_by,"
        " external_call_id, parent_call_id, note, rep_email, source_object",
    ) == (
        *("plain lead", "caller", "outbound", None, "+81312345678"),
        *(datetime(2026, 4, 3, 1), None, datetime(2026, 4, 3, 1, 1, 30)),
        *("担当者接続", "target", True, False, False, "crm", "dialer-1", None, None, None, "task"),
    )


@pytest.mark.parametrize(
    ("call_id", "started_at", "ended_at"),
    [
        # a call is logged when it ends; the due date says nothing
        ("completed call", datetime(2026, 4, 3, 1, 58, 30), datetime(2026, 4, 3, 2)),
        ("created call", datetime(2026, 3, 31, 23, 59), datetime(2026, 4, 1)),
        ("quick call", datetime(2026, 4, 1), None),
        # longer than a day, or less than nothing, is no duration
        ("endless call", datetime(2026, 4, 1), None),
        ("backward call", datetime(2026, 4, 1), None),
    ],
)
def test_a_calls_time_is_its_own_else_completion_or_creation(
    staged: Staged, call_id: str, started_at: datetime, ended_at: datetime | None
) -> None:
    assert staged.of("calls", call_id, "started_at, ended_at") == (started_at, ended_at)


@pytest.mark.parametrize(
    ("call_id", "direction", "from_number", "to_number", "is_internal"),
    [
        ("call to mobile", "outbound", None, "+819011112222", False),
        ("inbound call", "inbound", "+81312345678", None, False),
        ("received call", "inbound", "+81312345678", None, False),
        ("internal call", "internal", None, None, True),
        # kept under its own name, so that it is reported
        ("odd call", "conference", None, None, False),
        ("own direction", "inbound", None, None, False),
        ("call type wins", "outbound", None, None, False),
        ("call type only", "outbound", None, None, None),
        ("custom type call", "outbound", None, None, False),
    ],
)
def test_a_calls_direction_is_call_type_else_its_own_else_the_types(
    staged: Staged,
    call_id: str,
    direction: str,
    from_number: str | None,
    to_number: str | None,
    is_internal: bool | None,
) -> None:
    columns = "direction, from_number, to_number, coalesce(is_internal, false)"
    assert staged.of("calls", call_id, columns) == (
        direction,
        from_number,
        to_number,
        bool(is_internal),
    )


@pytest.mark.parametrize(
    ("task_id", "fate"),
    [
        ("open task", "open_task"),
        ("no word", "open_task"),
        # no model of staging knows the as-of date
        ("future task", None),
        ("done by status", None),
        ("archived", None),
        ("deleted", "deleted_in_source"),
        ("to-do", "no_approach"),
        ("bare", "no_approach"),
        ("preparation", "no_approach"),
        ("unknown type", "unmapped_activity_type"),
        ("unknown sub-type", "unmapped_activity_type"),
        ("tracked again", "logged_twice"),
    ],
)
def test_only_what_was_done_is_work(staged: Staged, task_id: str, fate: str | None) -> None:
    assert staged.fate("task", task_id) == fate
    feeds = [
        feed
        for feed in ("calls", "emails", "email_events", "touches")
        if staged.query(
            f"select 1 from staging.stg_salesforce__{feed}"
            f" where source_row = (select source_row from staging.base_salesforce__task"
            f" where id = '{task_id}')"
        )
    ]
    assert feeds == ([] if fate else ["calls"])


def test_a_task_that_a_later_export_no_longer_holds_is_not_deleted(staged: Staged) -> None:
    assert staged.of("calls", "gone later", "source_file") == (FEW,)
    assert staged.of("calls", "updated", "source_file, disposition") == (SECOND, "不在")


def test_a_mail_goes_to_the_address_of_its_person(staged: Staged) -> None:
    found = staged.query(
        "select message_id, recipient, lead_id, rep_id, kind, logged_by, sent_at"
        " from staging.stg_salesforce__emails order by 1, 2"
    )
    at = datetime(2026, 4, 1)
    assert found == [
        ("list mail", "a@example.jp", "of absent contact", None, "bulk", "crm", at),
        ("m-1", "as.contact@example.jp", "contact", None, "one_to_one", "crm", at),
        ("m-1", "lead@example.jp", "plain lead", None, "one_to_one", "crm", at),
        (
            *("mail", "as.contact@example.jp", "contact", "writer"),
            *("one_to_one", "crm", datetime(2026, 4, 4)),
        ),
        ("to somebody", None, "who is that", None, "one_to_one", "crm", at),
    ]


def test_a_reply_is_an_event_of_the_message(staged: Staged) -> None:
    assert staged.query(
        "select event_id, event, message_id, recipient, information_exchanged, occurred_at"
        " from staging.stg_salesforce__email_events order by 1"
    ) == [
        ("auto reply", "auto_reply", "m-1", "lead@example.jp", None, datetime(2026, 4, 1)),
        ("mail received", "reply", "m-1", None, None, datetime(2026, 4, 1)),
        ("reply", "reply", "m-1", "lead@example.jp", True, datetime(2026, 4, 5)),
    ]


def test_other_approaches_are_touches(staged: Staged) -> None:
    columns = (
        "lead_id, rep_id, activity_channel, direction, occurred_at, replied_at,"
        " information_exchanged, need_recorded"
    )
    assert staged.of("touches", "dm", columns) == (
        *("plain lead", "writer", "dm", "outbound", datetime(2026, 4, 5)),
        *(datetime(2026, 4, 9), None, True),
    )
    assert staged.of("touches", "linkedin", "activity_channel, direction") == ("sns", "inbound")


def test_r8_a_type_that_nobody_mapped_is_counted(staged: Staged) -> None:
    assert staged.query(
        "select source_object, rule, code, row_count, source_file, source_row"
        " from staging.stg_salesforce__unmapped_codes order by 3"
    ) == [
        ("event", "unmapped_activity_type", "event.type=工場見学", 1, FEW, 8),
        ("task", "unmapped_activity_type", "task.task_subtype=fax", 1, FEW, 30),
        # once in either file: the first row is told
        ("task", "unmapped_activity_type", "task.type=見積依頼", 2, FEW, 29),
    ]


# --- events ---------------------------------------------------------------------------------------


def test_r11_an_appointment_is_the_bookers_whoever_owns_it_now(staged: Staged) -> None:
    assert staged.of(
        "appointments",
        "meeting",
        "lead_id, opportunity_id, booked_by_id, owner_id, booked_at, starts_at, outcome,"
        " rescheduled_from_id, judged_at, judgement, judgement_reason",
    ) == (
        *("contact", "006 named", "booker", "field sales", datetime(2026, 4, 1)),
        *(datetime(2026, 4, 20, 5), "実施", None, datetime(2026, 4, 21), "有効", "予算あり"),
    )


def test_an_appointment_keeps_when_it_was_booked_and_what_it_replaces(staged: Staged) -> None:
    assert staged.of("appointments", "booked before", "booked_at") == (datetime(2026, 3, 20),)
    assert staged.of("appointments", "moved", "rescheduled_from_id") == ("meeting",)


def test_an_all_day_meeting_begins_on_its_day_in_business_time(staged: Staged) -> None:
    assert staged.of("appointments", "day-long meeting", "starts_at, opportunity_id") == (
        datetime(2026, 4, 21, 15),
        None,
    )


@pytest.mark.parametrize(
    ("event_id", "fate"),
    [
        ("meeting", None),
        ("meeting copy", "invitee_copy"),
        ("group meeting", None),
        ("series", "recurrence_series"),
        ("of the series", None),
        ("deleted event", "deleted_in_source"),
        ("team meeting", "no_customer_meeting"),
        ("odd meeting", None),
        ("untyped event", None),
    ],
)
def test_only_a_meeting_with_a_customer_is_an_appointment(
    staged: Staged, event_id: str, fate: str | None
) -> None:
    assert staged.fate("event", event_id) == fate
    found = staged.query(
        "select count(*) from staging.stg_salesforce__appointments"
        f" where appointment_id = '{event_id}'"
    )
    assert found == [(0 if fate else 1,)]


# --- users, findings, the account of rows --------------------------------------------------------


def test_a_users_role_is_the_team(staged: Staged) -> None:
    columns = "name, team, department, email, active_from, active_to"
    assert staged.of("users", "owner two", columns) == (
        *("鈴木 一郎", "第一チーム", "IS", "suzuki@example.jp", None, None),
    )
    assert staged.of("users", "owner three", "team") == (None,)


def test_what_cannot_be_read_is_a_finding_that_names_the_column(staged: Staged) -> None:
    assert staged.query(
        "select source_object, source_file, source_row, source_id, rule, detail"
        " from staging.stg_salesforce__row_findings order by 1, 4 nulls first"
    ) == [
        ("lead", FEW, 20, None, "missing_required_value", "id"),
        ("lead", FEW, 19, "timeless", "missing_required_value", "created_date"),
        ("lead", SECOND, 1, "unreadable", "unreadable_value", "number_of_employees"),
        ("lead_history", FEW, 6, "l6", "missing_required_value", "new_value"),
        ("lead_history", FEW, 13, "p6", "unreadable_required_value", "new_value"),
        ("opportunity_history", FEW, 10, "h10", "missing_required_value", "opportunity_id"),
        ("task", FEW, 6, "backward call", "unreadable_value", "call_duration_in_seconds"),
        ("task", FEW, 5, "endless call", "unreadable_value", "call_duration_in_seconds"),
    ]


def test_the_account_says_why_rows_reach_no_common_object(staged: Staged) -> None:
    found = staged.query(
        "select source_object, fate, sum(row_count)::int from staging.stg_salesforce__row_account"
        " group by all"
    )
    assert {(name, fate): count for name, fate, count in found} == {
        ("lead", "duplicate"): 1,
        ("lead", "rejected"): 2,
        ("contact", "used"): 6,
        ("account", "used"): 2,
        ("opportunity_contact_role", "used"): 7,
        ("opportunity_contact_role", "deleted_in_source"): 1,
        ("opportunity_history", "no_stage_change"): 2,
        ("opportunity_history", "deleted_in_source"): 1,
        ("opportunity_history", "rejected"): 1,
        ("opportunity_field_history", "used"): 4,
        ("opportunity_field_history", "unused_history_field"): 1,
        ("opportunity_field_history", "deleted_in_source"): 1,
        ("lead_history", "rejected"): 2,
        ("lead_history", "unused_history_field"): 1,
        ("lead_history", "used"): 1,
        ("lead_history", "already_granted"): 1,
        ("lead_history", "nothing_to_revoke"): 1,
        ("task", "duplicate"): 1,
        ("task", "open_task"): 2,
        ("task", "deleted_in_source"): 1,
        ("task", "no_approach"): 3,
        ("task", "unmapped_activity_type"): 3,
        ("task", "logged_twice"): 1,
        ("event", "invitee_copy"): 1,
        ("event", "recurrence_series"): 1,
        ("event", "deleted_in_source"): 1,
        ("event", "no_customer_meeting"): 1,
        ("campaign", "not_read"): 1,
        ("campaign_member", "not_read"): 1,
        ("user_role", "used"): 1,
    }


def assert_every_row_is_accounted_for(staged: Staged) -> None:
    """Each landed row is in one feed, once, or counted in the account, per object and file."""
    fed = staged.query(
        " union all ".join(
            f"select source_object, source_file, source_row from staging.stg_salesforce__{feed}"
            " where source_file is not null"
            for feed in FEEDS
        )
    )
    assert len(fed) > 0
    assert [row for row, count in Counter(fed).items() if count > 1] == []
    accounted = Counter((name, file) for name, file, _ in fed)
    for name, file, count in staged.query(
        "select source_object, source_file, row_count from staging.stg_salesforce__row_account"
    ):
        accounted[name, file] += count
    landed = Counter(
        (name, row.get("file", FEW)) for name, rows in staged.rows_by_object.items() for row in rows
    )
    assert set(landed) >= {(name, FEW) for name in _tables()}
    assert {key: (accounted[key], landed[key]) for key in accounted.keys() | landed.keys()} == {
        key: (count, count) for key, count in landed.items()
    }
    # a rejected row is one finding, and no other row has a reason to be rejected
    assert staged.query(
        "select source_object, source_file, cast(sum(row_count) as bigint) as row_count"
        " from staging.stg_salesforce__row_account where fate = 'rejected'"
        " group by all order by all"
    ) == staged.query(
        "select source_object, source_file, count(*) from staging.stg_salesforce__row_findings"
        " where rule <> 'unreadable_value' group by all order by all"
    )


def test_every_landed_row_is_accounted_for(staged: Staged) -> None:
    assert_every_row_is_accounted_for(staged)


def _random_rows(name: str, rng: random.Random) -> list[Row]:
    """Rows of an object with few different values, so that ids meet, and with bad ones."""
    ids = ["", *(f"id {number}" for number in range(25)), LEAD_15, LEAD_18]
    times = ["", "soon", "1900-01-01", *(f"2026-04-{day:02d} 01:00:00" for day in range(1, 9))]
    values = {
        "salesforce_id": ids,
        "timestamp": times,
        "date": ["", "2026-02-30", "2026-04-05"],
        "boolean": ["", "true", "false", "perhaps"],
        "integer": ["", "60", "-5", "99999999999999", "1e3", "many"],
        "decimal": ["", "10.5", "¥1"],
        "phone": ["", "+81312345678"],
        "email": ["", "a@example.jp"],
    }
    by_column = {
        "type": ["", "Call", "メール", "DM", "商談", "社内会議", "見積依頼"],
        "task_subtype": ["", "Call", "Email", "ListEmail", "Task", "Fax"],
        "call_type": ["", "Inbound", "Outbound", "Conference"],
        "status": ["", "完了", "Handed over", "New"],
        "field": ["", "Status", "Permission__c", "Owner", "Amount"],
        "stage_name": ["", "提案", "受注", " 提案 "],
        "message_id": ["", "m-1", "m-2"],
    }
    rows = []
    for _ in range(300):
        row = {
            column["name"]: rng.choice(
                by_column.get(column["name"])
                or values.get(column["data_type"], ["", "true", "false", "id 1", "'; drop --"])
            )
            for column in _tables()[name]["columns"]
        }
        # most rows can be read
        if rng.random() < 0.9:
            row["id"] = f"id {rng.randrange(200)}"
            row |= {
                column["name"]: rng.choice(times[3:])
                for column in _tables()[name]["columns"]
                if column["name"] == "created_date"
            }
        rows.append({**row, "file": rng.choice([FEW, SECOND])})
    return rows


def test_every_row_of_a_random_landing_is_accounted_for(tmp_path: Path) -> None:
    rng = random.Random(1)
    staged = stage(tmp_path, {name: _random_rows(name, rng) for name in _tables()})
    assert_every_row_is_accounted_for(staged)
    for feed in FEEDS:
        assert staged.query(f"select count(*) > 0 from staging.stg_salesforce__{feed}") == [(True,)]


def test_no_landed_row_at_all_is_no_error(tmp_path: Path) -> None:
    staged = stage(tmp_path, {})
    for feed in (*FEEDS, "row_account", "row_findings", "unmapped_codes"):
        assert staged.query(f"select count(*) from staging.stg_salesforce__{feed}") == [(0,)]
