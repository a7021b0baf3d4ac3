"""The KPIs: what each one is made of, and their values per dimension and period.

No list stands here. What a KPI counts is read from its metric in models/semantic, which states it
apart from the measures that the marts add up; on which bases and dimensions it exists, from the
newest published version in the registry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.semantic_layer.definitions import (
    Metric,
    Row,
    has,
    published_definitions,
    read_metrics,
)
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.calendar import APRIL, periods_of
from kpi_warehouse.truth.durations import observations, statistics_of
from kpi_warehouse.truth.events import DEFAULT_POLICIES, QUANTITY, all_events
from kpi_warehouse.truth.facts import Policies

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

EVENT, COHORT = "event", "cohort"
BASES = (EVENT, COHORT)

TOTAL, CHANNEL, REP, TEAM = "total", "channel", "rep", "team"
MEMBERS = (CHANNEL, REP, TEAM)
DIMENSIONS = (TOTAL, *MEMBERS)

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


@dataclass(frozen=True)
class Statistic:
    """A KPI that is no sum: a column of `durations.statistics_of`, over the cases it rests on."""

    kpi_id: str
    distribution_id: str
    statistic: str
    bases: tuple[str, ...] = BASES
    dimensions: tuple[str, ...] = DIMENSIONS

    @property
    def cases(self) -> str:
        """The column that counts its cases: all of them, or those that have finished."""
        return "cases" if self.statistic == "km_median" else "finished"


def read_kpis(project: Path = PROJECT_DIR) -> tuple[Kpi, ...]:
    """Every published KPI of a project that is made of measures, in the registry's order.

    Raises ValueError for a KPI of the event basis that has no metric.
    """
    metrics = read_metrics(project / "models" / "semantic")
    definitions = published_definitions(project / "seeds" / "registry")
    return tuple(
        kpi_of(row, formula_of_metric(row, metrics.get(kpi_id)))
        for kpi_id, row in definitions.items()
        if not row["distribution_id"]
    )


def read_statistics(project: Path = PROJECT_DIR) -> tuple[Statistic, ...]:
    """Every published KPI of a project that is a statistic of a distribution."""
    definitions = published_definitions(project / "seeds" / "registry")
    return tuple(statistic_of(row) for row in definitions.values() if row["distribution_id"])


Formula = tuple[str, str | None]


def formula_of_registry(row: Row) -> Formula:
    """The measures that a row of the registry names."""
    return row["numerator_measure_id"], row["denominator_measure_id"] or None


def formula_of_metric(row: Row, metric: Metric | None) -> Formula:
    """The measures that the KPI's metric counts; what only cohorts have is no metric.

    Raises ValueError if there should be a metric and is none.
    """
    if not has(row, f"has_{EVENT}_basis"):
        return formula_of_registry(row)
    if metric is None:
        raise ValueError(f"{row['kpi_id']} has no metric: add it to models/semantic")
    return metric.numerator, metric.denominator


def kpi_of(row: Row, formula: Formula) -> Kpi:
    """The KPI of a row of the registry."""
    return Kpi(
        row["kpi_id"],
        *formula,
        bases=_bases(row),
        dimensions=_dimensions(row),
        subset_bases=tuple(basis for basis in BASES if has(row, f"is_subset_{basis}")),
    )


def statistic_of(row: Row) -> Statistic:
    """The statistic of a row of the registry."""
    return Statistic(
        row["kpi_id"], row["distribution_id"], row["statistic"], _bases(row), _dimensions(row)
    )


def _bases(row: Row) -> tuple[str, ...]:
    return tuple(basis for basis in BASES if has(row, f"has_{basis}_basis"))


def _dimensions(row: Row) -> tuple[str, ...]:
    return TOTAL, *(member for member in MEMBERS if has(row, f"has_{member}"))


KPIS = read_kpis()
STATISTICS = read_statistics()


@dataclass(frozen=True)
class Truth:
    """KPI values. Grain of each frame: kpi_id, basis, period_grain, period_start, dimension.

    Columns: the grain, period_end, numerator and denominator (Decimal(38, 6); denominator null
    for a count; of a statistic the numerator null and the denominator its cases), value (Float64;
    null when the denominator is 0: R1). A row that is not there is a zero; the rows are in no
    particular order.
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
    return with_statistics(
        truth_of_events(all_events(log, policies), fiscal_year_start_month),
        statistics_truth(observations(log, policies), STATISTICS, fiscal_year_start_month),
    )


def with_statistics(counted: Truth, computed: Truth) -> Truth:
    """What is counted and what is computed of cases, together."""
    frames = {}
    for dimension in DIMENSIONS:
        frame = getattr(counted, f"by_{dimension}")
        more = getattr(computed, f"by_{dimension}").select(frame.columns)
        frames[f"by_{dimension}"] = pl.concat([frame, more.cast(dict(frame.schema))])
    return Truth(**frames)


def statistics_truth(
    cases: pl.DataFrame,
    statistics: Sequence[Statistic] = STATISTICS,
    fiscal_year_start_month: int = APRIL,
) -> Truth:
    """The statistics alone, from observed cases (`durations.SCHEMA`)."""
    return Truth(
        **{
            f"by_{dimension}": _statistics_by(cases, statistics, dimension, fiscal_year_start_month)
            for dimension in DIMENSIONS
        }
    )


