"""The counted events: what each measure counts, when, for which channel and for whom.

One frame per family. Every row is one thing a measure counts; a measure's total over any slice
is the sum of `quantity` over its rows there. A thing that several measures count has a row for
each of them. `team` is the rep's on the day of the event; `cohort_team` is the one of the day that
credits the cohort, which for what becomes of a handed-over lead is the day of the hand-over.
"""

from calendar import monthrange
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth import cadence, durations, facts
from kpi_warehouse.truth import deals as opportunities
from kpi_warehouse.truth.calendar import business_date
from kpi_warehouse.truth.facts import UNKNOWN, Policies

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

# Wide enough for any sum of amounts; amounts and counts are exact in it, hours to a microhour.
QUANTITY = pl.Decimal(38, 6)

SCHEMA = pl.Schema(
    {
        "measure_id": pl.String,
        "event_date": pl.Date,
        "cohort_date": pl.Date,
        "channel_id": pl.String,
        "rep_id": pl.String,
        "team": pl.String,
        "cohort_team": pl.String,
        "quantity": QUANTITY,
    }
)

DEFAULT_POLICIES = Policies()


def counted_events(
    log: "WorldLog", policies: Policies = DEFAULT_POLICIES
) -> dict[str, pl.DataFrame]:
    """All counted events of the log, one frame of `SCHEMA` per family.

    Args:
        log: what truly happened.
        policies: the choices the definitions leave open.

    Families: leads, calls, emails, approaches, appointments, meetings, permissions, handovers,
    deals, attendance, cadence, recycles, creations, costs, responses. `channel_id` is null only for
    attendance, which has no channel; `cohort_date` is null where no surviving lead is known (R10,
    R15), and for costs.
    """
    # collected where several families read them, so that each is worked out once
    leads = facts.surviving_leads(log).collect().lazy()
    approaches = facts.approaches(log, policies).collect().lazy()
    appointments = facts.appointments(log).collect().lazy()
    deals = (
        opportunities.closed_deals(log, approaches, appointments, policies.influence_window_days)
        .collect()
        .lazy()
    )
    credited = leads.join(
        facts.lead_credits(leads, appointments, approaches),
        on="lead_id",
        how="left",
        validate="1:1",
    )
    first_connections = facts.first_target_connections(log, approaches, leads)
    of_leads = _of_lead(approaches.join(leads, on="lead_id", how="semi"), leads).collect().lazy()
    families = {
        "leads": _lead_events(credited),
        "calls": _call_events(_of_lead(facts.calls(log), leads)),
        "emails": _email_events(_of_lead(facts.emails(log, policies.open_window_days), leads)),
        "approaches": _approach_events(_of_lead(approaches, leads)),
        "appointments": _appointment_events(_of_lead(appointments, leads)),
        "meetings": _meeting_events(
            _of_lead(appointments.filter(pl.col("number") == 1), leads),
            _of_lead(opportunities.proposal_meetings(log), leads),
            policies,
        ),
        "permissions": _permission_events(_of_lead(first_connections, leads)),
        "handovers": _handover_events(credited, deals, appointments),
        "deals": _deal_events(_of_lead(deals, leads)),
        "attendance": _attendance_events(log),
        "cadence": _cadence_events(credited, of_leads, log.as_of_date),
        "recycles": _recycle_events(log, credited, of_leads, policies),
        "creations": _creation_events(
            _of_lead(
                opportunities.created_deals(
                    log, approaches, appointments, policies.influence_window_days
                ),
                leads,
            )
        ),
        "costs": _cost_events(log),
        "responses": _response_events(credited, durations.lead_waits(log, leads, approaches)),
    }
    counted = dict(zip(families, pl.collect_all(families.values()), strict=True))
    return _with_teams(counted, log.users)


def all_events(log: "WorldLog", policies: Policies = DEFAULT_POLICIES) -> pl.DataFrame:
    """Grain: one row per counted thing and measure, over all families."""
    return pl.concat(counted_events(log, policies).values())


def _lead_events(credited: pl.LazyFrame) -> pl.LazyFrame:
    acquired = credited.with_columns(event_date="created_date", cohort_date="created_date")
    return _count("leads_acquired", acquired)


