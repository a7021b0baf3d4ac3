"""The native extracts say what the log says: read back by readers that know only the formats."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.world import WorldLog, WorldOptions, simulate, write_sample
from kpi_warehouse.world.sample import SAMPLE_FORMATS
from kpi_warehouse.world.writers.native import write_native
from kpi_warehouse.world.writers.native_files import ENCODINGS, snake_case
from kpi_warehouse.world.writers.native_limits import (
    LIMITS,
    carried_natively,
    standing_permissions,
)
from kpi_warehouse.world.writers.salesforce_ids import salesforce_ids

JAPAN = timedelta(hours=9)
ADDRESS = r"(contact\d+@firm\d+\.example\.jp)"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorldLog, Path]:
    """The default world and its extracts, as `make build` makes them."""
    out = tmp_path_factory.mktemp("native")
    return write_sample(out), out


@pytest.fixture(scope="module")
def log(sample: tuple[WorldLog, Path]) -> WorldLog:
    return sample[0]


@pytest.fixture(scope="module")
def read(sample: tuple[WorldLog, Path]) -> Callable[[str], pl.DataFrame]:
    """The latest version of an object's records as text, columns in snake_case."""

    def rows(name: str) -> pl.DataFrame:
        parts = []
        for path in sorted((sample[1] / "salesforce").glob("*.csv")):
            if re.fullmatch(rf"(?:sf_)?{name}(?:_data)?(?:_\d)?", snake_case(path.stem)):
                part = pl.read_csv(path, infer_schema=False, null_values="")
                parts.append(part.rename(lambda column: snake_case(column.lstrip("\ufeff"))))
        table = pl.concat(parts).with_columns(pl.col("id").str.slice(0, 15))
        stamp = "system_modstamp" if "system_modstamp" in table.columns else "id"
        latest = table.with_columns(stamp=moment(stamp) if stamp != "id" else pl.lit(None))
        return latest.sort("stamp", maintain_order=True).unique(
            "id", keep="last", maintain_order=True
        )

    return rows


def moment(column: str) -> pl.Expr:
    """A UTC time in either form."""
    text = pl.col(column).str.replace("T", " ").str.slice(0, 19)
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")


def short(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 15)


def digits(column: str) -> pl.Expr:
    """Number without whatever a person adds to it: extension, country, zeros, blanks."""
    plain = pl.col(column).str.replace(r"\(内線.*", "").str.replace_all(r"\D", "")
    return plain.str.replace(r"^81", "").str.replace(r"^0", "")


@pytest.fixture(scope="module")
def leads(read: Callable[[str], pl.DataFrame], log: WorldLog) -> pl.DataFrame:
    """record_id, contact_id, log lead_id of every lead record: its address tells who it is."""
    true_ids = log.leads.select("email", lead_id="lead_id")
    return (
        read("lead")
        .with_columns(email=pl.col("email").str.to_lowercase())
        .join(true_ids, on="email", how="left", maintain_order="left")
        .with_columns(record_id=short("id"), contact_id=short("converted_contact_id"))
    )


@pytest.fixture(scope="module")
def who(leads: pl.DataFrame) -> pl.DataFrame:
    """who (lead record or contact) and the log's lead_id."""
    return pl.concat(
        [
            leads.select("lead_id", who="record_id"),
            leads.filter(pl.col("contact_id").is_not_null()).select("lead_id", who="contact_id"),
        ]
    )


@pytest.fixture(scope="module")
def reps(read: Callable[[str], pl.DataFrame]) -> dict[str, str]:
    """The log's user id by Salesforce's."""
    users = read("user").select("id", pl.col("email").str.extract(r"(?i)rep(\d+)@"))
    return dict(users.rows())


@pytest.fixture(scope="module")
def tasks(read: Callable[[str], pl.DataFrame]) -> pl.DataFrame:
    """Work done: closed tasks that are still there, with the time they began."""
    done = (pl.col("is_closed") == "true").fill_null(False) | pl.col("status").is_in(
        ["Completed", "完了"]
    )
    seconds = pl.duration(seconds=pl.col("call_duration_in_seconds").cast(pl.Int64).fill_null(0))
    return (
        read("task")
        .filter(done, pl.col("is_deleted") == "false")
        .with_columns(
            began=pl.coalesce(
                moment("started_at__c"),
                moment("completed_date_time") - seconds,
                moment("created_date") - seconds,
            ),
            who=short("who_id"),
            owner=short("owner_id"),
        )
    )


