"""Tasks of Salesforce: calls, mails, answers, other approaches; open and deleted ones, too."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import HOUR
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator, pick
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import durations, flags
from kpi_warehouse.world.writers.crm_ids import CrmIds
from kpi_warehouse.world.writers.generic_calls import EXTERNAL, NOTES, PAIRED
from kpi_warehouse.world.writers.generic_records import write_touches
from kpi_warehouse.world.writers.identities import Doubles
from kpi_warehouse.world.writers.native_calls import NativeCalls
from kpi_warehouse.world.writers.native_mails import REPLIES, NativeMails
from kpi_warehouse.world.writers.salesforce_records import Record, japan_date, memos

TOUCH_TYPES = {
    "dm": "DM",
    "form": "フォーム",
    "sns": "SNS",
    "sms": "SMS",
    "letter": "手紙",
    "web_meeting": "Web会議",
    "visit": "訪問",
}
REPLY_TYPES = {"reply": "メール返信", "auto_reply": "自動返信"}
"""Types of tasks, by what the log calls it."""
SAYS_START, SAYS_COMPLETION, SAYS_CREATION = range(3)
"""Which of its fields tells when a task took place."""
SAYS_WEIGHTS = (0.5, 0.3, 0.2)
WITHOUT_WHO_SHARE = 0.05
"""Tasks of the dialer's integration without a person."""
PAIRED_WITHIN = 100
"""Seconds a call written down by hand is off the dialer's start; the rule allows 120."""
TWICE_SHARE = 0.02
"""Calls of the dialer's integration that were written twice."""
OPEN_SHARE = 0.05
DELETED_SHARE = 0.02
"""Plans and deleted tasks per call written down."""
DESK_SHARE = 0.02
DESK_TYPE = "資料作成"
"""Work at the desk, which approaches nobody."""
DONE = ("Completed", "完了")
CALLS, MAILS, ANSWERS, TOUCHES, TWINS, PLANS, DELETED, DESK = (n * 1_000_000_000 for n in range(8))
"""Where the numbers of each kind of task begin."""

WORK = (
    *("number", "lead_id", "rep_id", "type", "subtype", "started_at", "seconds", "call_type"),
    *("disposition", "call_object", "direction", "message_key", "reached"),
    *("information_exchanged", "need_recorded", "replied_at", "is_internal"),
)
"""Columns of work done before it takes the form of tasks."""


def task_records(
    log: WorldLog, ids: CrmIds, doubles: Doubles, calls: NativeCalls, mails: NativeMails
) -> Record:
    """All tasks in order of creation."""
    rng = generator(log.seed, "writers/salesforce/tasks")
    touches, touch_traps = touch_work(log, doubles)
    call_work, without_who = calls_written(rng, calls.written)
    done = pl.concat(
        [call_work, mails_written(mails), answers_written(mails), touches], how="vertical"
    )
    tasks = closed_tasks(rng, ids, done)
    called = tasks.filter(pl.col("Number") < MAILS)
    twins = called.filter(
        pl.col("CallObject").is_not_null(), flags(chance(rng, TWICE_SHARE, called.height))
    ).with_columns(Number=pl.col("Number") + TWINS)
    deleted = called.filter(flags(chance(rng, DELETED_SHARE, called.height))).with_columns(
        Number=pl.col("Number") + DELETED, IsDeleted=pl.lit(True)
    )
    plans = planned(rng, log, called)
    desk = called.filter(flags(chance(rng, DESK_SHARE, called.height))).with_columns(
        Number=pl.col("Number") + DESK,
        Type=pl.lit(DESK_TYPE),
        TaskSubtype=pl.lit("Task"),
        **{
            name: pl.lit(None, dtype=called.schema[name])
            for name in ("CallType", "CallDisposition", "CallDurationInSeconds", "CallObject")
        },
    )
    everything = pl.concat([tasks, twins, deleted, plans, desk]).sort("CreatedDate", "Number")
    rows = everything.with_columns(Id=sf.salesforce_ids(sf.TASK, everything["Number"])).select(
        "Id", pl.exclude("Number", "Id")
    )
    in_japan = japan_date("CreatedDate")
    return Record(
        frames={"Task": rows},
        traps=touch_traps
        | {
            "task_open_or_future": plans.height,
            "task_future": plans.filter(pl.col("ActivityDate") > in_japan).height,
            "task_deleted": deleted.height,
            "task_at_the_desk": desk.height,
            "task_of_one_call_twice": twins.height,
            "task_without_who": without_who,
            "task_of_converted_lead": int(
                rows["WhoId"].str.starts_with(sf.CONTACT).fill_null(False).sum()
            ),
        },
    )