def _call_events(calls: pl.LazyFrame) -> pl.LazyFrame:
    """架電数 is outbound only; inbound calls are their own count (R6)."""
    outbound = calls.filter(pl.col("direction") == "outbound")
    return pl.concat(
        [
            _count("calls_made", outbound),
            _count("inbound_calls", calls.filter(pl.col("direction") == "inbound")),
            _count("calls_connected", outbound.filter("is_connected")),
        ]
    )


def _email_events(emails: pl.LazyFrame) -> pl.LazyFrame:
    """Everything about a mail is dated by its send. A mail both opened it is a human's open."""
    by_machine = pl.col("is_opened_by_machine_only")
    return pl.concat(
        [
            _count("emails_sent", emails),
            _count("emails_delivered", emails.filter("is_delivered")),
            _count("emails_opened", emails.filter("is_opened")),
            _count("emails_opened_human", emails.filter(pl.col("is_opened") & ~by_machine)),
            _count("emails_opened_machine", emails.filter(by_machine)),
        ]
    )


def _approach_events(approaches: pl.LazyFrame) -> pl.LazyFrame:
    counts = {
        "approaches_to_targets": "is_to_target",
        "target_connections": "is_target_connected",
        "follow_ups": "is_follow_up",
        "connectors": "is_connector",
        "effective_conversations": "is_effective",
    }
    return pl.concat(
        [_count(measure_id, approaches.filter(flag)) for measure_id, flag in counts.items()]
    )


def _appointment_events(appointments: pl.LazyFrame) -> pl.LazyFrame:
    """Booked on the first booking (R12), judged on the decision, pending since it was held.

    It ends on the day last agreed; what is still to come has not ended, and counts in no rate.
    """
    ended = appointments.filter(pl.col("ended_date").is_not_null()).with_columns(
        event_date="ended_date"
    )
    judged = appointments.with_columns(event_date="judged_date")
    pending = appointments.filter("is_pending").with_columns(event_date="held_date")
    return pl.concat(
        [
            _count("appointments_set", appointments),
            _count("meetings_judged", judged.filter("is_judged")),
            _count("meetings_qualified", judged.filter("is_qualified")),
            _count("meetings_pending_judgement", pending),
            _count("appointments_ended", ended),
            _count("appointments_held", ended.filter("is_held")),
            _count("appointments_no_show", ended.filter("is_no_show")),
            _count("appointments_rescheduled", ended.filter("was_moved")),
        ]
    )


def _meeting_events(
    first_appointments: pl.LazyFrame, proposals: pl.LazyFrame, policies: Policies
) -> pl.LazyFrame:
    """Both definitions of a meeting, and the one the policy chose a second time as `meetings`."""
    chosen = {"first_appointment": first_appointments, "proposal_stage": proposals}
    return pl.concat(
        [
            _count("meetings", chosen[policies.meeting_counts_at]),
            _count("meetings_first_appointment", first_appointments),
            _count("meetings_proposal_stage", proposals),
        ]
    )


def _permission_events(first_connections: pl.LazyFrame) -> pl.LazyFrame:
    """Both counts are dated and credited by the lead's first target connection."""
    asked = first_connections.filter(~pl.col("had_permission"))
    return pl.concat(
        [
            _count("leads_connected_without_permission", asked),
            _count("leads_permission_granted", asked.filter("is_permitted")),
        ]
    )


def _handover_events(
    credited: pl.LazyFrame, deals: pl.LazyFrame, appointments: pl.LazyFrame
) -> pl.LazyFrame:
    """The cohort of a hand-over is its own date, and so is that of what becomes of it."""
    handed_over = credited.filter(pl.col("handed_over_at").is_not_null()).with_columns(
        event_date=business_date("handed_over_at"), cohort_date=business_date("handed_over_at")
    )
    first_wins = deals.filter("is_won").group_by("lead_id").agg(won_date=pl.col("event_date").min())
    won = handed_over.join(first_wins, on="lead_id", how="inner", validate="1:1").with_columns(
        event_date="won_date", cohort_team_date="cohort_date"
    )
    # accepted or rejected once it is both handed over and judged
    verdicts = (
        appointments.filter("is_judged")
        .group_by("lead_id", "is_qualified")
        .agg(decided_at=pl.col("judged_at").min())
    )
    accepting = verdicts.filter("is_qualified")
    rejecting = verdicts.filter(~pl.col("is_qualified")).join(accepting, on="lead_id", how="anti")
    decided = [
        handed_over.join(found, on="lead_id", how="inner", validate="1:1").with_columns(
            event_date=pl.max_horizontal("cohort_date", business_date("decided_at")),
            cohort_team_date="cohort_date",
        )
        for found in (accepting, rejecting)
    ]
    return pl.concat(
        [
            _count("leads_handed_over", handed_over),
            _count("handed_over_leads_won", won),
            _count("leads_accepted", decided[0]),
            _count("leads_rejected", decided[1]),
        ]
    )


