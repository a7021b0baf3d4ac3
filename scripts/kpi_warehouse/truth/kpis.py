"""The KPIs, written out a second time by hand, and their values per dimension and period.

The list below is deliberately not read from the definition registry: it is what the registry is
checked against.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth.calendar import APRIL, periods_of
from kpi_warehouse.truth.events import DEFAULT_POLICIES, QUANTITY, all_events
from kpi_warehouse.truth.facts import Policies

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

EVENT, COHORT = "event", "cohort"
BASES = (EVENT, COHORT)

TOTAL, CHANNEL, REP, TEAM = "total", "channel", "rep", "team"
DIMENSIONS = (TOTAL, CHANNEL, REP, TEAM)

DIMENSION_COLUMNS = {TOTAL: None, CHANNEL: "channel_id", REP: "rep_id", TEAM: "team"}
PERIOD_KEYS = ("kpi_id", "basis", "period_grain", "period_start")


@dataclass(frozen=True)
class Kpi:
    """One KPI: a measure, or one measure over another.

    `subset_bases` are the bases on which every counted numerator is also in the denominator of
    the same period, so that a value above 1 is a defect (R2).
    """

    kpi_id: str
    numerator: str
    denominator: str | None = None
    bases: tuple[str, ...] = BASES
    dimensions: tuple[str, ...] = DIMENSIONS
    subset_bases: tuple[str, ...] = ()


def _count(kpi_id: str, measure: str | None = None) -> Kpi:
    return Kpi(kpi_id, measure or kpi_id)


def _share(kpi_id: str, numerator: str, denominator: str) -> Kpi:
    return Kpi(kpi_id, numerator, denominator, subset_bases=BASES)


KPIS = (
    # approach
    _count("leads_acquired"),
    _count("calls_made"),
    _count("inbound_calls"),
    _count("calls_connected"),
    _count("emails_sent"),
    _count("emails_delivered"),
    # working hours belong to no channel and to no lead
    Kpi(
        "calls_per_hour",
        "calls_made",
        "working_hours",
        bases=(EVENT,),
        dimensions=(TOTAL, REP, TEAM),
    ),
    _share("connection_rate", "calls_connected", "calls_made"),
    _share("email_open_rate", "emails_opened", "emails_delivered"),
    _share("email_open_rate_human", "emails_opened_human", "emails_delivered"),
    _share("machine_open_share", "emails_opened_machine", "emails_opened"),
    _count("target_connections"),
    _share("target_connection_rate", "target_connections", "approaches_to_targets"),
    Kpi("approaches_per_target_connection", "approaches_to_targets", "target_connections"),
    _count("follow_ups"),
    _count("connectors"),
    _share("connector_rate", "connectors", "follow_ups"),
    _count("effective_conversations"),
    _share("effective_conversation_rate", "effective_conversations", "target_connections"),
    # meeting
    _count("appointments_set"),
    _count("meetings"),
    _count("meetings_first_appointment"),
    _count("meetings_proposal_stage"),
    Kpi("meeting_rate", "meetings", "calls_connected"),
    Kpi("meeting_rate_per_lead", "meetings", "leads_acquired"),
    Kpi("meeting_rate_per_appointment", "meetings", "appointments_set"),
    Kpi("meeting_rate_per_call", "meetings", "calls_made"),
    _count("qualified_meetings", "meetings_qualified"),
    _share("qualified_meeting_rate", "meetings_qualified", "meetings_judged"),
    _count("meetings_pending_judgement"),
    # deal
    _share("permission_rate", "leads_permission_granted", "leads_connected_without_permission"),
    _count("leads_handed_over"),
    _count("deals_won"),
    # by event the win is dated by its close and may follow the hand-over's period
    Kpi("win_rate", "handed_over_leads_won", "leads_handed_over", subset_bases=(COHORT,)),
    _share("win_rate_of_closed", "deals_won", "deals_closed"),
    Kpi("win_rate_of_meetings", "deals_won", "meetings"),
    Kpi("win_rate_of_qualified", "deals_won", "meetings_qualified"),
    _share("win_rate_by_amount", "amount_won", "amount_closed"),
    _count("won_amount", "amount_won_involved"),
    _count("won_amount_sourced", "amount_won_sourced"),
    _count("won_amount_influenced", "amount_won_influenced"),
)


@dataclass(frozen=True)
class Truth:
    """KPI values. Grain of each frame: kpi_id, basis, period_grain, period_start, dimension.

    Columns: the grain, period_end, numerator and denominator (Decimal(38, 6); denominator null
    for a count), value (Float64; null when the denominator is 0: R1). A row that is not there is
    a zero; the rows are in no particular order.
    """

    by_total: pl.DataFrame
    by_channel: pl.DataFrame
    by_rep: pl.DataFrame
    by_team: pl.DataFrame


def keys(dimension: str) -> list[str]:
    """The columns that identify a row of the dimension's frame."""
    column = DIMENSION_COLUMNS[dimension]
    return [*PERIOD_KEYS, *([column] if column else [])]


