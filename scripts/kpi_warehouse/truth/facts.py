"""What has happened by the as_of date, and the properties counting depends on.

Every function takes the world's log and returns one frame per kind of fact, cut at the end of
the as_of business day (R17). Timestamps in are naive UTC; `*_date` columns out are business
dates (R16). `lead_id` stays the lead's own id even when the lead is deleted, because numbering
within a lead must not move when the CRM deletes it (R10); only the channel is lost.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl

from kpi_warehouse.truth.calendar import business_date
from kpi_warehouse.truth.expressions import (
    first_of,
    has_come,
    has_passed,
    if_passed,
    is_in,
    is_still_to_come,
    is_true,
    last_of,
)

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

UNKNOWN = "unknown"

PEOPLE = ("target", "gatekeeper", "other")
INSIDE_SALES = ("inside_sales", "インサイドセールス")

_APPROACH_COLUMNS = ("lead_id", "rep_id", "at", "event_date", "information_exchanged")
_APPROACH_ORDER = (
    *_APPROACH_COLUMNS,
    "activity_id",
    "can_reach_target",
    "reached_target",
    "is_contact",
    "is_answered",
    "need_recorded",
)

MeetingPoint = Literal["first_appointment", "proposal_stage"]
FollowUpStart = Literal["after_first_attempt", "after_first_contact"]


@dataclass(frozen=True)
class Policies:
    """The choices the KPI definitions leave to the company, with their defaults."""

    meeting_counts_at: MeetingPoint = "first_appointment"
    follow_up_starts: FollowUpStart = "after_first_attempt"
    open_window_days: int = 14
    influence_window_days: int = 90
    recycle_minimum_approaches: int = 5

    def __post_init__(self) -> None:
        """Refuse a value no rule knows: a typing mistake must not silently mean the default."""
        for name, allowed in (
            ("meeting_counts_at", get_args(MeetingPoint)),
            ("follow_up_starts", get_args(FollowUpStart)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is {' or '.join(allowed)}")
        for name in ("open_window_days", "influence_window_days", "recycle_minimum_approaches"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it is 0 or more")


def surviving_leads(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per lead that exists at as_of and is not deleted (R10, R18).

    Columns: lead_id, channel_id, is_target, owner_id, created_at, handed_over_at (null when
    it is still to come), created_date.
    """
    return (
        log.leads.lazy()
        .filter(~is_true("is_deleted") & has_passed("created_at", log.as_of_date))
        .select(
            "lead_id",
            pl.col("channel_id").fill_null(UNKNOWN),
            "is_target",
            "owner_id",
            "created_at",
            if_passed("handed_over_at", log.as_of_date),
            created_date=business_date("created_at"),
        )
    )


