"""The log's leads, meetings and deals as CRM records: doubles, older versions, chains, gaps."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import DAY, JAPAN, as_of_end
from kpi_warehouse.world.deals import LOST, OPEN_STAGES, STAGES, WON
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers.columns import durations, flags
from kpi_warehouse.world.writers.identities import LOST_ID_BASE, Doubles, recorded_lead_ids

Rows = tuple[pl.DataFrame, dict[str, int]]
"""Rows of an extract, and what was planted in them."""

DELETED_BY_MERGE_SHARE = 0.2
"""Deleted leads that are written as merged into a lead no file has: the same as deleted."""
FIRST_LOST_LEAD = 900_000_000
DOUBLE_CARRIES_HAND_OVER = 0.4
"""Merged leads whose hand-over is recorded with a double, at the survivor later or not at all."""
OLDER_VERSION_SHARE = 0.05
"""Leads and opportunities that an earlier export holds in an earlier state."""
HISTORY_LOST_SHARE = 0.04
"""Closed deals whose close is in the record only, not in the stage history."""
MESSY_CODE_SHARE = 0.01
OUTCOMES = {
    "held": ("held", "実施"),
    "no_show": ("no_show", "無断キャンセル"),
    "cancelled": ("cancelled", "キャンセル"),
    "rescheduled": ("rescheduled", "日程変更"),
}
DEPARTMENTS = {"inside_sales": "インサイドセールス", "field_sales": "フィールドセールス"}
LOSS_REASONS = ("予算なし", "競合他社に決定", "時期尚早", "要件不一致", "音信不通")
PROPOSAL_RANK = OPEN_STAGES.index("提案")
LEAD_COLUMNS = (
    *("lead_id", "created_at", "source", "latest_source", "status", "owner_id", "account_id"),
    *("company", "industry", "employees", "title", "email", "phone", "is_target", "is_deleted"),
    *("merged_into_id", "handed_over_at", "handed_over_to_id", "updated_at"),
)


def spelled_outcome(outcome: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Outcome codes, half of them in Japanese."""
    japanese = outcome.replace({code: names[1] for code, names in OUTCOMES.items()})
    return outcome.zip_with(flags(chance(rng, 0.5, len(outcome))), japanese)


def write_leads(log: WorldLog, doubles: Doubles) -> tuple[pl.DataFrame, Rows]:
    """Lead records: an earlier export with some earlier states, and the current one.

    Returns:
        The rows of the earlier export that the current one replaces, and the current rows.
    """
    rng = generator(log.seed, "writers/leads")
    size = log.leads.height
    lost = pl.int_range(FIRST_LOST_LEAD, FIRST_LOST_LEAD + size, eager=True) + LOST_ID_BASE
    by_merge = log.leads["is_deleted"] & flags(chance(rng, DELETED_BY_MERGE_SHARE, size))
    says_no = flags(chance(rng, 0.5, size))
    says_target = flags(chance(rng, 0.8, size))
    last_change = pl.coalesce("handed_over_at", "created_at") + pl.duration(hours=1)
    leads = log.leads.with_columns(
        is_target=pl.when(~pl.col("is_target") | says_target).then("is_target"),
        is_deleted=pl.when(by_merge | ~pl.col("is_deleted"))
        .then(pl.when(says_no).then(False))
        .otherwise(True),
        merged_into_id=pl.when(by_merge).then(lost.cast(pl.String)),
        updated_at=last_change,
    )
    double_rows = leads_doubles(rng, log, doubles)
    leads = hand_over_at_double(leads, double_rows)
    current = pl.concat([leads.select(LEAD_COLUMNS), double_rows.select(LEAD_COLUMNS)]).sort(
        "created_at", "lead_id"
    )
    changed = log.leads.filter(flags(chance(rng, OLDER_VERSION_SHARE, size)))
    older = current.join(changed.select("lead_id"), on="lead_id", how="semi").with_columns(
        status=pl.lit("新規"),
        source=pl.lit("その他"),
        is_deleted=pl.lit(False),
        merged_into_id=pl.lit(None, dtype=pl.String),
        handed_over_at=pl.lit(None, dtype=pl.Datetime("us")),
        updated_at="created_at",
    )
    return older, (
        current,
        {
            "lead_merged": doubles.rows.height,
            "lead_merged_in_chain": int(doubles.by_lead["second_double"].is_not_null().sum()),
            "lead_merged_into_missing": int(by_merge.sum()),
            "lead_hand_over_at_double": int(double_rows["handed_over_at"].is_not_null().sum()),
            "lead_in_older_version": older.height,
        },
    )


