"""How long things took, against what truly happened: the tables of models/marts/durations."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.truth.calendar import BUSINESS_UTC_OFFSET, end_of_business_day
from kpi_warehouse.truth.durations import STAGE, observations, statistics_of, stays
from kpi_warehouse.world import WorldLog

PERIOD = ["basis", "period_grain", "period_start"]
TABLES = {
    "time_to_event_by_period": [],
    "time_to_event_by_channel_period": ["channel_id"],
    "time_to_event_by_rep_period": ["rep_id"],
    "time_to_event_by_team_period": ["team"],
}
COUNTS = ("cases", "finished", "at_risk_at_median")
STATISTICS = ("median", "p90", "km_median")
RELATIVE_TOLERANCE = 1e-9
# the stages of the world's log, as the mapping names them
STAGES = {
    "初回商談": "first_meeting",
    "ヒアリング": "hearing",
    "提案": "proposal",
    "見積": "quote",
    "交渉": "negotiation",
}


@pytest.fixture(scope="module")
def cases(sample: BuiltWorld) -> pl.DataFrame:
    return observations(sample.log)


@pytest.mark.parametrize("table", TABLES)
def test_every_statistic_equals_the_truth(
    sample: BuiltWorld, cases: pl.DataFrame, table: str
) -> None:
    """Every distribution x channel, rep, team and total x day to fiscal year, on both bases."""
    dimension = TABLES[table]
    expected = statistics_of(cases, dimension)
    keys = ["distribution_id", *PERIOD, *dimension]
    assert different(expected, published(sample, table), keys) == []
    if not dimension:
        seen = expected.filter(pl.col("km_median").is_not_null())["distribution_id"]
        assert set(seen) == set(cases["distribution_id"]), "a curve that never falls proves nothing"
        assert cases.filter(~pl.col("is_finished"))["distribution_id"].n_unique() == 4


def test_every_stage_equals_the_truth(sample: BuiltWorld) -> None:
    """Days in each stage by channel, on both bases."""
    expected = stays(as_extracted(sample)).with_columns(
        stage_id=pl.col(STAGE).replace_strict(STAGES)
    )
    truth = statistics_of(expected, ["stage_id", "channel_id"])
    assert set(truth["stage_id"]) == set(STAGES.values())
    keys = ["stage_id", *PERIOD, "channel_id"]
    assert different(truth, published(sample, "stage_durations"), keys) == []


def as_extracted(world: BuiltWorld) -> WorldLog:
    """The log without what its extracts cannot know: the hour of a close that no history has.

    Such a deal has only the date of its close (decision 0007), but not one before its last entry.
    """
    lost = [
        opportunity_id
        for (opportunity_id,) in world.query(
            "select opportunity_id from intermediate.int_opportunity_stage_events "
            "where is_from_record"
        )
    ]
    assert lost
    before = pl.col("entered_at").shift().over("opportunity_id")
    is_last = pl.col("entered_at") == pl.col("entered_at").max().over("opportunity_id")
    day = (pl.col("entered_at") + BUSINESS_UTC_OFFSET).dt.truncate("1d") - BUSINESS_UTC_OFFSET
    has_happened = pl.col("entered_at") < end_of_business_day(world.log.as_of_date)
    events = (
        world.log.stage_events.filter(has_happened)
        .sort("opportunity_id", "entered_at", maintain_order=True)
        .with_columns(
            entered_at=pl.when(pl.col("opportunity_id").is_in(lost) & is_last)
            .then(pl.max_horizontal(day, before))
            .otherwise("entered_at")
        )
    )
    return dataclasses.replace(world.log, stage_events=events)


def published(world: BuiltWorld, table: str) -> pl.DataFrame:
    with world.connect() as connection:
        rows = connection.sql(f"select * from marts.{table} where cases > 0")
        return pl.from_arrow(rows.to_arrow_table())


def different(expected: pl.DataFrame, actual: pl.DataFrame, keys: list[str]) -> list[dict]:
    """The first rows that one side lacks or that say something else."""
    assert expected.height > 0
    joined = expected.join(actual, on=keys, how="full", suffix="_published", coalesce=True)
    same = pl.lit(value=True)
    for column in (*COUNTS, *STATISTICS):
        left, right = pl.col(column).cast(pl.Float64), pl.col(f"{column}_published")
        tolerance = 0 if column in COUNTS else RELATIVE_TOLERANCE * left.abs()
        close = ((left - right.cast(pl.Float64)).abs() <= tolerance).fill_null(value=False)
        same &= close | (left.is_null() & right.is_null())
    return joined.filter(~same).head(5).to_dicts()