def calls(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per call that counts: not internal, monitoring or test (R4, R6).

    Columns: call_id, lead_id, rep_id, direction, at, is_connected (a person answered: R7),
    person, information_exchanged, need_recorded, event_date.
    """
    return (
        log.calls.lazy()
        .filter(is_true("is_countable") & has_passed("started_at", log.as_of_date))
        .select(
            "call_id",
            "lead_id",
            "rep_id",
            "direction",
            "person",
            at="started_at",
            is_connected=pl.col("answered_at").is_not_null() & is_in("person", PEOPLE),
            information_exchanged=is_true("information_exchanged"),
            need_recorded=is_true("need_recorded"),
            event_date=business_date("started_at"),
        )
    )


def emails(log: "WorldLog", open_window_days: int) -> pl.LazyFrame:
    """Grain: one row per message and recipient sent, automatic replies left out.

    Columns: message_id, recipient_no, lead_id, rep_id, kind, at, is_delivered, is_opened,
    is_opened_by_machine_only, is_replied, information_exchanged, event_date. Opens count from
    the send to exactly `open_window_days` later; nothing is opened or replied to on a bounce.
    """
    window_end = pl.col("sent_at") + timedelta(days=open_window_days)
    delivered = ~has_come("bounced_at", log.as_of_date)

    def opened(column: str) -> pl.Expr:
        inside = pl.col(column).is_between(pl.col("sent_at"), window_end, closed="both")
        return delivered & (inside & has_passed(column, log.as_of_date)).fill_null(value=False)

    by_human, by_machine = opened("human_opened_at"), opened("machine_opened_at")
    return (
        log.emails.lazy()
        .filter(is_in("kind", ("one_to_one", "bulk")) & has_passed("sent_at", log.as_of_date))
        .select(
            "message_id",
            "recipient_no",
            "lead_id",
            "rep_id",
            "kind",
            at="sent_at",
            is_delivered=delivered,
            is_opened=by_human | by_machine,
            is_opened_by_machine_only=by_machine & ~by_human,
            is_replied=delivered & has_come("replied_at", log.as_of_date),
            information_exchanged=is_true("information_exchanged")
            & ~is_still_to_come("replied_at", log.as_of_date),
            event_date=business_date("sent_at"),
        )
    )


def touches(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per outbound approach that is neither a call nor a mail.

    Columns: touch_id, lead_id, rep_id, activity_channel, at, is_replied,
    information_exchanged, need_recorded, event_date.
    """
    outbound = pl.col("direction").fill_null("outbound") == "outbound"
    return (
        log.touches.lazy()
        .filter(outbound & has_passed("occurred_at", log.as_of_date))
        .select(
            "touch_id",
            "lead_id",
            "rep_id",
            "activity_channel",
            at="occurred_at",
            is_replied=has_come("replied_at", log.as_of_date),
            information_exchanged=is_true("information_exchanged"),
            need_recorded=is_true("need_recorded"),
            event_date=business_date("occurred_at"),
        )
    )


def approaches(log: "WorldLog", policies: Policies) -> pl.LazyFrame:
    """Grain: one row per outbound dial, 1:1 mail or outbound touch.

    Columns: activity_id, lead_id, rep_id, at, event_date, cycle, touch_number, and the flags
    is_answered (a dial that a person answered), is_to_target, is_target_connected, is_follow_up,
    is_connector, is_effective. Cycle and
    touch number are null without a lead. Only calls, DMs and delivered 1:1 mails can reach a
    target; letters, forms and the like are approaches that are numbered and nothing more.
    """
    may_be_target = pl.col("is_target").fill_null(value=True)
    facts = (
        pl.concat([_dials(log), _one_to_one_mails(log, policies), _outbound_touches(log)])
        .join(surviving_leads(log).select("lead_id", "is_target"), on="lead_id", how="left")
        .with_columns(
            is_to_target=pl.col("can_reach_target") & may_be_target,
            is_target_connected=pl.col("reached_target") & may_be_target,
        )
    )
    return (
        numbered(with_cycle(facts, log, "at"), "touch_number", ["at", "activity_id"])
        .with_columns(is_follow_up=_is_follow_up(policies.follow_up_starts))
        .select(
            "activity_id",
            "lead_id",
            "rep_id",
            "at",
            "event_date",
            "cycle",
            "touch_number",
            "is_answered",
            "is_to_target",
            "is_target_connected",
            "is_follow_up",
            is_connector=pl.col("is_follow_up") & pl.col("information_exchanged"),
            is_effective=pl.col("is_target_connected") & pl.col("need_recorded"),
        )
    )


def appointments(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per appointment, reschedules already folded into one (R12).

    Columns: appointment_id, lead_id, rep_id (the booker), at (first booking), is_qualified,
    is_judged (held and judged), is_pending (held, no judgement yet), is_held, is_no_show,
    was_moved, event_date, held_date, judged_date, ended_date (null while it is still to come or
    nobody knows how it went), judged_at, cycle, number (1 for the first of its lead and cycle; null
    without a lead).
    """
    as_of = log.as_of_date
    held = (pl.col("outcome") == "held").fill_null(value=False) & has_come("starts_at", as_of)
    judged = held & pl.col("judgement").is_not_null() & has_come("judged_at", as_of)
    ended = is_in("outcome", ("held", "no_show", "cancelled")) & has_come("starts_at", as_of)
    booked = (
        log.appointments.lazy()
        .filter(has_passed("booked_at", as_of))
        .select(
            "appointment_id",
            "lead_id",
            rep_id="booked_by_id",
            at="booked_at",
            is_judged=judged,
            is_qualified=judged & (pl.col("judgement") == "qualified").fill_null(value=False),
            is_pending=held & ~judged,
            is_held=held,
            is_no_show=ended & is_in("outcome", ("no_show",)),
            was_moved=(pl.col("moves") > 0).fill_null(value=False),
            event_date=business_date("booked_at"),
            held_date=pl.when(held).then(business_date("starts_at")),
            judged_date=pl.when(judged).then(business_date("judged_at")),
            ended_date=pl.when(ended).then(business_date("starts_at")),
            judged_at=pl.when(judged).then("judged_at"),
        )
    )
    return numbered(with_cycle(booked, log, "at"), "number", ["at", "appointment_id"])


def first_target_connections(
    log: "WorldLog", approach_facts: pl.LazyFrame, leads: pl.LazyFrame
) -> pl.LazyFrame:
    """Grain: one row per surviving lead, at its first approach that reached the target.

    Columns: lead_id, rep_id, at, event_date, had_permission (one stood at that moment: given
    before it and not revoked by it), is_permitted (some permission was given then or later).
    """
    first = first_of(
        approach_facts.filter("is_target_connected").join(leads, on="lead_id", how="semi"),
        "lead_id",
        ["at", "activity_id"],
    ).select("lead_id", "rep_id", "at", "event_date")
    given = first.select("lead_id", "at").join(
        log.permissions.lazy().filter(has_passed("granted_at", log.as_of_date)),
        on="lead_id",
        how="inner",
    )
    revoked = (pl.col("revoked_at") <= pl.col("at")).fill_null(value=False)
    flags = given.group_by("lead_id").agg(
        had_permission=((pl.col("granted_at") < pl.col("at")) & ~revoked).any(),
        is_permitted=(pl.col("granted_at") >= pl.col("at")).any(),
    )
    return first.join(flags, on="lead_id", how="left", validate="1:1").with_columns(
        pl.col("had_permission", "is_permitted").fill_null(value=False)
    )


def lead_credits(
    leads: pl.LazyFrame, appointment_facts: pl.LazyFrame, approach_facts: pl.LazyFrame
) -> pl.LazyFrame:
    """Grain: one row per surviving lead. Columns: lead_id, rep_id.

    The booker of its first appointment, else the rep of its first approach, else its owner.
    """
    booker = first_of(
        appointment_facts.filter(pl.col("lead_id").is_not_null()),
        "lead_id",
        ["at", "appointment_id"],
    ).select("lead_id", booker="rep_id")
    caller = first_of(
        approach_facts.filter(pl.col("lead_id").is_not_null()), "lead_id", ["at", "activity_id"]
    ).select("lead_id", caller="rep_id")
    return (
        leads.select("lead_id", "owner_id")
        .join(booker, on="lead_id", how="left", validate="1:1")
        .join(caller, on="lead_id", how="left", validate="1:1")
        .select("lead_id", rep_id=pl.coalesce("booker", "caller", "owner_id"))
    )


def with_cycle(frame: pl.LazyFrame, log: "WorldLog", moment: str) -> pl.LazyFrame:
    """Add `cycle`: 1 + the recycles of the lead up to and at the moment; null without a lead."""
    recycles = (
        log.recycles.lazy()
        .sort("recycled_at")
        .select("lead_id", "recycled_at", recycle=pl.col("lead_id").cum_count().over("lead_id"))
        .cast({"recycle": pl.Int64})
    )
    return (
        frame.sort(moment)
        .join_asof(
            recycles,
            left_on=moment,
            right_on="recycled_at",
            by="lead_id",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(
            cycle=pl.when(pl.col("lead_id").is_not_null()).then(1 + pl.col("recycle").fill_null(0))
        )
        .drop("recycle", "recycled_at", strict=False)
    )


def memberships(pairs: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Team and department of reps on days: one row per pair that a user record covers.

    Args:
        pairs: columns rep_id and date, distinct.
        users: the log's users; a missing bound means always, `active_to` is inclusive.

    Returns: rep_id, date, team, department. Of overlapping records the latest begun wins.
    """
    terms = users.select(
        "team",
        "department",
        rep_id="user_id",
        begun=pl.col("active_from").fill_null(date.min),
        ended=pl.col("active_to").fill_null(date.max),
    )
    covered = pairs.join(terms, on="rep_id", how="inner").filter(
        pl.col("date").is_between("begun", "ended", closed="both")
    )
    return last_of(covered, ["rep_id", "date"], ["begun"]).select(
        "rep_id", "date", "team", "department"
    )


def _dials(log: "WorldLog") -> pl.LazyFrame:
    outbound = calls(log).filter(pl.col("direction") == "outbound")
    reached_target = pl.col("is_connected") & is_in("person", ("target",))
    return outbound.select(
        *_APPROACH_COLUMNS,
        activity_id="call_id",
        can_reach_target=True,
        reached_target=reached_target,
        is_contact="is_connected",
        is_answered="is_connected",
        need_recorded="need_recorded",
    ).select(_APPROACH_ORDER)


def _one_to_one_mails(log: "WorldLog", policies: Policies) -> pl.LazyFrame:
    mails = emails(log, policies.open_window_days).filter(pl.col("kind") == "one_to_one")
    return mails.select(
        *_APPROACH_COLUMNS,
        activity_id=pl.format("{}:{}", "message_id", "recipient_no"),
        can_reach_target="is_delivered",
        reached_target="is_replied",
        is_contact="is_replied",
        is_answered=False,
        need_recorded=False,
    ).select(_APPROACH_ORDER)


def _outbound_touches(log: "WorldLog") -> pl.LazyFrame:
    is_dm = is_in("activity_channel", ("dm",))
    return (
        touches(log)
        .select(
            *_APPROACH_COLUMNS,
            activity_id="touch_id",
            can_reach_target=is_dm,
            reached_target=is_dm & pl.col("is_replied"),
            is_contact="is_replied",
            is_answered=False,
            need_recorded="need_recorded",
        )
        .select(_APPROACH_ORDER)
    )


def _is_follow_up(policy: FollowUpStart) -> pl.Expr:
    """Whether an approach comes after the first attempt, or after the first contact made."""
    if policy == "after_first_attempt":
        start = pl.lit(1, dtype=pl.Int64)
    else:
        start = pl.col("touch_number").filter(pl.col("is_contact")).min().over("lead_id", "cycle")
    return (pl.col("touch_number") > start).fill_null(value=False)


def inside_sales_only(frame: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the rows whose rep was in inside sales on the event date (R11)."""
    pairs = frame.select("rep_id", date="event_date").unique()
    inside = memberships(pairs, users).filter(is_in("department", INSIDE_SALES))
    return frame.join(
        inside, left_on=["rep_id", "event_date"], right_on=["rep_id", "date"], how="semi"
    )


def numbered(frame: pl.LazyFrame, name: str, order: list[str]) -> pl.LazyFrame:
    """Number the rows of each lead and cycle from 1, in that order; null without a lead."""
    number = pl.col("lead_id").cum_count().over("lead_id", "cycle").cast(pl.Int64)
    return frame.sort(order).with_columns(
        pl.when(pl.col("lead_id").is_not_null()).then(number).alias(name)
    )