def leads_doubles(rng: np.random.Generator, log: WorldLog, doubles: Doubles) -> pl.DataFrame:
    """The doubles' own records: other source, another time, mostly deleted by the merge."""
    double = doubles.rows.join(log.leads, on="lead_id", how="left", maintain_order="left")
    size = double.height
    shift = rng.integers(-20 * DAY, 20 * DAY, size)
    sources = pl.Series(("展示会", "名刺交換", "ウェビナー", "資料請求", None)).gather(
        rng.integers(0, 5, size)
    )
    carries = (
        flags(chance(rng, DOUBLE_CARRIES_HAND_OVER, size))
        & (double["merged_into_id"] == double["lead_id"])
        & double["handed_over_at"].is_not_null()
    )
    return double.with_columns(
        survivor_id="lead_id",
        lead_id="double_id",
        created_at=double["created_at"] + durations(shift),
        source=sources,
        latest_source=sources,
        status=pl.lit("対象外"),
        is_target=flags(chance(rng, 0.5, size)),
        is_deleted=flags(chance(rng, 0.7, size)),
        handed_over_at=pl.when(carries).then("handed_over_at"),
        handed_over_to_id=pl.when(carries).then("handed_over_to_id"),
    ).with_columns(updated_at=pl.col("created_at") + pl.duration(days=30))


def hand_over_at_double(leads: pl.DataFrame, double_rows: pl.DataFrame) -> pl.DataFrame:
    """Survivors whose double has the hand-over: theirs is later, or for every second one none."""
    moved = (
        double_rows.filter(pl.col("handed_over_at").is_not_null())
        .select(lead_id="survivor_id", is_moved=pl.lit(True))
        .with_row_index("number")
        .with_columns(is_gone=pl.col("number") % 2 == 0)
    )
    joined = leads.join(moved, on="lead_id", how="left", maintain_order="left")
    later = pl.col("handed_over_at") + pl.duration(days=5)
    return joined.with_columns(
        handed_over_at=pl.when("is_gone")
        .then(None)
        .when("is_moved")
        .then(later)
        .otherwise("handed_over_at"),
    )


def write_status_history(log: WorldLog, doubles: Doubles) -> Rows:
    """Statuses the leads entered; of merged leads they are spread over the doubles."""
    marketing = log.users.filter(pl.col("department") == "marketing")["user_id"].head(1)
    first_call = (
        log.calls.filter(pl.col("direction") == "outbound", pl.col("lead_id").is_not_null())
        .group_by("lead_id")
        .agg(entered_at=pl.col("started_at").min())
    )
    first_booking = log.appointments.group_by("lead_id").agg(entered_at=pl.col("booked_at").min())
    parts = {
        "新規": log.leads.select("lead_id", entered_at="created_at"),
        "アプローチ中": first_call,
        "商談化": first_booking,
        "引き渡し済": log.leads.filter(pl.col("handed_over_at").is_not_null()).select(
            "lead_id", entered_at="handed_over_at"
        ),
        "リサイクル": log.recycles.select("lead_id", entered_at="recycled_at"),
    }
    history = pl.concat(
        [
            frame.select("lead_id", pl.lit(name).alias("status"), "entered_at")
            for name, frame in parts.items()
        ]
    ).sort("entered_at", "lead_id", "status")
    lead_id, under_double = recorded_lead_ids(log, doubles, history["lead_id"], "statuses")
    rows = history.with_columns(
        lead_id=lead_id, changed_by_id=pl.lit(marketing.first(), dtype=pl.String)
    )
    return rows, {"status_of_merged_lead": under_double}


def write_touches(log: WorldLog, doubles: Doubles) -> Rows:
    """Touches; the direction of an outbound one is often empty."""
    rng = generator(log.seed, "writers/touches")
    size = log.touches.height
    lead_id, under_double = recorded_lead_ids(log, doubles, log.touches["lead_id"], "touches")
    says = flags(chance(rng, 0.5, size)) | (log.touches["direction"] == "inbound")
    rows = log.touches.with_columns(
        lead_id=lead_id,
        direction=pl.when(says).then("direction"),
        need_recorded=pl.when(pl.col("need_recorded") | says).then("need_recorded"),
    )
    return rows, {
        "touch_of_merged_lead": under_double,
        "touch_without_direction": int((~says).sum()),
    }


