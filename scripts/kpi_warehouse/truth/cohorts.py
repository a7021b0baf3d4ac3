"""Cohorts through the funnel, and why a KPI differs between the event and the cohort basis.

Everything is counted lead by lead and event by event, straight from the log's facts; nothing is
cumulated and no flow is worked out as what is left of a sum.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth import deals as opportunities
from kpi_warehouse.truth import facts
from kpi_warehouse.truth.calendar import business_date
from kpi_warehouse.truth.events import QUANTITY
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import CHANNEL, Kpi

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

# stage -> the stage that its conversion is measured from
PREVIOUS = {
    "acquired": None,
    "touched": "acquired",
    "connected": "touched",
    "target_connected": "connected",
    "appointment_set": "target_connected",
    "appointment_held": "appointment_set",
    "meeting": "connected",
    "qualified": "appointment_held",
    "handed_over": "qualified",
    "won": "handed_over",
}
COHORT = ("cohort_month", "channel_id")

EARLIER, LATER, NOBODY = "earlier_cohorts", "later_events", "no_cohort"


def lead_stages(log: "WorldLog", policies: Policies) -> pl.DataFrame:
    """Grain: one row per surviving lead.

    Columns: lead_id, channel_id, cohort_month (first day), and one per stage of `PREVIOUS`: the
    business date on which the lead first reached it, null if it has not by as_of.
    """
    leads = facts.surviving_leads(log).collect().lazy()
    approaches = facts.approaches(log, policies).collect().lazy()
    appointments = facts.appointments(log).collect().lazy()
    deals = opportunities.closed_deals(
        log, approaches, appointments, policies.influence_window_days
    )
    dials = facts.calls(log).filter(pl.col("direction") == "outbound")
    meetings = (
        appointments.filter(pl.col("number") == 1)
        if policies.meeting_counts_at == "first_appointment"
        else opportunities.proposal_meetings(log)
    )
    firsts = {
        "touched": _first(approaches, "event_date"),
        "connected": _first(dials.filter("is_connected"), "event_date"),
        "target_connected": _first(approaches.filter("is_target_connected"), "event_date"),
        "appointment_set": _first(appointments, "event_date"),
        "appointment_held": _first(appointments, "held_date"),
        "meeting": _first(meetings, "event_date"),
        "qualified": _first(appointments.filter("is_qualified"), "judged_date"),
        "won": _first(deals.filter("is_won"), "event_date"),
    }
    result = leads.select(
        "lead_id",
        "channel_id",
        cohort_month=pl.col("created_date").dt.truncate("1mo"),
        acquired="created_date",
        handed_over=business_date("handed_over_at"),
    )
    for stage, first in firsts.items():
        result = result.join(
            first.rename({"first": stage}), on="lead_id", how="left", validate="1:1"
        )
    return result.collect()


def cohort_conversion(stages: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Grain: one row per cohort month, channel, stage and months since, up to as_of's month.

    Args:
        stages: as `lead_stages` returns.
        as_of: the last day that is in.

    Columns: the grain, leads, reached (by the end of that month), is_mature (it is over by as_of).
    """
    frames = []
    for (cohort_month, channel_id), cohort in stages.group_by(COHORT):
        for months_since in range(_month_number(as_of) - _month_number(cohort_month) + 1):
            month_after = _first_day(_month_number(cohort_month) + months_since + 1)
            reached = cohort.select((pl.col(stage) < month_after).sum() for stage in PREVIOUS)
            frames.append(
                reached.transpose(
                    include_header=True, header_name="stage_id", column_names=["reached"]
                ).with_columns(
                    cohort_month=pl.lit(cohort_month),
                    channel_id=pl.lit(channel_id),
                    months_since=pl.lit(months_since),
                    leads=pl.lit(cohort.height),
                    is_mature=pl.lit(month_after <= _day_after(as_of)),
                )
            )
    return pl.concat(frames).select(
        *COHORT, "stage_id", "months_since", "leads", "reached", "is_mature"
    )


