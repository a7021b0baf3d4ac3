"""What MetricFlow answers for the KPIs, in the shape of the marts, and how both compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from kpi_warehouse.semantic_layer.definitions import (
    Metric,
    Row,
    has,
    published_definitions,
    read_metrics,
)
from kpi_warehouse.semantic_layer.engine import SemanticLayer, semantic_layer
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.compare import compare, describe

VALUE_TOLERANCE = 1e-12
METRICS = read_metrics(PROJECT_DIR / "models" / "semantic")


@dataclass(frozen=True)
class Cut:
    """One way to slice a KPI: a mart and the group-bys that ask MetricFlow for the same."""

    mart: str
    grain: str
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.mart} by {self.grain}"

    @property
    def group_by(self) -> list[str]:
        """As `mf query --group-by` takes it."""
        return [f"metric_time__{self.grain}", *([self.member] if self.member else [])]

    def kpis(self, kpis: Mapping[str, Row]) -> dict[str, Row]:
        """Those that can be cut so; no hours are worked for a channel."""
        return {
            name: row
            for name, row in kpis.items()
            if not self.member or has(row, f"has_{self.member}")
        }

    @property
    def keys(self) -> list[str]:
        """What identifies a row of either side."""
        return ["kpi_id", "period_start", *([f"{self.member}_id"] if self.member else [])]


CUTS = (
    Cut("kpi_by_channel_period", "month", "channel"),
    Cut("kpi_by_rep_period", "month", "rep"),
    Cut("kpi_by_period", "week"),
    Cut("kpi_by_period", "day"),
    Cut("kpi_by_period", "fiscal_year"),
)


def kpis_in_force(as_of_date: dt.date) -> dict[str, Row]:
    """The KPIs of the event basis whose newest published version is in force, by kpi_id.

    That version is what a metric states; an older one counts its own days by another formula.
    """
    as_of = as_of_date.isoformat()
    published = published_definitions(PROJECT_DIR / "seeds" / "registry")
    return {
        kpi_id: row
        for kpi_id, row in published.items()
        if has(row, "has_event_basis")
        and row["effective_from"] <= as_of <= (row["effective_to"] or as_of)
    }


@dataclass(frozen=True)
class Comparison:
    """What the marts and MetricFlow say of one cut; grain of both: the cut's keys."""

    cut: Cut
    published: pl.DataFrame
    answered: pl.DataFrame

    def differences(self) -> str:
        """What differs, as text; empty if nothing does."""
        # MetricFlow answers with a statistic alone, not with the cases that it rests on
        is_counted = pl.col("numerator").is_not_null()
        published = self.published.with_columns(denominator=pl.when(is_counted).then("denominator"))
        found = compare(published, self.answered, self.cut.keys, VALUE_TOLERANCE)
        return describe(found, self.cut.keys) if len(found) else ""

    @property
    def occurring(self) -> pl.DataFrame:
        """The published cells in which something was counted."""
        return self.published.filter(
            (pl.col("numerator").fill_null(0) != 0) | (pl.col("denominator").fill_null(0) != 0)
        )


def comparisons(
    warehouse: Path,
    environment: Mapping[str, str],
    work_dir: Path,
    kpis: Mapping[str, Row],
    cuts: Sequence[Cut] = CUTS,
) -> dict[Cut, Comparison]:
    """Both sides of every cut, for these KPIs."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        published = {cut: _published(connection, cut, cut.kpis(kpis)) for cut in cuts}
    with semantic_layer(environment, work_dir) as layer:
        answered = {cut: _answered(layer, cut, cut.kpis(kpis)) for cut in cuts}
    return {cut: Comparison(cut, published[cut], answered[cut]) for cut in cuts}


def _published(
    connection: duckdb.DuckDBPyConnection, cut: Cut, kpis: Mapping[str, Row]
) -> pl.DataFrame:
    rows = connection.sql(
        f"select {', '.join(cut.keys)}, numerator, denominator, value from marts.{cut.mart} "
        f"where basis = 'event' and period_grain = '{cut.grain}'"
    )
    frame = pl.from_arrow(rows.to_arrow_table())
    return _since_in_force(frame.filter(pl.col("kpi_id").is_in(list(kpis))), kpis)


def _answered(layer: SemanticLayer, cut: Cut, kpis: Mapping[str, Row]) -> pl.DataFrame:
    """Every metric and what it divides, asked for at once."""
    metrics = [METRICS[name] for name in kpis]
    asked = {name for metric in metrics for name in (metric.name, *metric.inputs)}
    found = layer.query(sorted(asked), cut.group_by)
    keyed = found.rename(dict(zip(cut.group_by, cut.keys[1:], strict=True)))
    rows = [
        keyed.select(
            pl.lit(metric.name).alias("kpi_id"),
            *cut.keys[1:],
            _numerator(metric, kpis[metric.name]).alias("numerator"),
            (pl.col(metric.inputs[1]) if metric.inputs else pl.lit(None, pl.Float64)).alias(
                "denominator"
            ),
            pl.col(metric.name).alias("value"),
        )
        for metric in metrics
    ]
    return _since_in_force(pl.concat(rows), kpis)


def _numerator(metric: Metric, row: Row) -> pl.Expr:
    """What the metric divides or counts; a statistic has none."""
    if row["distribution_id"]:
        return pl.lit(None, pl.Float64)
    return pl.col(metric.inputs[0] if metric.inputs else metric.name)


def _since_in_force(frame: pl.DataFrame, kpis: Mapping[str, Row]) -> pl.DataFrame:
    """The periods that the newest version counts as a whole; a missing date stays, to be seen."""
    since = {name: row["effective_from"] for name, row in kpis.items()}
    first_day = pl.col("kpi_id").replace_strict(since).str.to_date()
    return frame.filter(pl.col("period_start").is_null() | (pl.col("period_start") >= first_day))
