"""The independent truth over small simulated worlds: what must hold in any of them."""

from functools import cache

import polars as pl
import pytest

from kpi_warehouse.truth.events import all_events
from kpi_warehouse.truth.kpis import (
    COHORT,
    DIMENSIONS,
    EVENT,
    KPIS,
    TOTAL,
    Truth,
    keys,
    truth_of_events,
)
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.simulate import WorldOptions, simulate

SEEDS = (1, 2, 3)
SUMS = ["numerator", "denominator"]


@cache
def world(seed: int) -> WorldLog:
    return simulate(WorldOptions(seed=seed, activities=3_000))


@cache
def events(seed: int) -> pl.DataFrame:
    return all_events(world(seed))


@cache
def values(seed: int) -> Truth:
    return truth_of_events(events(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_r17__nothing_is_counted_after_as_of(seed: int) -> None:
    assert events(seed)["event_date"].max() <= world(seed).as_of_date
    assert events(seed)["cohort_date"].max() <= world(seed).as_of_date


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_r2__a_part_is_never_more_than_its_whole(seed: int, dimension: str) -> None:
    subsets = [(kpi.kpi_id, basis) for kpi in KPIS for basis in kpi.subset_bases]
    shares = getattr(values(seed), f"by_{dimension}").join(
        pl.DataFrame(subsets, schema=["kpi_id", "basis"], orient="row"), on=["kpi_id", "basis"]
    )
    assert shares.height > 0
    assert (shares["numerator"] <= shares["denominator"]).all()
    assert shares["value"].drop_nulls().is_between(0, 1).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dimension", [name for name in DIMENSIONS if name != TOTAL])
def test_every_part_sums_to_the_whole(seed: int, dimension: str) -> None:
    # Hours have no channel, so calls per hour has no parts there.
    has_it = [kpi.kpi_id for kpi in KPIS if dimension in kpi.dimensions]
    parts = getattr(values(seed), f"by_{dimension}")
    whole = values(seed).by_total.filter(pl.col("kpi_id").is_in(has_it))
    joined = whole.join(
        parts.group_by(keys(TOTAL)).agg(pl.col(SUMS).sum()), on=keys(TOTAL), how="full"
    )
    assert joined.height == whole.height > 0
    for column in SUMS:
        assert (joined[column].fill_null(0) == joined[f"{column}_right"]).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("basis", [EVENT, COHORT])
def test_every_grain_adds_up_to_the_same(seed: int, basis: str) -> None:
    totals = (
        values(seed)
        .by_total.filter(pl.col("basis") == basis)
        .group_by("kpi_id", "period_grain")
        .agg(pl.col(SUMS).sum())
    )
    per_kpi = totals.group_by("kpi_id").agg(pl.col(SUMS).n_unique())
    assert per_kpi.height > 0
    assert (per_kpi["numerator"] == 1).all()
    assert (per_kpi["denominator"] == 1).all()