def stage_conversion(stages: pl.DataFrame) -> pl.DataFrame:
    """Grain: one row per cohort month, channel and stage that has a previous one.

    Columns: the grain (to_stage_id), from_stage_id, leads, reached_from, converted, skipped.
    """
    frames = []
    for stage, previous in PREVIOUS.items():
        if previous is None:
            continue
        here, before = pl.col(stage).is_not_null(), pl.col(previous).is_not_null()
        frames.append(
            stages.group_by(COHORT)
            .agg(
                leads=pl.len(),
                reached_from=before.sum(),
                converted=(here & before).sum(),
                skipped=(here & ~before).sum(),
            )
            .with_columns(from_stage_id=pl.lit(previous), to_stage_id=pl.lit(stage))
        )
    return pl.concat(frames)


def basis_differences(spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]]) -> pl.DataFrame:
    """Grain: one row per KPI with both bases and a channel, channel and month with an event.

    Args:
        spells: the KPIs of each spell of time, and the events (`events.SCHEMA`) they count.

    Columns: the grain (kpi_id, channel_id, month_start); for numerator and denominator each
    event_*, cohort_*, *_carried_in, *_carried_out and *_without_cohort, in QUANTITY, the
    denominator's 0 for a count; is_ratio.
    """
    return (
        pl.concat(
            [
                _flows(events, kpi)
                for kpis, events in spells
                for kpi in kpis
                if len(kpi.bases) > 1 and CHANNEL in kpi.dimensions
            ]
        )
        .group_by("kpi_id", "channel_id", "month_start", "is_ratio")
        .agg(pl.all().sum())
    )


def main_cause(row: dict, is_mature: bool) -> str:
    """Why a row of `basis_differences` differs between the bases.

    The flow that moves the largest share of what both bases count, numerator and denominator
    taken together; of equal ones the first of earlier cohorts, later events, nobody's events.
    """
    sides = ("numerator", "denominator")
    if all(row[f"event_{side}"] == row[f"cohort_{side}"] for side in sides):
        return "equal"
    if not is_mature:
        return "not_mature"

    def share(flow: str) -> Fraction:
        total = Fraction(0)
        for side in sides:
            both = Fraction(row[f"event_{side}"]) + Fraction(row[f"cohort_{side}"])
            moved = abs(Fraction(row[f"{side}_{flow}"]))
            total += moved / both if both else moved
        return total

    shares = {
        EARLIER: share("carried_in"),
        LATER: share("carried_out"),
        NOBODY: share("without_cohort"),
    }
    return max(shares, key=shares.__getitem__)


def _flows(events: pl.DataFrame, kpi: Kpi) -> pl.DataFrame:
    """Each event of a KPI's measures in the month it happened in and in that of its cohort."""
    measures = {"numerator": kpi.numerator, "denominator": kpi.denominator or ""}
    known = pl.col("cohort_month").is_not_null()
    elsewhere = known & (pl.col("event_month") != pl.col("cohort_month"))
    frames, names = [], []
    for side, measure_id in measures.items():
        counted = events.filter(pl.col("measure_id") == measure_id).with_columns(
            event_month=pl.col("event_date").dt.truncate("1mo"),
            cohort_month=pl.col("cohort_date").dt.truncate("1mo"),
        )
        parts = {
            f"event_{side}": (counted, "event_month"),
            f"cohort_{side}": (counted.filter(known), "cohort_month"),
            f"{side}_carried_in": (counted.filter(elsewhere), "event_month"),
            f"{side}_carried_out": (counted.filter(elsewhere), "cohort_month"),
            f"{side}_without_cohort": (counted.filter(~known), "event_month"),
        }
        names += parts
        frames += [
            frame.select("channel_id", "quantity", month_start=month, part=pl.lit(name))
            for name, (frame, month) in parts.items()
        ]
    quantity = pl.col("quantity")
    return (
        pl.concat(frames)
        .group_by("channel_id", "month_start")
        .agg(
            quantity.filter(pl.col("part") == name).sum().cast(QUANTITY).alias(name)
            for name in names
        )
        .with_columns(kpi_id=pl.lit(kpi.kpi_id), is_ratio=pl.lit(kpi.denominator is not None))
    )


def _first(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Grain: one row per lead with such a date. Columns: lead_id, first."""
    dated = frame.filter(pl.col("lead_id").is_not_null() & pl.col(column).is_not_null())
    return dated.group_by("lead_id").agg(first=pl.col(column).min())


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(month_number: int) -> date:
    return date(month_number // 12, month_number % 12 + 1, 1)


def _day_after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