def _deal_events(deals: pl.LazyFrame) -> pl.LazyFrame:
    """Deals are counted when closed; a deal without a known rate counts, with no amount."""
    won = deals.filter("is_won")
    sourced, influenced = pl.col("is_sourced"), pl.col("is_influenced")
    amount = "amount_jpy"
    return pl.concat(
        [
            _count("deals_won", won),
            _count("deals_closed", deals),
            _sum("amount_won_involved", won.filter(sourced | influenced), amount),
            _sum("amount_won_sourced", won.filter(sourced), amount),
            _sum("amount_won_influenced", won.filter(influenced), amount),
            _sum("amount_won", won, amount),
            _sum("amount_closed", deals, amount),
            _count("deals_lost", deals.filter(~pl.col("is_won"))),
            _sum(
                "cycle_days_won",
                won,
                (pl.col("event_date") - pl.col("created_date")).dt.total_days(),
            ),
        ]
    )


def _creation_events(deals: pl.LazyFrame) -> pl.LazyFrame:
    """Every deal counts when it is created, and is its creator's (R11)."""
    sourced = deals.filter("is_sourced")
    return pl.concat(
        [
            _count("opportunities_created", deals),
            _count("opportunities_sourced", sourced),
            _sum("amount_created", deals, "amount_jpy"),
            _sum("amount_created_sourced", sourced, "amount_jpy"),
        ]
    )


def _cost_events(log: "WorldLog") -> pl.LazyFrame:
    """What a channel cost on each day until as_of; it is nobody's, and of no cohort."""
    days = [
        (cost["channel_id"], day, share)
        for cost in log.campaign_costs.iter_rows(named=True)
        for day, share in daily_shares(cost["month"], cost["cost"])
        if day <= log.as_of_date
    ]
    schema = {"channel_id": pl.String, "event_date": pl.Date, "cost": QUANTITY}
    spent = pl.DataFrame(days, schema=schema, orient="row").lazy()
    return _sum(
        "campaign_cost",
        spent.with_columns(cohort_date=pl.lit(None, pl.Date), rep_id=pl.lit(None, pl.String)),
        "cost",
    )


def daily_shares(month: date, cost: Decimal) -> list[tuple[date, Decimal]]:
    """The days of the month of that first day, and what of the cost falls on each.

    Every day has the same whole number of hundredths, and the last one what is missing then.
    """
    days = [month.replace(day=day + 1) for day in range(monthrange(month.year, month.month)[1])]
    share = (cost / len(days)).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return [(day, share) for day in days[:-1]] + [(days[-1], cost - share * (len(days) - 1))]


def _attendance_events(log: "WorldLog") -> pl.LazyFrame:
    """Hours belong to a rep and a day; no channel and no lead has any."""
    worked = (
        log.attendance.lazy()
        .filter(pl.col("work_date") <= log.as_of_date)
        .select(
            "rep_id",
            "working_hours",
            event_date="work_date",
            cohort_date=pl.lit(None, pl.Date),
            channel_id=pl.lit(None, pl.String),
        )
    )
    return _sum("working_hours", worked, "working_hours")