def nothing(kind: pl.DataType) -> pl.Expr:
    """A column in which nothing stands."""
    return pl.lit(None, dtype=kind)


def calls_written(rng: np.random.Generator, written: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Calls as work; the integration's do not always know the person, by-hand ones not the second.

    Returns:
        The work, and how many of the calls name nobody.
    """
    size = written.height
    mode = written["mode"]
    drift = rng.integers(-PAIRED_WITHIN, PAIRED_WITHIN + 1, size)
    late = rng.integers(-HOUR // 12, HOUR, size)
    shift = np.select([mode == PAIRED, mode == EXTERNAL], [drift, late], 0)
    forgets = (mode == EXTERNAL) & flags(chance(rng, WITHOUT_WHO_SHARE, size))
    forgets &= written["true_lead_id"].is_not_null()
    seconds = (pl.col("ended_at") - pl.coalesce("answered_at", "ended_at")).dt.total_seconds()
    says_direction = flags(chance(rng, 0.8, size))
    call_type = {"outbound": "Outbound", "inbound": "Inbound", "internal": "Internal"}
    is_inbound = pl.col("direction") == "inbound"
    frame = written.with_columns(is_inbound=is_inbound).select(
        number=pl.col("call_id").str.slice(1).cast(pl.Int64) % 1_000_000_000 + CALLS,
        lead_id=pl.when(~forgets).then("lead_id"),
        rep_id="rep_id",
        type=pl.lit("Call"),
        subtype=pl.lit("Call"),
        started_at=pl.col("started_at") + durations(shift),
        seconds=seconds,
        call_type=pl.when(says_direction | pl.col("is_inbound")).then(
            pl.col("direction").replace_strict(call_type)
        ),
        disposition="disposition",
        call_object="external_call_id",
        direction=nothing(pl.String()),
        message_key=nothing(pl.String()),
        reached="reached",
        information_exchanged="information_exchanged",
        need_recorded="need_recorded",
        replied_at=nothing(pl.Datetime("us")),
        is_internal="is_internal",
    )
    return frame, int(forgets.sum())


def plain_work(frame: pl.DataFrame, **columns: pl.Expr | str) -> pl.DataFrame:
    """Work that is no call: what is not given is empty."""
    empty = {
        "seconds": nothing(pl.Int64()),
        "call_type": nothing(pl.String()),
        "disposition": nothing(pl.String()),
        "call_object": nothing(pl.String()),
        "direction": nothing(pl.String()),
        "message_key": nothing(pl.String()),
        "reached": nothing(pl.String()),
        "information_exchanged": nothing(pl.Boolean()),
        "need_recorded": nothing(pl.Boolean()),
        "replied_at": nothing(pl.Datetime("us")),
        "is_internal": nothing(pl.Boolean()),
    }
    return frame.select(**(empty | columns)).select(WORK)


def mail_task_ids(number: pl.Series) -> pl.Series:
    """Ids of the tasks of mails, by the mail's row in the log."""
    return sf.salesforce_ids(sf.TASK, number + MAILS)


def mails_written(mails: NativeMails) -> pl.DataFrame:
    """1:1 mails as work, one per message: the person is the lead, not who got a copy."""
    logged = mails.mails.filter("is_logged")
    return plain_work(
        logged,
        number=pl.col("number") + MAILS,
        lead_id="lead_id",
        rep_id="rep_id",
        type=pl.lit("Email"),
        subtype=pl.lit("Email"),
        started_at="sent_at",
        message_key="message_key",
    )


def answers_written(mails: NativeMails) -> pl.DataFrame:
    """Answers to mails as work; of a mail that went past the tool they name the task."""
    events = mails.events.filter(pl.col("event").is_in(REPLIES)).sort("event_id")
    own = mail_task_ids(events["number"])
    return plain_work(
        events.with_columns(own_id=own),
        number=pl.int_range(pl.len(), dtype=pl.Int64) + ANSWERS,
        lead_id="lead_id",
        rep_id="rep_id",
        type=pl.col("event").replace_strict(REPLY_TYPES),
        subtype=pl.lit("Email"),
        started_at="occurred_at",
        message_key=pl.coalesce("message_key", "own_id"),
        information_exchanged="information_exchanged",
    )


def touch_work(log: WorldLog, doubles: Doubles) -> tuple[pl.DataFrame, dict[str, int]]:
    """Other approaches as work, and what was planted in them."""
    rows, traps = write_touches(log, doubles)
    work = plain_work(
        rows,
        number=pl.col("touch_id").str.slice(1).cast(pl.Int64) + TOUCHES,
        lead_id="lead_id",
        rep_id="rep_id",
        type=pl.col("activity_channel").replace_strict(TOUCH_TYPES),
        subtype=pl.lit("Task"),
        started_at="occurred_at",
        direction="direction",
        information_exchanged="information_exchanged",
        need_recorded="need_recorded",
        replied_at="replied_at",
    )
    return work, traps


def closed_tasks(rng: np.random.Generator, ids: CrmIds, work: pl.DataFrame) -> pl.DataFrame:
    """Work done as tasks; when it began stands in one of three fields."""
    size = work.height
    says = pl.Series("says", pick(rng, SAYS_WEIGHTS, size))
    wait = durations(rng.integers(0, 600, size))
    is_closed = flags(chance(rng, 0.8, size))
    notes = memos(rng, size, NOTES)
    status = pl.Series(DONE).gather(rng.integers(0, len(DONE), size))
    ended = pl.col("started_at") + pl.duration(seconds=pl.col("seconds").fill_null(0))
    created = pl.when(pl.col("says") == SAYS_CREATION).then(ended).otherwise(ended + wait)
    return (
        work.with_columns(says=says)
        .with_columns(created_at=created)
        .select(
            Number="number",
            Id=nothing(pl.String()),
            WhoId=ids.who(work["lead_id"]),
            WhatId=nothing(pl.String()),
            AccountId=nothing(pl.String()),
            OwnerId=ids.user(work["rep_id"]),
            Subject=pl.col("type"),
            Status=status,
            Type="type",
            TaskSubtype="subtype",
            Priority=pl.lit("Normal"),
            ActivityDate=japan_date("started_at"),
            CompletedDateTime=pl.when(pl.col("says") != SAYS_CREATION).then(ended),
            CallType="call_type",
            CallDisposition="disposition",
            CallDurationInSeconds="seconds",
            CallObject="call_object",
            IsClosed=pl.when(is_closed).then(True),
            IsArchived=pl.lit(False),
            CreatedById=ids.user(work["rep_id"]),
            CreatedDate="created_at",
            LastModifiedDate="created_at",
            SystemModstamp="created_at",
            IsDeleted=pl.lit(False),
            Started_At__c=pl.when(pl.col("says") == SAYS_START).then("started_at"),
            Direction__c="direction",
            Message_Id__c="message_key",
            Reached__c="reached",
            Information_Exchanged__c="information_exchanged",
            Need_Recorded__c="need_recorded",
            Replied_At__c="replied_at",
            Is_Internal__c="is_internal",
            Description=notes,
            Sentiment__c=pl.lit("0.50"),
        )
    )


def planned(rng: np.random.Generator, log: WorldLog, called: pl.DataFrame) -> pl.DataFrame:
    """Open tasks for the weeks after a call; some lie after the extract's last day."""
    chosen = called.filter(flags(chance(rng, OPEN_SHARE, called.height)))
    ahead = durations(rng.integers(1, 40, chosen.height) * 24 * HOUR)
    return chosen.with_columns(
        Number=pl.col("Number") + PLANS,
        Status=pl.lit("Not Started"),
        IsClosed=pl.lit(False),
        ActivityDate=(pl.col("CreatedDate") + ahead).dt.date(),
        CompletedDateTime=nothing(pl.Datetime("us")),
        CallObject=nothing(pl.String()),
        CallDisposition=nothing(pl.String()),
        CallDurationInSeconds=nothing(pl.Int64()),
        Started_At__c=nothing(pl.Datetime("us")),
    )