def write_appointments(log: WorldLog, doubles: Doubles) -> Rows:
    """Bookings: one row per appointment, further rows where it was moved.

    The first row keeps the booking and the lead, the last one has start, outcome and judgement.
    """
    rng = generator(log.seed, "writers/appointments")
    size = log.appointments.height
    lead_id, under_double = recorded_lead_ids(
        log, doubles, log.appointments["lead_id"], "appointments"
    )
    first_deal = log.opportunities.group_by("lead_id").agg(
        opportunity_id=pl.col("opportunity_id").min()
    )
    booked = log.appointments.join(
        first_deal, on="lead_id", how="left", maintain_order="left"
    ).with_columns(lead_id=lead_id)
    field = log.users.filter(pl.col("department") == "field_sales")["user_id"].unique().sort()
    booked = booked.with_columns(
        owner_id=field.gather(rng.integers(0, len(field), size)),
        judgement_reason=pl.when(pl.col("judgement") == "not_qualified").then(
            pl.Series(LOSS_REASONS).gather(rng.integers(0, len(LOSS_REASONS), size))
        ),
    )
    ahead = (pl.col("starts_at") - pl.col("booked_at")).dt.total_seconds()
    booked = booked.with_columns(
        moved_at=pl.col("booked_at") + pl.duration(seconds=ahead // 3),
        moved_again_at=pl.col("booked_at") + pl.duration(seconds=ahead * 2 // 3),
    )
    by_moves = [booked.filter(pl.col("moves") == number) for number in range(3)]
    rows = pl.concat(
        booking_rows(found, move, is_last=move == moves)
        for moves, found in enumerate(by_moves)
        for move in range(moves + 1)
    ).sort("booked_at", "appointment_id")
    rows = rows.with_columns(outcome=spelled_outcome(rows["outcome"], rng))
    return rows, {
        "appointment_of_merged_lead": under_double,
        "appointment_rescheduled": by_moves[1].height + by_moves[2].height,
        "appointment_rescheduled_twice": by_moves[2].height,
    }


def booking_rows(booked: pl.DataFrame, move: int, *, is_last: bool) -> pl.DataFrame:
    """The rows of the first booking (`move` 0) or of a later one; only the last ends."""
    suffix = ("", "-R1", "-R2")
    first = pl.col("appointment_id")
    booked_at = pl.col(("booked_at", "moved_at", "moved_again_at")[move])
    nothing_yet = {
        "judged_at": pl.lit(None, dtype=pl.Datetime("us")),
        "judgement": pl.lit(None, dtype=pl.String),
        "judgement_reason": pl.lit(None, dtype=pl.String),
        "outcome": pl.lit("rescheduled"),
        "starts_at": pl.col("starts_at") - pl.duration(days=2),
    }
    return booked.with_columns(
        **({} if is_last else nothing_yet),
        booked_at=booked_at,
        booked_by_id="owner_id" if move else "booked_by_id",
        lead_id=pl.lit(None, dtype=pl.String) if move == 2 else pl.col("lead_id"),
        rescheduled_from_id=first + suffix[move - 1] if move else pl.lit(None, dtype=pl.String),
        appointment_id=first + suffix[move],
    ).select(
        *("appointment_id", "lead_id", "opportunity_id", "booked_by_id", "owner_id", "booked_at"),
        *("starts_at", "outcome", "rescheduled_from_id", "judged_at", "judgement"),
        "judgement_reason",
    )


def write_permissions(log: WorldLog, doubles: Doubles) -> Rows:
    """Permissions; of merged leads some are the doubles'."""
    lead_id, under_double = recorded_lead_ids(
        log, doubles, log.permissions["lead_id"], "permissions"
    )
    rows = log.permissions.with_columns(
        lead_id=lead_id, channel=pl.lit("email"), evidence=pl.lit("申込フォーム")
    )
    return rows, {"permission_of_merged_lead": under_double}


def write_users(log: WorldLog) -> Rows:
    """Users; every second department in Japanese."""
    is_even = pl.int_range(log.users.height, eager=True) % 2 == 0
    department = log.users["department"]
    return log.users.with_columns(
        department=department.replace(DEPARTMENTS).zip_with(is_even, department)
    ), {}


def write_opportunities(log: WorldLog, doubles: Doubles) -> tuple[pl.DataFrame, Rows, pl.DataFrame]:
    """Opportunity records and their stage history.

    Of a deal that was entered when it was lost there is no history; of some closed deals the close
    is missing from it. Only closes by the as_of_date are, and no won deal that never was proposed.

    Returns:
        Records as an earlier export holds them, the current records, the history.
    """
    rng = generator(log.seed, "writers/opportunities")
    size, end = log.opportunities.height, as_of_end(log.as_of_date)
    rank = {stage: number for number, stage in enumerate(STAGES)}
    steps = log.stage_events.with_columns(
        rank=pl.col("stage").replace_strict(rank, return_dtype=pl.Int64)
    )
    lives = (
        steps.sort("opportunity_id", "entered_at")
        .group_by("opportunity_id", maintain_order=True)
        .agg(
            steps=pl.len(),
            stage=pl.col("stage").last(),
            last_at=pl.col("entered_at").last(),
            owner_id=pl.col("owner_id").last(),
            was_proposed=(pl.col("rank").is_between(PROPOSAL_RANK, len(OPEN_STAGES) - 1)).any(),
        )
    )
    deals = log.opportunities.join(lives, on="opportunity_id", how="left", maintain_order="left")
    is_lost, is_won = (deals["stage"] == name for name in (LOST, WON))
    is_closed = (is_lost | is_won).fill_null(False)
    straight_lost = is_lost & (deals["steps"] == 1)
    forgotten = (
        is_closed
        & (deals["last_at"] < end)
        & (is_lost | deals["was_proposed"])
        & ~straight_lost
        & flags(chance(rng, HISTORY_LOST_SHARE, size))
    )
    lead_id, under_double = recorded_lead_ids(log, doubles, deals["lead_id"], "opportunities")
    says_currency = flags(chance(rng, 0.7, size)) | (deals["currency"] != "JPY")
    says_closed = flags(chance(rng, 0.7, size))
    closing_date = (pl.col("last_at") + pl.duration(seconds=JAPAN)).dt.date()
    expected = closing_date + pl.duration(days=45)
    current = deals.select(
        "opportunity_id",
        lead_id=lead_id,
        account_id=pl.lit(None, dtype=pl.String),
        created_at="created_at",
        stage="stage",
        amount="amount",
        currency=pl.when(says_currency).then("currency"),
        owner_id="owner_id",
        created_by_id="created_by_id",
        close_date=pl.when(is_closed).then(closing_date).otherwise(expected),
        is_closed=pl.when(says_closed).then(is_closed),
        is_won=pl.when(says_closed).then(is_won.fill_null(False)),
        loss_reason=pl.when(is_lost).then(
            pl.Series(LOSS_REASONS).gather(rng.integers(0, len(LOSS_REASONS), size))
        ),
        is_deleted=pl.when(pl.col("is_deleted") | says_closed).then("is_deleted"),
        updated_at=pl.col("last_at") + pl.duration(hours=1),
    )
    older = current.filter(flags(chance(rng, OLDER_VERSION_SHARE, size))).with_columns(
        stage=pl.lit(OPEN_STAGES[0]),
        amount=(pl.col("amount") * 3).cast(pl.Decimal(18, 2)),
        close_date=pl.col("created_at").dt.date(),
        is_closed=pl.lit(False),
        is_won=pl.lit(False),
        is_deleted=pl.lit(False),
        updated_at=pl.col("created_at"),
    )
    history = stage_history(rng, log, deals, straight_lost, forgotten)
    traps = {
        "deal_of_merged_lead": under_double,
        "deal_without_history": int(straight_lost.sum()),
        "deal_with_close_missing_in_history": int(forgotten.sum()),
        "deal_without_currency": int((~says_currency).sum()),
        "deal_in_older_version": older.height,
    }
    return older, (current, traps), history


def stage_history(
    rng: np.random.Generator,
    log: WorldLog,
    deals: pl.DataFrame,
    straight_lost: pl.Series,
    forgotten: pl.Series,
) -> pl.DataFrame:
    """The stage events less those the CRM has no history of."""
    last = deals.filter(straight_lost | forgotten).select("opportunity_id", entered_at="last_at")
    kept = log.stage_events.join(
        last, on=["opportunity_id", "entered_at"], how="anti", maintain_order="left"
    )
    spaces = flags(chance(rng, MESSY_CODE_SHARE, kept.height))
    return kept.with_columns(
        stage=pl.when(spaces).then(" " + pl.col("stage") + " ").otherwise("stage"),
        changed_by_id="owner_id",
    )