def _cadence_events(credited: pl.LazyFrame, of_leads: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """A lead's state is its own, dated by its acquisition; an approach is of who made it."""
    leads = cadence.touch_counts(credited, of_leads, as_of).with_columns(
        event_date="created_date", cohort_date="created_date"
    )
    touches = pl.col("touches")
    untouched = leads.filter(touches == 0)
    connected = cadence.first_connections(of_leads)
    return pl.concat(
        [
            _count("leads_touched_3_to_5", leads.filter(touches.is_between(3, 5, closed="both"))),
            _count("leads_touched_5_or_more", leads.filter(touches >= 5)),
            _count("untouched_leads", untouched),
            _sum("untouched_lead_days", untouched, "days_known"),
            _count("approaches_to_leads", of_leads),
            _count("leads_approached", cadence.first_approaches(of_leads)),
            _count("leads_connected", connected),
            _sum("approaches_until_connected", connected, "attempts"),
        ]
    )


def _recycle_events(
    log: "WorldLog", credited: pl.LazyFrame, of_leads: pl.LazyFrame, policies: Policies
) -> pl.LazyFrame:
    """A recycle is of the lead's rep; too early if its cycle had fewer approaches than asked."""
    recycled = cadence.recycles(
        log.recycles.lazy(), credited, of_leads, log.as_of_date
    ).with_columns(cohort_date="created_date")
    too_few = pl.col("attempts") < policies.recycle_minimum_approaches
    return pl.concat(
        [
            _count("leads_recycled", recycled),
            _count("leads_recycled_too_early", recycled.filter(too_few)),
        ]
    )


def _response_events(credited: pl.LazyFrame, waits: pl.LazyFrame) -> pl.LazyFrame:
    """Leads first approached in time, dated and credited by their acquisition."""
    acquired = credited.with_columns(event_date="created_date", cohort_date="created_date")
    touched = acquired.join(waits.filter("is_finished"), on="lead_id", how="inner", validate="1:1")
    clocks = {"": "seconds", "_business": "business_seconds"}
    limits = {"5_min": timedelta(minutes=5), "1_hour": timedelta(hours=1)}
    return pl.concat(
        [
            _count(
                f"leads_touched_within_{limit}{suffix}",
                touched.filter(pl.col(column) <= length.total_seconds()),
            )
            for suffix, column in clocks.items()
            for limit, length in limits.items()
        ]
    )


def _of_lead(frame: pl.LazyFrame, leads: pl.LazyFrame) -> pl.LazyFrame:
    """Add the lead's channel and cohort; without a surviving lead `unknown` and none (R10, R18)."""
    known = leads.lazy().select("lead_id", "channel_id", cohort_date="created_date")
    return (
        frame.lazy()
        .join(known, on="lead_id", how="left", validate="m:1")
        .with_columns(pl.col("channel_id").fill_null(UNKNOWN))
    )


def _count(measure_id: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    """One of the measure per row."""
    return _sum(measure_id, frame, pl.lit(1))


def _sum(measure_id: str, frame: pl.LazyFrame, quantity: str | pl.Expr) -> pl.LazyFrame:
    """The quantity of the measure per row; a missing value is nothing.

    A frame with a `cohort_team_date` says whose team of which day a cohort is credited to.
    """
    amount = pl.col(quantity) if isinstance(quantity, str) else quantity
    has_own = "cohort_team_date" in frame.collect_schema().names()
    return frame.select(
        pl.lit(measure_id).alias("measure_id"),
        "event_date",
        "cohort_date",
        "channel_id",
        pl.col("rep_id").fill_null(UNKNOWN),
        pl.col("cohort_team_date" if has_own else "event_date").alias("cohort_team_date"),
        amount.cast(QUANTITY).fill_null(0).alias("quantity"),
    )


def _with_teams(families: dict[str, pl.DataFrame], users: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Add the rep's teams on the event date and of the cohort, `unknown` if none (R11)."""
    frames = [frame.lazy() for frame in families.values()]
    days = {"event_date": "team", "cohort_team_date": "cohort_team"}
    pairs = pl.concat([frame.select("rep_id", date=day) for frame in frames for day in days])
    teams = facts.memberships(pairs.unique(), users.lazy()).select("rep_id", "date", "team")
    known = teams.collect().lazy()
    with_teams = []
    for frame in frames:
        for day, team in days.items():
            of_day = known.select("rep_id", pl.col("date").alias(day), pl.col("team").alias(team))
            frame = frame.join(of_day, on=["rep_id", day], how="left", validate="m:1")
        unknown = pl.col(*days.values()).fill_null(UNKNOWN)
        with_teams.append(frame.with_columns(unknown).select(SCHEMA.names()))
    return dict(zip(families, pl.collect_all(with_teams), strict=True))
