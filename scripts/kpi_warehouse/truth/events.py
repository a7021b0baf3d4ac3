"""The counted events: what each measure counts, when, for which channel and for whom.

One frame per family. Every row is one thing a measure counts; a measure's total over any slice
is the sum of `quantity` over its rows there. A thing that several measures count has a row for
each of them.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth import deals as opportunities
from kpi_warehouse.truth import durations, facts
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
    deals, attendance, responses. `channel_id` is null only for attendance, which has no channel;
    `cohort_date` is null where no surviving lead is known (R10, R15).
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
        "handovers": _handover_events(credited, deals),
        "deals": _deal_events(_of_lead(deals, leads)),
        "attendance": _attendance_events(log),
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
    """Booked on the first booking (R12), judged on the decision, pending since it was held."""
    judged = appointments.with_columns(event_date="judged_date")
    pending = appointments.filter("is_pending").with_columns(event_date="held_date")
    return pl.concat(
        [
            _count("appointments_set", appointments),
            _count("meetings_judged", judged.filter("is_judged")),
            _count("meetings_qualified", judged.filter("is_qualified")),
            _count("meetings_pending_judgement", pending),
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


def _handover_events(credited: pl.LazyFrame, deals: pl.LazyFrame) -> pl.LazyFrame:
    """The cohort of a hand-over is its own date, and so is that of the win that follows."""
    handed_over = credited.filter(pl.col("handed_over_at").is_not_null()).with_columns(
        event_date=business_date("handed_over_at"), cohort_date=business_date("handed_over_at")
    )
    first_wins = deals.filter("is_won").group_by("lead_id").agg(won_date=pl.col("event_date").min())
    won = handed_over.join(first_wins, on="lead_id", how="inner", validate="1:1").with_columns(
        event_date="won_date"
    )
    return pl.concat(
        [_count("leads_handed_over", handed_over), _count("handed_over_leads_won", won)]
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
        ]
    )


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
    """The quantity of the measure per row; a missing value is nothing."""
    amount = pl.col(quantity) if isinstance(quantity, str) else quantity
    return frame.select(
        pl.lit(measure_id).alias("measure_id"),
        "event_date",
        "cohort_date",
        "channel_id",
        pl.col("rep_id").fill_null(UNKNOWN),
        amount.cast(QUANTITY).fill_null(0).alias("quantity"),
    )


def _with_teams(families: dict[str, pl.DataFrame], users: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Add the rep's team on the event date, `unknown` if none (R11)."""
    frames = [frame.lazy() for frame in families.values()]
    pairs = pl.concat([frame.select("rep_id", date="event_date") for frame in frames]).unique()
    teams = (
        facts.memberships(pairs, users.lazy())
        .select("rep_id", "team", event_date="date")
        .collect()
        .lazy()
    )
    with_teams = [
        frame.join(teams, on=["rep_id", "event_date"], how="left", validate="m:1")
        .with_columns(pl.col("team").fill_null(UNKNOWN))
        .select(SCHEMA.names())
        for frame in frames
    ]
    return dict(zip(families, pl.collect_all(with_teams), strict=True))