def truth(
    log: "WorldLog",
    policies: Policies = DEFAULT_POLICIES,
    fiscal_year_start_month: int = APRIL,
) -> Truth:
    """Every KPI of the log, on both bases, for all grains and dimensions.

    Args:
        log: what truly happened.
        policies: the choices the definitions leave open.
        fiscal_year_start_month: 1 to 12; quarters and halves are counted from it.
    """
    return truth_of_events(all_events(log, policies), fiscal_year_start_month)


def truth_of_events(events: pl.DataFrame, fiscal_year_start_month: int = APRIL) -> Truth:
    """As `truth`, from counted events (the schema of `events.SCHEMA`)."""
    dated = _dated_by_both_bases(events)
    periods = periods_of(dated["date"], fiscal_year_start_month)
    frames = {dimension: _values(dated, periods, dimension) for dimension in DIMENSIONS}
    return Truth(**{f"by_{dimension}": frame for dimension, frame in frames.items()})


def _dated_by_both_bases(events: pl.DataFrame) -> pl.DataFrame:
    """Grain: measure, basis, date, channel, rep and team; quantity summed. No cohort, no row."""
    dates = {EVENT: "event_date", COHORT: "cohort_date"}
    dated = pl.concat(
        [
            events.select(
                "measure_id",
                "channel_id",
                "rep_id",
                "team",
                "quantity",
                basis=pl.lit(basis),
                date=column,
            )
            for basis, column in dates.items()
        ]
    )
    return (
        dated.filter(pl.col("date").is_not_null())
        .group_by("measure_id", "basis", "date", "channel_id", "rep_id", "team")
        .agg(pl.col("quantity").sum())
    )


def _values(dated: pl.DataFrame, periods: pl.DataFrame, dimension: str) -> pl.DataFrame:
    """Sum over sum per KPI, basis, period and member of the dimension (R1)."""
    column = DIMENSION_COLUMNS[dimension]
    members = [column] if column else []
    measures = (
        dated.lazy()
        .group_by("measure_id", "basis", "date", *members)
        .agg(pl.col("quantity").sum())
        .join(periods.lazy(), on="date", how="inner")
        .group_by("measure_id", "basis", "period_grain", "period_start", "period_end", *members)
        .agg(pl.col("quantity").sum())
    )
    sides = {
        side: pl.when(pl.col("side") == side).then("quantity").otherwise(0).cast(QUANTITY)
        for side in ("numerator", "denominator")
    }
    return (
        measures.join(_roles(dimension).lazy(), on=["measure_id", "basis"], how="inner")
        .with_columns(**sides)
        .group_by(*PERIOD_KEYS, "period_end", *members, "is_ratio")
        .agg(pl.col("numerator", "denominator").sum())
        .filter((pl.col("numerator") != 0) | (pl.col("denominator") != 0))
        .with_columns(denominator=pl.when("is_ratio").then("denominator"))
        .with_columns(value=_value())
        .select(*PERIOD_KEYS, "period_end", *members, "numerator", "denominator", "value")
        .collect()
    )


def _roles(dimension: str) -> pl.DataFrame:
    """Grain: one row per KPI of the dimension, basis and side. What each measure is used for."""
    rows = [
        (kpi.kpi_id, basis, side, measure, kpi.denominator is not None)
        for kpi in KPIS
        if dimension in kpi.dimensions
        for basis in kpi.bases
        for side, measure in (("numerator", kpi.numerator), ("denominator", kpi.denominator))
        if measure is not None
    ]
    return pl.DataFrame(
        rows, schema=["kpi_id", "basis", "side", "measure_id", "is_ratio"], orient="row"
    )


def _value() -> pl.Expr:
    """The numerator of a count; of a ratio the quotient, null when the denominator is 0 (R1)."""
    top, bottom = pl.col("numerator").cast(pl.Float64), pl.col("denominator").cast(pl.Float64)
    return pl.when(~pl.col("is_ratio")).then(top).when(bottom != 0).then(top / bottom)
