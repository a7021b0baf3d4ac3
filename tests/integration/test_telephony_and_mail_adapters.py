"""What the adapters of MiiTel and SendGrid make of landed rows, with their real mappings.

The rows stand as landing writes them: ISO times in UTC, E.164 numbers, lower-case addresses. dbt
builds the two folders with their data and unit tests; every landed row has to come out once.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from kpi_warehouse.dbt_build import WITHOUT_UNIT_TESTS, run_dbt_build
from kpi_warehouse.settings import PROJECT_DIR
from workbench import put_on_workbench

Row = Mapping[str, str]
Query = Callable[[str], list[tuple]]
STAGING = PROJECT_DIR / "models" / "staging"
FEEDS = {
    "miitel": ("calls",),
    "sendgrid": ("emails", "email_events"),
}
DIAL = "2026-04-01T00:00:00Z"
# what an export of either language and width calls a call -> direction, answered
CALL_TYPES = {
    "発信": ("outbound", True),
    "発信 (不在)": ("outbound", False),
    "発信(不在)": ("outbound", False),
    "発信（不在）": ("outbound", False),
    "発信　（不在）": ("outbound", False),
    "着信": ("inbound", True),
    "着信 (不在)": ("inbound", False),
    "転送": (None, True),
    "転送 (不在)": (None, False),
    "内線": ("internal", True),
    "内線 (不在)": ("internal", False),
    "留守番電話": ("inbound", False),
    "Outbound call": ("outbound", True),
    "Outbound calls": ("outbound", True),
    "Outbound call (No answer)": ("outbound", False),
    "Outbound call (No Answer)": ("outbound", False),
    "Incoming call": ("inbound", True),
    "Incoming call (No Answer)": ("inbound", False),
    "Call forwarding": (None, True),
    "Call forwarding (No Answer)": (None, False),
    "Internal call": ("internal", True),
    "Internal Call (No answer)": ("internal", False),
    "Answering machine": ("inbound", False),
    "Answering machine (No Answer)": ("inbound", False),
    # two codes of the mapping that are one without their blanks
    "Voicemail": ("inbound", False),
    "Voice mail": ("inbound", False),
}


def _call(sequence_id: str, call_type: str, **columns: str) -> Row:
    return {"sequence_id": sequence_id, "call_type": call_type, "dial_begin_time": DIAL} | columns


def _event(event_id: str, message_id: str, event: str, seconds: int, **columns: str) -> Row:
    """An event so many seconds after the first of April began in UTC."""
    time = dt.datetime(2026, 4, 1) + dt.timedelta(seconds=seconds)
    return {
        "sg_event_id": event_id,
        "sg_message_id": message_id,
        "event": event,
        "timestamp": f"{time.isoformat()}Z",
        "email": "person@example.jp",
    } | columns


CALLS: list[Row] = [
    *(_call(f"type {number}", name) for number, name in enumerate(CALL_TYPES)),
    _call(
        "9007199254740993001",
        "発信",
        user_name="山田 太郎",
        user_email="rep@example.jp",
        call_from="+81312345678",
        call_to="+819012345678",
        call_begin_time="2026-04-01T00:00:12Z",
        call_end_time="2026-04-01T00:03:12Z",
        ringing_time="12",
        call_duration="180",
        call_memo="秘密",
    ),
    _call("9007199254740993002", "転送", previous_sequence_id="9007199254740993001"),
    _call("9007199254740993003", "転送 (不在)", parent_sequence_id="9007199254740993001"),
    _call("no user", "発信 (不在)", user_email="-", user_name="-", call_to="-"),
    _call("exported again", "発信 (不在)", file="1.csv"),
    _call("exported again", "発信", file="2.csv"),
    _call("unknown type", "ウェブ通話"),
    _call("no begin", "発信", ringing_time="0:00:30", call_duration="0:01:00"),
    _call("bad score", "発信", overall_score="good"),
    _call("no start", "発信", dial_begin_time=""),
    _call("no such start", "発信", dial_begin_time="2026-02-30T00:00:00Z"),
    _call("", "発信"),
]
EVENTS: list[Row] = [
    # delivered out of order, and two of them twice
    _event("open 1", "m1.filterdrecv-1", "open", 60, sg_machine_open="true", useragent="Proxy"),
    _event("open 1", "m1.filterdrecv-1", "open", 60, sg_machine_open="true", file="2.jsonl"),
    _event("open 2", "m1.filterdrecv-1", "open", 90, sg_machine_open="false"),
    _event("delivered 1", "m1.filterdrecv-1", "delivered", 2),
    _event("deferred 1", "m1.filterdrecv-1", "deferred", 1, reason="try person@example.jp later"),
    _event("processed 1", "m1.filterdrecv-1", "processed", 0, category='["2026", "newsletter"]'),
    _event("processed 1", "m1.filterdrecv-1", "processed", 0, file="2.jsonl", category="bulk"),
    # one message to two addresses
    _event("processed 2", "m2.recvd-1", "processed", 5, category="1:1"),
    _event("processed 3", "m2.recvd-1", "processed", 5, category="1:1", email="other@example.jp"),
    _event("delivered 2", "m2.recvd-1", "delivered", 6),
    _event("bounce 2", "m2.recvd-1", "bounce", 9, reason="550 no such person@example.jp"),
    _event("dropped 3", "m2.recvd-1", "dropped", 7, email="other@example.jp"),
    # its sending is in no file
    _event("click 4", "m4", "click", 30, url="https://example.jp/?to=person@example.jp"),
    _event("delivered 4", "m4", "delivered", 20, category="sales"),
    # announced under two ids
    _event("processed 5", "m5", "processed", 40),
    _event("processed 6", "m5", "processed", 41),
    _event("spam 5", "m5", "spamreport", 50),
    _event("unsubscribe 5", "m5", "unsubscribe", 51),
    _event("new 5", "m5", "group_resubscribe", 52),
    _event("no time", "m6", "open", 0, timestamp=""),
    _event("no message", "", "open", 0),
    _event("", "m6", "open", 0),
    _event("bad flag", "m1.filterdrecv-1", "open", 95, sg_machine_open="perhaps"),
]


def _land(data_dir: Path, system: str, name: str, rows: Sequence[Row]) -> None:
    """Write rows as landing does: text columns of the declared object, one Parquet per file."""
    declared = yaml.safe_load((STAGING / system / f"_{system}__sources.yml").read_text("utf-8"))
    tables = {table["name"]: table for table in declared["sources"][0]["tables"]}
    columns = [column["name"] for column in tables[name]["columns"]]
    folder = data_dir / "landing" / system / name
    folder.mkdir(parents=True)
    unknown = {column for row in rows for column in row} - {*columns, "file"}
    assert not unknown
    # an object without a file is landed as a table without a row
    for file in {row.get("file", "1") for row in rows} or {"_schema"}:
        texts = [row for row in rows if row.get("file", "1") == file]
        table = {
            column: pa.array([row.get(column) for row in texts], pa.string()) for column in columns
        }
        table["_file_name"] = pa.array([file] * len(texts), pa.string())
        table["_row_number"] = pa.array(range(1, len(texts) + 1), pa.int64())
        table["_file_hash"] = pa.array(["hash"] * len(texts), pa.string())
        pq.write_table(pa.table(table), folder / f"{file}.parquet")


def _build(data_dir: Path, *more: str) -> None:
    """Build the two folders. Raises BuildError if a model, data test or unit test fails."""
    bench = put_on_workbench(data_dir)
    environment = {
        "AS_OF_DATE": "2026-09-30",
        "DATA_DIR": str(bench),
        "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
    }
    folders = [f"path:models/staging/{system}" for system in FEEDS]
    selection = ["--select", *folders, "call_types", "email_kinds", *more]
    run_dbt_build(environment, data_dir / "dbt", lambda line: None, ("build", *selection))


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """Run a query on the adapters of CALLS and EVENTS."""
    data_dir = tmp_path_factory.mktemp("adapters")
    _land(data_dir, "miitel", "call", CALLS)
    _land(data_dir, "sendgrid", "event", EVENTS)
    _build(data_dir)
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("use staging")
        yield lambda sql: connection.execute(sql).fetchall()


@pytest.mark.parametrize(("system", "landed"), [("miitel", CALLS), ("sendgrid", EVENTS)])
def test_every_landed_row_comes_out_once(query: Query, system: str, landed: list[Row]) -> None:
    rows = [
        row
        for feed in FEEDS[system]
        for row in query(
            f"select source_file, source_row from stg_{system}__{feed} where source_row is not null"
        )
    ]
    assert len(set(rows)) == len(rows) > 0
    account = query(f"select source_file, fate, row_count from stg_{system}__row_account")
    assert {fate for _, fate, _ in account} >= {"duplicate", "rejected"}
    counted = Counter(file for file, _ in rows)
    for file, _, count in account:
        counted[file] += count
    assert counted == Counter(row.get("file", "1") for row in landed)


def test_a_call_type_is_known_in_either_language_and_width(query: Query) -> None:
    found = query(
        "select call_id, direction, answered_at is not null, disposition from stg_miitel__calls "
        "where call_id like 'type %'"
    )
    expected = [
        (f"type {number}", *meaning, None) for number, meaning in enumerate(CALL_TYPES.values())
    ]
    assert sorted(found) == sorted(expected)


def test_only_an_answering_machine_reached_a_machine(query: Query) -> None:
    machines = [
        f"type {n}" for n, name in enumerate(CALL_TYPES) if name[:3] in ("留守番", "Ans", "Voi")
    ]
    assert len(machines) == 5
    assert query(
        "select distinct reached, answered_at from stg_miitel__calls where reached is not null"
    ) == [("machine", None)]
    found = query("select call_id from stg_miitel__calls where reached = 'machine'")
    assert sorted(row[0] for row in found) == sorted(machines)


def test_internal_calls_say_so(query: Query) -> None:
    assert query(
        "select distinct direction, is_internal from stg_miitel__calls "
        "where direction = 'internal' or is_internal"
    ) == [("internal", True)]


def test_a_call_keeps_its_long_id_its_numbers_and_its_times(query: Query) -> None:
    assert query(
        "select call_id, external_call_id, rep_email, from_number, to_number, logged_by, "
        "started_at, answered_at, ended_at, source_system, source_object from stg_miitel__calls "
        "where call_id = '9007199254740993001'"
    ) == [
        (
            "9007199254740993001",
            "9007199254740993001",
            "rep@example.jp",
            "+81312345678",
            "+819012345678",
            "dialer",
            dt.datetime(2026, 4, 1),
            dt.datetime(2026, 4, 1, 0, 0, 12),
            dt.datetime(2026, 4, 1, 0, 3, 12),
            "miitel",
            "call",
        )
    ]


def test_a_transfer_names_the_call_it_belongs_to(query: Query) -> None:
    assert query(
        "select call_id, parent_call_id from stg_miitel__calls "
        "where parent_call_id is not null order by call_id"
    ) == [
        ("9007199254740993002", "9007199254740993001"),
        ("9007199254740993003", "9007199254740993001"),
    ]


def test_a_dash_is_no_user_and_no_number(query: Query) -> None:
    assert query(
        "select rep_email, to_number, answered_at from stg_miitel__calls where call_id = 'no user'"
    ) == [(None, None, None)]


def test_an_answered_call_without_a_begin_was_answered_after_ringing(query: Query) -> None:
    assert query(
        "select answered_at, ended_at from stg_miitel__calls where call_id = 'no begin'"
    ) == [(dt.datetime(2026, 4, 1, 0, 0, 30), dt.datetime(2026, 4, 1, 0, 1, 30))]


def test_a_call_that_was_exported_again_is_the_later_one(query: Query) -> None:
    assert query(
        "select source_file, answered_at is not null from stg_miitel__calls "
        "where call_id = 'exported again'"
    ) == [("2.csv", True)]


def test_an_unknown_call_type_stays_without_a_direction(query: Query) -> None:
    assert query(
        "select direction, disposition from stg_miitel__calls where call_id = 'unknown type'"
    ) == [(None, "ウェブ通話")]


def test_findings_name_the_column_and_no_value(query: Query) -> None:
    assert query(
        "select source_object, coalesce(source_id, ''), rule, detail from stg_miitel__row_findings "
        "order by all"
    ) == [
        ("call", "", "missing_required_value", "sequence_id"),
        ("call", "bad score", "unreadable_value", "overall_score"),
        ("call", "no start", "missing_required_value", "dial_begin_time"),
        ("call", "no such start", "unreadable_required_value", "dial_begin_time"),
    ]
    assert query(
        "select coalesce(source_id, ''), rule, detail from stg_sendgrid__row_findings order by all"
    ) == [
        ("", "missing_required_value", "sg_event_id"),
        ("bad flag", "unreadable_value", "sg_machine_open"),
        ("no message", "missing_required_value", "sg_message_id"),
        ("no time", "missing_required_value", "timestamp"),
    ]


def test_a_mail_is_one_row_per_recipient(query: Query) -> None:
    assert query(
        "select message_id, recipient, kind, logged_by, "
        "epoch(sent_at) - epoch(timestamp '2026-04-01'), source_row is null "
        "from stg_sendgrid__emails order by all"
    ) == [
        # the later file's version of a redelivered event is the one that stays
        ("m1", "person@example.jp", "bulk", "tool", 0, False),
        ("m2", "other@example.jp", "one_to_one", "tool", 5, False),
        ("m2", "person@example.jp", "one_to_one", "tool", 5, False),
        ("m4", "person@example.jp", "sales", "tool", 20, True),
        ("m5", "person@example.jp", None, "tool", 40, False),
    ]


def test_a_redelivered_event_is_a_duplicate(query: Query) -> None:
    assert query(
        "select source_file, fate, row_count from stg_sendgrid__row_account order by all"
    ) == [
        ("1", "announced_again", 1),
        ("1", "deferred_delivery", 1),
        ("1", "duplicate", 2),
        ("1", "rejected", 3),
    ]


def test_what_became_of_a_mail(query: Query) -> None:
    assert query(
        "select event_id, message_id, event, is_machine from stg_sendgrid__email_events "
        "order by event_id"
    ) == [
        ("bad flag", "m1", "open", None),
        ("bounce 2", "m2", "bounce", None),
        ("click 4", "m4", "click", None),
        ("delivered 1", "m1", "delivered", None),
        ("delivered 2", "m2", "delivered", None),
        ("delivered 4", "m4", "delivered", None),
        ("dropped 3", "m2", "bounce", None),
        ("new 5", "m5", "group_resubscribe", None),
        ("open 1", "m1", "open", True),
        ("open 2", "m1", "open", False),
        ("spam 5", "m5", "unsubscribe", None),
        ("unsubscribe 5", "m5", "unsubscribe", None),
    ]


@pytest.mark.parametrize("system", list(FEEDS))
def test_no_adapter_carries_what_people_said_or_where_they_were(query: Query, system: str) -> None:
    carried = {
        column
        for feed in FEEDS[system]
        for (column,) in query(
            "select column_name from information_schema.columns "
            f"where table_name = 'stg_{system}__{feed}'"
        )
    }
    assert len(carried) > 8
    assert carried.isdisjoint({"call_memo", "note", "contact_person_name", "ip", "url", "reason"})


def test_systems_that_exported_nothing_build(tmp_path: Path) -> None:
    for system, name in (("miitel", "call"), ("sendgrid", "event")):
        _land(tmp_path, system, name, [])
    _build(tmp_path, *WITHOUT_UNIT_TESTS)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        for table in ("stg_miitel__calls", "stg_sendgrid__emails", "stg_sendgrid__row_account"):
            count = connection.execute(f"select count(*) from staging.{table}").fetchone()
            assert count == (0,), table
