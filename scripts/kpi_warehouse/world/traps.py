"""Counts the traps that lie in the world itself; writers count those they lay in the extracts."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from kpi_warehouse.world.clock import JAPAN, as_of_end
from kpi_warehouse.world.log import WorldLog


def world_traps(log: WorldLog) -> dict[str, int]:
    """Name of each trap and how often it occurs in the log."""
    after = as_of_end(log.as_of_date)
    conditions = {
        **lead_traps(log, after),
        **call_traps(log, after),
        **mail_traps(log, after),
        **meeting_traps(log, after),
        **deal_traps(log, after),
    }
    return {name: int(count) for name, count in sorted(conditions.items())}


def count(frame: pl.DataFrame, *conditions: pl.Expr) -> int:
    """Number of rows that meet all conditions."""
    return frame.filter(*conditions).height


def at_month_edge(column: str) -> pl.Expr:
    """Whether a moment is the first or last second of a month in Japan."""
    local = pl.col(column) + timedelta(seconds=JAPAN)
    return ((local.dt.truncate("1mo") == local) | is_last_second(local)).fill_null(False)


def is_last_second(local: pl.Expr) -> pl.Expr:
    """Whether the next second begins a month."""
    following = local + timedelta(seconds=1)
    return following.dt.truncate("1mo") == following


def lead_traps(log: WorldLog, after: datetime) -> dict[str, int]:
    """Traps of leads, cycles, permissions and people."""
    teams = log.users.group_by("user_id").agg(
        teams=pl.col("team").n_unique(), departments=pl.col("department").n_unique()
    )
    dialled = log.calls.filter(
        pl.col("direction") == "outbound", "is_countable", pl.col("started_at") < after
    ).select("rep_id", work_date=(pl.col("started_at") + timedelta(seconds=JAPAN)).dt.date())
    worked = log.attendance.filter(pl.col("working_hours") > 0)
    present = log.users.filter(pl.col("department") == "inside_sales")
    idle = dialled.unique().join(worked, on=["rep_id", "work_date"], how="anti")
    return {
        "lead_without_source": count(log.leads, pl.col("channel_id") == "unknown"),
        "lead_with_unmapped_source": count(log.leads, pl.col("channel_id") == "unmapped"),
        "lead_deleted": count(log.leads, pl.col("is_deleted")),
        "lead_not_target": count(log.leads, ~pl.col("is_target")),
        "lead_at_month_edge": count(log.leads, at_month_edge("created_at")),
        "lead_after_as_of": count(log.leads, pl.col("created_at") >= after),
        "hand_over_after_as_of": count(log.leads, pl.col("handed_over_at") >= after),
        "id_of_19_digits": count(log.leads, pl.col("lead_id").str.len_chars() == 19),
        "id_with_leading_zero": count(log.leads, pl.col("lead_id").str.starts_with("0")),
        "recycled_lead": log.recycles.height,
        "permission_revoked": count(log.permissions, pl.col("revoked_at").is_not_null()),
        "rep_changed_team": count(teams, pl.col("teams") > 1),
        "rep_changed_department": count(teams, pl.col("departments") > 1),
        "calls_on_day_without_hours": idle.join(
            present, left_on="rep_id", right_on="user_id", how="semi"
        ).height,
    }


def call_traps(log: WorldLog, after: datetime) -> dict[str, int]:
    """Traps of calls that lie in the calls themselves."""
    calls = log.calls
    counted = calls.filter("is_countable")
    local = pl.col("started_at") + timedelta(seconds=JAPAN)
    redialled = counted.sort("lead_id", "started_at").filter(
        pl.col("lead_id") == pl.col("lead_id").shift(1),
        pl.col("rep_id") == pl.col("rep_id").shift(1),
        (pl.col("started_at") - pl.col("started_at").shift(1)) <= timedelta(seconds=120),
    )
    return {
        "redial_within_a_minute": redialled.height,
        "call_answered_by_machine": count(
            counted, pl.col("person") == "machine", pl.col("answered_at").is_not_null()
        ),
        "call_answered_by_reception": count(counted, pl.col("person") == "gatekeeper"),
        "call_without_lead": count(counted, pl.col("lead_id").is_null()),
        "call_inbound": count(counted, pl.col("direction") == "inbound"),
        "call_that_never_counts": count(calls, ~pl.col("is_countable")),
        "call_before_nine": count(counted, local.dt.hour() < 9),
        "call_at_month_edge": count(counted, at_month_edge("started_at")),
        "call_after_as_of": count(counted, pl.col("started_at") >= after),
        "touch_inbound": count(log.touches, pl.col("direction") == "inbound"),
        "touch_after_as_of": count(log.touches, pl.col("occurred_at") >= after),
    }


def mail_traps(log: WorldLog, after: datetime) -> dict[str, int]:
    """Traps of mails that lie in the mails themselves."""
    emails, window = log.emails, timedelta(days=14)
    human = pl.col("human_opened_at") - pl.col("sent_at")
    delivered = pl.col("bounced_at").is_null()
    return {
        "mail_bounced_but_opened": count(
            emails, pl.col("bounced_at").is_not_null(), pl.col("human_opened_at").is_not_null()
        ),
        "mail_opened_by_machine_only": count(
            emails,
            delivered,
            pl.col("machine_opened_at").is_not_null(),
            pl.col("human_opened_at").is_null(),
        ),
        "mail_opened_after_window": count(emails, delivered, human > window),
        "mail_opened_after_as_of": count(
            emails, pl.col("sent_at") < after, pl.col("human_opened_at") >= after
        ),
        "mail_replied_after_as_of": count(
            emails, pl.col("sent_at") < after, pl.col("replied_at") >= after
        ),
        "mail_automatic": count(emails, pl.col("kind") == "auto_reply"),
        "mail_without_lead": count(
            emails, pl.col("lead_id").is_null(), pl.col("recipient_no") == 1
        ),
        "mail_with_second_recipient": count(
            emails, pl.col("kind") == "one_to_one", pl.col("recipient_no") == 2
        ),
        "mail_at_month_edge": count(emails, at_month_edge("sent_at")),
        "mail_after_as_of": count(emails, pl.col("sent_at") >= after),
    }


def cycle_of_booking(log: WorldLog) -> pl.DataFrame:
    """Lead and engagement cycle of every appointment."""
    recycles = log.recycles.sort("recycled_at").with_columns(
        cycle=1 + pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("lead_id")
    )
    return (
        log.appointments.sort("booked_at")
        .join_asof(
            recycles,
            left_on="booked_at",
            right_on="recycled_at",
            by="lead_id",
            check_sortedness=False,
        )
        .select("lead_id", cycle=pl.col("cycle").fill_null(1))
    )


def meeting_traps(log: WorldLog, after: datetime) -> dict[str, int]:
    """Traps of appointments and judgements."""
    bookings = cycle_of_booking(log)
    return {
        "appointment_repeated_in_cycle": bookings.height - bookings.unique().height,
        "appointment_in_later_cycle": count(bookings, pl.col("cycle") > 1),
        "appointment_no_show": count(log.appointments, pl.col("outcome") == "no_show"),
        "appointment_planned_after_as_of": count(
            log.appointments, pl.col("booked_at") < after, pl.col("starts_at") >= after
        ),
        "appointment_after_as_of": count(log.appointments, pl.col("booked_at") >= after),
        "judgement_after_as_of": count(
            log.appointments, pl.col("starts_at") < after, pl.col("judged_at") >= after
        ),
        "judgement_at_month_edge": count(log.appointments, at_month_edge("judged_at")),
        "meeting_not_judged": count(
            log.appointments, pl.col("outcome") == "held", pl.col("judged_at").is_null()
        ),
    }


def deal_traps(log: WorldLog, after: datetime) -> dict[str, int]:
    """Traps of opportunities and their stages."""
    events = log.stage_events.sort("opportunity_id", "entered_at")
    same_deal = pl.col("opportunity_id") == pl.col("opportunity_id").shift(1)
    closing = pl.col("stage").is_in(["受注", "失注"])
    earlier = events.group_by("opportunity_id").agg(first=pl.col("entered_at").min())
    started = earlier.filter(pl.col("first") < after)
    return {
        "deal_reopened": count(events, same_deal, closing.shift(1), ~closing),
        "deal_in_foreign_currency": count(log.opportunities, pl.col("currency") != "JPY"),
        "deal_without_lead": count(log.opportunities, pl.col("lead_id").is_null()),
        "deal_deleted": count(log.opportunities, pl.col("is_deleted")),
        "deal_after_as_of": count(log.opportunities, pl.col("created_at") >= after),
        "deal_closed_at_month_edge": count(events, closing, at_month_edge("entered_at")),
        "stage_entered_after_as_of": events.filter(pl.col("entered_at") >= after)
        .join(started, on="opportunity_id", how="semi")
        .height,
    }