def _statistics_by(
    cases: pl.DataFrame,
    statistics: Sequence[Statistic],
    dimension: str,
    fiscal_year_start_month: int,
) -> pl.DataFrame:
    column = DIMENSION_COLUMNS[dimension]
    members = [column] if column else []
    found = statistics_of(cases, members, fiscal_year_start_month)
    frames = [
        found.filter(
            (pl.col("distribution_id") == kpi.distribution_id) & pl.col("basis").is_in(kpi.bases)
        ).select(
            pl.lit(kpi.kpi_id).alias("kpi_id"),
            *PERIOD_KEYS[1:],
            "period_end",
            *members,
            pl.lit(None, QUANTITY).alias("numerator"),
            pl.col(kpi.cases).cast(QUANTITY).alias("denominator"),
            pl.col(kpi.statistic).alias("value"),
        )
        for kpi in statistics
        if dimension in kpi.dimensions
    ]
    return pl.concat(frames)


def truth_of_events(events: pl.DataFrame, fiscal_year_start_month: int = APRIL) -> Truth:
    """As `truth`, from counted events (the schema of `events.SCHEMA`) and without statistics."""
    return truth_of_spells([(KPIS, events)], fiscal_year_start_month)


def truth_of_spells(
    spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]], fiscal_year_start_month: int = APRIL
) -> Truth:
    """As `truth`, where the KPIs are not the same at all times.

    Args:
        spells: the KPIs of each spell of time, and the events that they count.
        fiscal_year_start_month: 1 to 12; quarters and halves are counted from it.
    """
    dated, kpis, periods = _dated(spells, fiscal_year_start_month)
    frames = {dimension: _values(dated, kpis, periods, [dimension]) for dimension in DIMENSIONS}
    return Truth(**{f"by_{dimension}": frame for dimension, frame in frames.items()})


def values_by(
    spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]],
    dimensions: Sequence[str],
    grains: Sequence[str],
    fiscal_year_start_month: int = APRIL,
) -> pl.DataFrame:
    """As a frame of `Truth`, by several dimensions at once, of the KPIs that have them all.

    Args:
        spells: as in `truth_of_spells`.
        dimensions: of MEMBERS.
        grains: the periods to count.
        fiscal_year_start_month: 1 to 12; quarters and halves are counted from it.
    """
    dated, kpis, periods = _dated(spells, fiscal_year_start_month)
    counted = periods.filter(pl.col("period_grain").is_in(grains))
    return _values(dated, kpis, counted, dimensions)


def _dated(
    spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]], fiscal_year_start_month: int
) -> tuple[pl.DataFrame, list[Sequence[Kpi]], pl.DataFrame]:
    """The events on both bases with the number of their spell, the spells' KPIs, the periods."""
    numbered = [
        _dated_by_both_bases(events).with_columns(spell=pl.lit(number))
        for number, (_, events) in enumerate(spells)
    ]
    dated = pl.concat(numbered)
    periods = periods_of(dated["date"], fiscal_year_start_month)
    return dated, [kpis for kpis, _ in spells], periods


def _dated_by_both_bases(events: pl.DataFrame) -> pl.DataFrame:
    """Grain: measure, basis, date, channel, rep and team; quantity summed. No cohort, no row."""
    columns = {EVENT: ("event_date", "team"), COHORT: ("cohort_date", "cohort_team")}
    dated = pl.concat(
        [
            events.select(
                "measure_id",
                "channel_id",
                "rep_id",
                "quantity",
                team=team,
                basis=pl.lit(basis),
                date=date,
            )
            for basis, (date, team) in columns.items()
        ]
    )
    return (
        dated.filter(pl.col("date").is_not_null())
        .group_by("measure_id", "basis", "date", "channel_id", "rep_id", "team")
        .agg(pl.col("quantity").sum())
    )


def _values(
    dated: pl.DataFrame,
    kpis: Sequence[Sequence[Kpi]],
    periods: pl.DataFrame,
    dimensions: Sequence[str],
) -> pl.DataFrame:
    """Sum over sum per KPI, basis, period and member of each dimension (R1)."""
    columns = [DIMENSION_COLUMNS[dimension] for dimension in dimensions]
    members = [column for column in columns if column]
    measures = (
        dated.lazy()
        .group_by("measure_id", "basis", "spell", "date", *members)
        .agg(pl.col("quantity").sum())
        .join(periods.lazy(), on="date", how="inner")
        .group_by(
            "measure_id", "basis", "spell", "period_grain", "period_start", "period_end", *members
        )
        .agg(pl.col("quantity").sum())
    )
    sides = {
        side: pl.when(pl.col("side") == side).then("quantity").otherwise(0).cast(QUANTITY)
        for side in ("numerator", "denominator")
    }
    roles = pl.concat(
        [
            _roles(in_force, dimensions).with_columns(spell=pl.lit(number))
            for number, in_force in enumerate(kpis)
        ]
    )
    return (
        measures.join(roles.lazy(), on=["measure_id", "basis", "spell"], how="inner")
        .with_columns(**sides)
        .group_by(*PERIOD_KEYS, "period_end", *members, "is_ratio")
        .agg(pl.col("numerator", "denominator").sum())
        .filter((pl.col("numerator") != 0) | (pl.col("denominator") != 0))
        .with_columns(denominator=pl.when("is_ratio").then("denominator"))
        .with_columns(value=_value())
        .select(*PERIOD_KEYS, "period_end", *members, "numerator", "denominator", "value")
        .collect()
    )


def _roles(kpis: Sequence[Kpi], dimensions: Sequence[str]) -> pl.DataFrame:
    """Grain: one row per KPI of the dimensions, basis and side: what each measure is used for."""
    rows = [
        (kpi.kpi_id, basis, side, measure, kpi.denominator is not None)
        for kpi in kpis
        if set(dimensions) <= set(kpi.dimensions)
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