@pytest.fixture(scope="module")
def dialled(sample: tuple[WorldLog, Path]) -> pl.DataFrame:
    """The dialer's legs under plain names, from both exports."""
    names = ["type", "id", "parent", "previous", "user", "email", "from", "to", "account"]
    names += ["person", "start", "answer", "end", "ring", "talk", "memo", "score"]
    parts = []
    for path in sorted((sample[1] / "miitel").iterdir()):
        text = path.read_bytes().decode("cp932" if "履歴" in path.name else "utf-8-sig")
        rows = pl.read_csv(text.encode(), infer_schema=False)
        parts.append(rows.rename(dict(zip(rows.columns, names, strict=True))))
    table = pl.concat(parts)
    table = table.with_columns(
        pl.when(pl.col(name) != "-").then(pl.col(name)).alias(name) for name in table.columns
    )
    named = pl.col("user").is_not_null()
    table = table.sort(named, maintain_order=True).unique("id", keep="last", maintain_order=True)
    return table.with_columns(
        pl.col(name).str.to_datetime("%Y/%m/%d %H:%M:%S", time_unit="us") - JAPAN
        for name in ("start", "answer", "end")
    )


@pytest.fixture(scope="module")
def dialled_calls(dialled: pl.DataFrame) -> pl.DataFrame:
    """The dialer's calls: legs folded up to the end of their chain."""
    parents = dialled.select(id="id", up="parent")
    root = dialled.with_columns(root=pl.coalesce("parent", "id"))
    for _ in range(2):
        above = root.join(parents, left_on="root", right_on="id", how="left", maintain_order="left")
        root = root.with_columns(root=above.select(pl.coalesce("up", "root")).to_series())
    return (
        root.sort((pl.col("id") == pl.col("root")).not_(), "start")
        .group_by("root", maintain_order=True)
        .agg(
            pl.col("type", "email", "from", "to").first(),
            pl.col("start").min(),
            pl.col("answer").min(),
            pl.col("end").max(),
            pl.col("id").alias("legs"),
        )
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_equal_options_give_equal_bytes(tmp_path: Path, encoding: str) -> None:
    options = WorldOptions(seed=7, activities=1_000)
    digests = []
    for name in ("first", "second"):
        write_sample(tmp_path / name, options, encoding=encoding)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append([(path.name, hashlib.sha256(path.read_bytes()).digest()) for path in files])
    assert len(digests[0]) > 25
    assert digests[0] == digests[1]


def test_the_encodings_hold_the_same_text(tmp_path: Path) -> None:
    log = simulate(WorldOptions(seed=7, activities=1_000))
    for encoding in ("utf-8", "cp932"):
        write_native(log, tmp_path / encoding, encoding)
    files = sorted(
        path.relative_to(tmp_path / "utf-8") for path in (tmp_path / "utf-8").rglob("*.csv")
    )
    unlike = 0
    for name in files:
        text = (tmp_path / "utf-8" / name).read_bytes().decode("utf-8-sig")
        other = (tmp_path / "cp932" / name).read_bytes()
        assert other.decode("cp932") == text, name
        unlike += other != text.encode()
    assert unlike > 8


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
def test_tiny_worlds_are_written_in_whole(tmp_path: Path, seed: int, sample_format: str) -> None:
    write_sample(tmp_path, WorldOptions(seed=seed, activities=100), sample_format)
    note = json.loads((tmp_path / "sample.json").read_text(encoding="utf-8"))
    assert note["format"] == sample_format


def test_a_sample_of_one_format_replaces_one_of_the_other(tmp_path: Path) -> None:
    options = WorldOptions(activities=100)
    write_sample(tmp_path, options, "generic")
    write_sample(tmp_path, options)
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders == {"salesforce", "miitel", "sendgrid", "planning"}
    (tmp_path / "hubspot").mkdir()
    with pytest.raises(UserError, match="no sample"):
        write_sample(tmp_path, options)


def test_every_trap_is_planted(log: WorldLog) -> None:
    assert len(log.traps) > 120
    assert [name for name, count in log.traps.items() if count == 0] == []


def test_ids_carry_the_checksum_of_their_capitals() -> None:
    ids = salesforce_ids("00Q", pl.int_range(5_000, eager=True))
    assert ids.n_unique() == 5_000
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    for record_id in ids:
        parts = (record_id[:5], record_id[5:10], record_id[10:15])
        bits = [sum(c.isupper() << place for place, c in enumerate(part)) for part in parts]
        assert record_id[15:] == "".join(letters[number] for number in bits)
    known = salesforce_ids("005", pl.Series([None, 0, 0])).to_list()
    assert known[0] is None
    assert known[1] == known[2]


def test_ids_differ_by_case_alone(leads: pl.DataFrame) -> None:
    assert leads["record_id"].is_unique().all()
    assert leads["record_id"].str.to_lowercase().n_unique() < leads.height


def test_records_come_with_both_forms_of_ids(sample: tuple[WorldLog, Path]) -> None:
    for name, length in (("Lead_1", 15), ("Lead_2", 18), ("Event_1", 15), ("Event_2", 18)):
        table = pl.read_csv(sample[1] / f"salesforce/{name}.csv", infer_schema=False)
        assert set(table["Id"].str.len_chars()) == {length}


def test_every_lead_of_the_log_is_a_record_with_its_facts(
    leads: pl.DataFrame, log: WorldLog, read: Callable[[str], pl.DataFrame]
) -> None:
    own = leads.filter(pl.col("master_record_id").is_null() | (pl.col("is_deleted") == "true"))
    assert leads["lead_id"].null_count() == 0
    assert set(own["lead_id"]) == set(log.leads["lead_id"])
    assert leads.height == log.leads.height + log.traps["lead_merged"]
    survivors = leads.filter(pl.col("master_record_id").is_null())
    told = survivors.join(log.leads, on="lead_id", suffix="_true")
    assert told.select((moment("created_date") == pl.col("created_at")).all()).item()
    assert told["lead_source"].eq_missing(told["source"]).all()
    folded = [
        told[name].str.replace_all(r"株式会社|\(株\)|㈱|有限会社|\(有\)|㈲", "")
        for name in ("company", "company_true")
    ]
    assert folded[0].equals(folded[1])
    deleted = set(log.leads.filter("is_deleted")["lead_id"])
    gone = set(leads.filter(pl.col("is_deleted") == "true")["lead_id"])
    assert deleted < gone


def test_numbers_lead_to_one_lead_only(leads: pl.DataFrame, log: WorldLog) -> None:
    living = leads.filter(pl.col("master_record_id").is_null(), pl.col("is_deleted") == "false")
    numbers = pl.concat(
        [
            living.select("lead_id", number=digits("phone"), of=pl.lit("phone")),
            living.filter(pl.col("mobile_phone").is_not_null()).select(
                "lead_id", number=digits("mobile_phone"), of=pl.lit("mobile")
            ),
        ]
    )
    assert numbers["number"].str.len_chars().unique().to_list() == [9]
    own = numbers.filter(pl.col("number").is_unique())
    true = log.leads.filter(~pl.col("is_deleted")).select(
        "lead_id", number=pl.col("phone").str.slice(3)
    )
    assert (
        own.sort("lead_id")
        .select("lead_id", "number")
        .equals(true.join(own, on="lead_id", how="semi").sort("lead_id"))
    )
    found = set(own["lead_id"])
    assert found == set(living["lead_id"])
    shared = numbers.filter(~pl.col("number").is_unique())
    assert shared["of"].unique().to_list() == ["phone"]
    assert shared.group_by("number").agg(pl.col("lead_id").n_unique())["lead_id"].min() > 1


def test_the_calls_of_both_systems_are_the_calls_of_the_log(
    log: WorldLog,
    dialled_calls: pl.DataFrame,
    tasks: pl.DataFrame,
    who: pl.DataFrame,
    leads: pl.DataFrame,
    reps: dict[str, str],
) -> None:
    called = tasks.filter(pl.col("type") == "Call")
    legs = dialled_calls.select("root", leg="legs").explode("leg")
    linked = called.join(legs, left_on="call_object", right_on="leg", how="left")
    external = linked.filter(pl.col("root").is_not_null())
    others = linked.filter(pl.col("root").is_null())
    assert set(dialled_calls["root"]) < set(log.calls["call_id"])
    told = dialled_calls.join(log.calls, left_on="root", right_on="call_id")
    assert told.height == dialled_calls.height
    for name, true in (("start", "started_at"), ("answer", "answered_at"), ("end", "ended_at")):
        orphans = log.traps["call_with_parent_in_no_file"]
        assert (told[name].ne_missing(told[true])).sum() <= (orphans if name == "end" else 0), name
    rep = told["email"].str.extract(r"(?i)rep(\d+)@")
    assert rep.drop_nulls().eq(told.filter(rep.is_not_null())["rep_id"]).all()
    unnamed = told.filter(rep.is_null())
    assert 0 < unnamed.height <= log.traps["dialer_row_without_user"]
    assert set(unnamed["root"]) <= set(external["root"])

    # what is in no leg is in the CRM alone, or written down a second time by hand
    alone = log.calls.join(dialled_calls, left_on="call_id", right_on="root", how="anti")
    assert alone.height == log.traps["call_logged_by_crm_only"]
    unique = others.unique(["call_object", "began", "owner"], maintain_order=True)
    by_hand = unique.with_columns(rep_id=pl.col("owner").replace_strict(reps))
    exact = by_hand.join(
        alone, left_on=["rep_id", "began"], right_on=["rep_id", "started_at"], how="semi"
    )
    assert exact.height == alone.height
    near = by_hand.join(exact, on="id", how="anti").sort("began")
    assert near.height == log.traps["call_logged_twice_without_external_id"]
    pairs = near.join_asof(
        log.calls.sort("started_at"),
        check_sortedness=False,
        left_on="began",
        right_on="started_at",
        by="rep_id",
        strategy="nearest",
        tolerance="100s",
    )
    assert pairs["call_id"].null_count() == 0

    # the lead: by the task's person, else by a number
    by_task = (
        external.join(who, on="who", how="left")
        .group_by(call_id="root")
        .agg(pl.col("lead_id").drop_nulls().first())
    )
    numbers = leads.select(
        "lead_id",
        number=pl.when(pl.col("mobile_phone").is_null())
        .then(digits("phone"))
        .otherwise(digits("mobile_phone")),
    ).unique()
    is_inbound = pl.col("type").str.contains("着信|Incoming|留守番|Voicemail")
    by_number = (
        dialled_calls.select(
            call_id="root",
            number=pl.when(is_inbound).then(digits("from")).otherwise(digits("to")),
        )
        .join(numbers, on="number", how="left")
        .select("call_id", found="lead_id")
    )
    both = by_number.join(by_task, on="call_id", how="left").join(
        log.calls.select("call_id", true="lead_id"), on="call_id"
    )
    assert both["call_id"].is_unique().all()
    assert both.select(pl.coalesce("lead_id", "found").eq_missing(pl.col("true")).all()).item()


def test_what_a_task_says_of_a_call_is_what_happened(
    log: WorldLog, dialled_calls: pl.DataFrame, tasks: pl.DataFrame
) -> None:
    legs = dialled_calls.select("root", leg="legs").explode("leg")
    written = tasks.filter(pl.col("type") == "Call").join(
        legs, left_on="call_object", right_on="leg"
    )
    told = written.join(log.calls, left_on="root", right_on="call_id")
    assert told.height > 10_000
    stated = told.filter(pl.col("reached__c").is_not_null())
    assert (stated["reached__c"] == stated["person"]).all()
    for name in ("information_exchanged", "need_recorded"):
        stated = told.filter(pl.col(f"{name}__c").is_not_null())
        assert ((stated[f"{name}__c"] == "true") == stated[name]).all()
    # nothing that only a task can tell is without one
    silent = log.calls.join(written, left_on="call_id", right_on="root", how="anti").filter(
        "is_countable", pl.col("direction") == "outbound"
    )
    by_dialer = silent.join(dialled_calls, left_on="call_id", right_on="root", how="semi")
    paired = log.traps["call_logged_twice_without_external_id"]
    assert by_dialer.filter(pl.col("information_exchanged")).height <= paired
    assert by_dialer.filter(pl.col("person") == "target").height <= paired


def test_mails_of_both_systems_are_the_mails_of_the_log(
    sample: tuple[WorldLog, Path],
    log: WorldLog,
    tasks: pl.DataFrame,
    who: pl.DataFrame,
    reps: dict[str, str],
) -> None:
    events = pl.concat(
        [pl.read_ndjson(path) for path in sorted((sample[1] / "sendgrid").glob("*.jsonl"))],
        how="diagonal_relaxed",
    )
    assert events.height > events["sg_event_id"].n_unique() + 1_000
    assert (events["timestamp"].diff() < 0).sum() > 1_000
    once = events.unique("sg_event_id").with_columns(
        message=pl.col("sg_message_id").str.split(".filter").list.first(),
        recipient=pl.col("email").str.to_lowercase(),
        at=pl.from_epoch("timestamp").cast(pl.Datetime("us")),
    )
    assert not once["message"].str.contains(r"\.").any()
    sent = once.filter(pl.col("event") == "processed").with_columns(
        kind=pl.col("category").list.first().replace("newsletter", "bulk")
    )
    logged = tasks.filter(pl.col("type") == "Email")
    past_tool = logged.filter(pl.col("message_id__c").is_null())
    assert past_tool.height == log.traps["mail_logged_by_crm_only"]
    assert sent.select("message", "recipient").is_unique().all()
    assert sent.height + past_tool.height == log.emails.height
    true_kinds = dict(log.emails["kind"].value_counts().rows())
    kinds = dict(sent["kind"].value_counts().rows())
    kinds["one_to_one"] += past_tool.height
    assert kinds == true_kinds

    personal = log.emails.filter(pl.col("kind") == "one_to_one", pl.col("recipient_no") == 1)
    assert logged.height == personal.height
    of_lead = (
        logged.join(
            sent.select("message", sent_at="at"),
            left_on="message_id__c",
            right_on="message",
            how="left",
        )
        .unique("id")
        .join(who, on="who", how="left")
        .with_columns(
            at=pl.coalesce("sent_at", "began"), rep_id=pl.col("owner").replace_strict(reps)
        )
    )
    columns = ["lead_id", "rep_id", "at"]
    true = personal.select("lead_id", "rep_id", at="sent_at").sort(columns)
    assert of_lead.select(columns).sort(columns).equals(true)

    replies = tasks.filter(pl.col("type") == "メール返信")
    answered = log.emails.filter(pl.col("replied_at").is_not_null())
    assert (
        replies.select("began")
        .sort("began")["began"]
        .equals(answered.sort("replied_at")["replied_at"].alias("began"))
    )
    informed = replies.filter(pl.col("information_exchanged__c") == "true")
    assert informed.height == answered.filter("information_exchanged").height
    bounced = once.filter(pl.col("event").is_in(["bounce", "dropped"]))
    assert bounced.height == log.emails.filter(pl.col("bounced_at").is_not_null()).height
    assert bounced["at"].sort().equals(log.emails["bounced_at"].drop_nulls().sort().alias("at"))
    opened = once.filter(pl.col("event") == "open").select("message", "recipient").unique()
    truly = log.emails.filter(
        pl.col("human_opened_at").is_not_null() | pl.col("machine_opened_at").is_not_null()
    )
    assert opened.height == truly.height


def test_touches_are_tasks(
    log: WorldLog, tasks: pl.DataFrame, who: pl.DataFrame, reps: dict[str, str]
) -> None:
    types = {"DM": "dm", "フォーム": "form", "SNS": "sns", "SMS": "sms"}
    types |= {"手紙": "letter", "Web会議": "web_meeting", "訪問": "visit"}
    told = (
        tasks.filter(pl.col("type").is_in(list(types)))
        .join(who, on="who", how="left")
        .select(
            "lead_id",
            rep_id=pl.col("owner").replace_strict(reps),
            activity_channel=pl.col("type").replace_strict(types),
            direction=pl.col("direction__c").fill_null("outbound"),
            occurred_at="began",
            replied_at=moment("replied_at__c"),
            information_exchanged=pl.col("information_exchanged__c") == "true",
        )
    )
    columns = told.columns
    true = log.touches.select(columns)
    order = ["lead_id", "occurred_at", "direction", "activity_channel", "replied_at"]
    assert told.height > 1_000
    assert told.sort(order).equals(true.sort(order))


def test_events_fold_to_the_appointments(
    read: Callable[[str], pl.DataFrame], log: WorldLog, who: pl.DataFrame, reps: dict[str, str]
) -> None:
    events = read("event").with_columns(who=short("who_id"), before=short("rescheduled_from__c"))
    for flag in ("is_child", "is_deleted"):
        assert (events[flag] == "true").sum() > 10
    meetings = events.filter(
        pl.col("is_child") == "false",
        pl.col("is_deleted") == "false",
        ~pl.col("type").is_in(["社内会議", "研修"]).fill_null(False),
    )
    links = meetings.select(id="id", up="before")
    root = meetings.with_columns(root=pl.coalesce("before", "id"))
    above = root.join(links, left_on="root", right_on="id", how="left", maintain_order="left")
    root = root.with_columns(
        root=above.select(pl.coalesce("up", "root")).to_series(),
        booked=pl.coalesce(moment("booked_at__c"), moment("created_date")),
    )
    folded = (
        root.sort("booked")
        .group_by("root", maintain_order=True)
        .agg(
            pl.col("booked", "created_by_id", "who").first(),
            starts_at=moment("start_date_time").last(),
            outcome=pl.col("outcome__c").last(),
            judged_at=moment("judged_at__c").last(),
            judgement=pl.col("judgement__c").last(),
        )
        .join(who, on="who", how="left")
    )
    outcomes = {"実施": "held", "無断キャンセル": "no_show", "キャンセル": "cancelled"}
    told = folded.select(
        "lead_id",
        booked_by_id=short("created_by_id").replace_strict(reps),
        booked_at="booked",
        starts_at="starts_at",
        outcome=pl.col("outcome").replace(outcomes),
        judged_at="judged_at",
        judgement="judgement",
    )
    order = ["booked_at", "lead_id"]
    assert told.sort(order).equals(log.appointments.select(told.columns).sort(order))


def test_deals_name_their_lead_in_one_of_three_ways(
    read: Callable[[str], pl.DataFrame], log: WorldLog, leads: pl.DataFrame, who: pl.DataFrame
) -> None:
    deals = read("opportunity").select("id", field=short("lead__c"), name="name")
    converted = leads.filter(pl.col("converted_opportunity_id").is_not_null()).select(
        id=short("converted_opportunity_id"), conversion="record_id"
    )
    roles = read("opportunity_contact_role").sort("is_primary", descending=True)
    first = roles.group_by(id=short("opportunity_id"), maintain_order=True).agg(
        role=short("contact_id").first()
    )
    deals = deals.join(converted, on="id", how="left").join(first, on="id", how="left")
    named = deals.with_columns(who=pl.coalesce("field", "conversion", "role")).join(
        who, on="who", how="left"
    )
    told = named.select(pl.col("name").str.extract(r"(\d+)").alias("opportunity_id"), "lead_id")
    true = log.opportunities.select("opportunity_id", "lead_id").sort("opportunity_id")
    assert told.sort("opportunity_id").equals(true)
    for way in ("field", "conversion", "role"):
        assert deals[way].is_not_null().sum() > 20


def test_stages_and_their_owners_are_in_the_histories(
    read: Callable[[str], pl.DataFrame], log: WorldLog, reps: dict[str, str]
) -> None:
    deals = read("opportunity").select(
        deal=short("id"), opportunity_id=pl.col("name").str.extract(r"(\d+)"), last="owner_id"
    )
    history = (
        read("opportunity_history")
        .with_columns(deal=short("opportunity_id"), at=moment("created_date"))
        .with_columns(stage=pl.col("stage_name").str.strip_chars())
        .drop("opportunity_id")
        .sort("deal", "at")
    )
    is_new = pl.col("stage").ne_missing(pl.col("stage").shift(1).over("deal"))
    entered = history.filter(is_new).join(deals, on="deal")
    assert history.height - entered.height == log.traps["deal_history_of_amount_only"]
    missing = log.stage_events.join(
        entered,
        left_on=["opportunity_id", "entered_at"],
        right_on=["opportunity_id", "at"],
        how="anti",
    )
    assert missing.height == (
        log.traps["deal_without_history"] + log.traps["deal_with_close_missing_in_history"]
    )
    owners = (
        read("opportunity_field_history")
        .filter(pl.col("field") == "Owner", pl.col("new_value").str.starts_with("005"))
        .select(
            deal=short("opportunity_id"),
            at=moment("created_date"),
            before="old_value",
            owner="new_value",
        )
        .sort("at")
    )
    first = owners.unique("deal", keep="first", maintain_order=True).select("deal", "before")
    told = (
        entered.sort("at")
        .join_asof(owners.drop("before"), on="at", by="deal", check_sortedness=False)
        .join(first, on="deal", how="left")
        .with_columns(
            owner_id=pl.coalesce("owner", "before", "last").str.slice(0, 15).replace_strict(reps)
        )
    )
    true = told.join(
        log.stage_events,
        left_on=["opportunity_id", "at"],
        right_on=["opportunity_id", "entered_at"],
        suffix="_true",
    )
    assert true.height == told.height > 500
    assert (true["stage"] == true["stage_true"]).all()
    assert (true["owner_id"] == true["owner_id_true"]).all()


def test_lead_history_tells_hand_overs_recycles_and_permissions(
    read: Callable[[str], pl.DataFrame], log: WorldLog, leads: pl.DataFrame
) -> None:
    record = leads.select("lead_id", "record_id", "is_converted", "converted_date", "status")
    history = (
        read("lead_history")
        .with_columns(record_id=short("lead_id"), at=moment("created_date"))
        .drop("lead_id")
        .join(record.select("lead_id", "record_id"), on="record_id")
    )
    status = history.filter(pl.col("field") == "Status")
    assert not (status["old_value"] == status["new_value"]).any()
    handed = (
        status.filter(pl.col("new_value") == "引き渡し済")
        .group_by("lead_id")
        .agg(pl.col("at").min())
    )
    true = log.leads.filter(pl.col("handed_over_at").is_not_null()).select(
        "lead_id", "handed_over_at"
    )
    both = true.join(handed, on="lead_id", how="left")
    stated = both.filter(pl.col("at").is_not_null())
    assert (stated["at"] == stated["handed_over_at"]).all()
    silent = both.filter(pl.col("at").is_null()).join(record, on="lead_id")
    assert silent.height == log.traps["hand_over_without_history"] > 20
    assert (silent["status"] == "引き渡し済").all()
    assert (silent["is_converted"] == "true").all()
    day = (silent["handed_over_at"] + JAPAN).dt.date().cast(pl.String)
    assert (silent["converted_date"] == day).all()
    recycled = status.filter(pl.col("new_value") == "リサイクル").select(
        "lead_id", recycled_at="at"
    )
    order = ["recycled_at", "lead_id"]
    assert recycled.sort(order).equals(log.recycles.select("lead_id", "recycled_at").sort(order))

    changes = history.filter(pl.col("field") == "Permission__c").sort("record_id", "at")
    assert not (changes["old_value"] == changes["new_value"]).any()
    granted = changes.with_columns(until=pl.col("at").shift(-1).over("record_id")).filter(
        pl.col("new_value") == "true"
    )
    told = granted.select("lead_id", granted_at="at", revoked_at="until")
    order = ["granted_at", "lead_id"]
    kept = standing_permissions(log.permissions)
    assert kept.height < log.permissions.height
    # a record's next permission is no end of the one before
    assert told.height == kept.height
    assert told.sort(order).drop("revoked_at").equals(kept.sort(order).drop("revoked_at"))
    ended = changes.filter(pl.col("new_value") == "false")
    assert ended.height == kept["revoked_at"].is_not_null().sum()


def test_conversion_moves_every_activity_to_the_contact(
    leads: pl.DataFrame, tasks: pl.DataFrame, read: Callable[[str], pl.DataFrame]
) -> None:
    converted = leads.filter(pl.col("is_converted") == "true")
    assert converted.height > 500
    assert converted.select(
        pl.all_horizontal(
            pl.col("converted_contact_id", "converted_account_id").is_not_null()
        ).all()
    ).item()
    gone = set(converted["record_id"])
    activities = pl.concat([tasks.select("who"), read("event").select(who=short("who_id"))])[
        "who"
    ].drop_nulls()
    assert not activities.is_in(list(gone)).any()
    assert activities.str.starts_with("003").sum() > 5_000
    contacts = read("contact")
    assert set(converted["contact_id"]) <= set(contacts["id"])


def test_plans_are_no_work(read: Callable[[str], pl.DataFrame], log: WorldLog) -> None:
    open_tasks = read("task").filter(pl.col("status") == "Not Started")
    assert open_tasks.height == log.traps["task_open_or_future"] > 100
    assert (open_tasks["is_closed"] == "false").all()
    future = open_tasks.filter(pl.col("activity_date").str.to_date() > log.as_of_date)
    assert future.height > 0


def test_sendgrid_lines_hold_only_what_the_event_has(sample: tuple[WorldLog, Path]) -> None:
    path = sample[1] / "sendgrid/events_1.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    parsed = [json.loads(line) for line in lines[:2_000]]
    assert all(value is not None for event in parsed for value in event.values())
    assert {type(event["timestamp"]) for event in parsed} == {int}
    kinds = {event["event"] for event in map(json.loads, lines)}
    assert kinds >= {"processed", "delivered", "bounce", "dropped", "deferred", "open", "click"}
    assert kinds >= {"unsubscribe", "spamreport"}


def test_fiscal_years_are_named_either_way(sample: tuple[WorldLog, Path]) -> None:
    for name, shift in (("Opportunity_1", 0), ("Opportunity_2", 1)):
        deals = pl.read_csv(sample[1] / f"salesforce/{name}.csv", infer_schema=False)
        day = deals["CloseDate"].str.to_date()
        first = day.dt.year() - (day.dt.month() < 4).cast(pl.Int32)
        assert (deals["FiscalYear"].cast(pl.Int32) == first + shift).all()


def test_snake_case_is_what_replication_tools_write() -> None:
    names = {"CreatedDate": "created_date", "Started_At__c": "started_at__c", "Id": "id"}
    names |= {"CallDurationInSeconds": "call_duration_in_seconds", "IsWon": "is_won"}
    assert {name: snake_case(name) for name in names} == names


def test_a_yes_or_no_field_knows_one_permission_at_a_time() -> None:
    def day(number: int) -> datetime:
        return datetime(2025, 4, number)

    rows = [
        ("a", day(1), day(10)),  # the second one began while it stood …
        ("a", day(5), None),  # … and ends with it, as far as the field can say
        ("b", day(1), None),
        ("b", day(3), None),
        ("c", day(1), day(2)),
        ("c", day(4), None),
    ]
    schema = {
        "lead_id": pl.String,
        "granted_at": pl.Datetime("us"),
        "revoked_at": pl.Datetime("us"),
    }
    told = standing_permissions(pl.DataFrame(rows, schema=schema, orient="row"))
    assert told.sort("lead_id", "granted_at").rows() == [
        ("a", day(1), day(10)),
        ("b", day(1), None),
        ("c", day(1), day(2)),
        ("c", day(4), None),
    ]


def test_each_limit_takes_out_its_own_fact(log: WorldLog) -> None:
    assert "team_history" in {limit.name for limit in LIMITS}
    for limit in LIMITS:
        without = limit.without(log)
        changed = {
            name
            for name, frame in vars(log).items()
            if isinstance(frame, pl.DataFrame) and not frame.equals(getattr(without, name))
        }
        assert len(changed) == 1, limit.name
        assert limit.why
    users = carried_natively(log).users
    assert users["user_id"].is_unique().all()
    assert users["active_from"].null_count() == users.height
