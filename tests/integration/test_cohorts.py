"""Cohorts and the two bases against what truly happened, to the last lead and event."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.truth.agreements import events_as_agreed, read_spells
from kpi_warehouse.truth.cohorts import (
    COHORT,
    basis_differences,
    cohort_conversion,
    lead_stages,
    main_cause,
    stage_conversion,
)
from kpi_warehouse.truth.intervals import wilson

SMALL_SAMPLE_BELOW = 30
SIDES = ("numerator", "denominator")
PARTS = ("event_{}", "cohort_{}", "{}_carried_in", "{}_carried_out", "{}_without_cohort")


@pytest.fixture(scope="module")
def stages(sample: BuiltWorld) -> pl.DataFrame:
    """When each lead of the log first reached each stage."""
    policies = {spell.policies for spell in read_spells()}
    assert len(policies) == 1, "the milestones are by one set of policies"
    return lead_stages(sample.log, policies.pop())


def published(world: BuiltWorld, mart: str) -> pl.DataFrame:
    """All rows of a published table."""
    with world.connect() as connection:
        return pl.from_arrow(connection.sql(f"select * from marts.{mart}").to_arrow_table())


def same_rows(expected: pl.DataFrame, actual: pl.DataFrame) -> None:
    """Hold the columns of expected against actual: the same rows, whatever their order."""
    columns = expected.columns
    assert expected.height > 0
    assert set(actual.select(columns).rows()) == set(expected.rows())
    assert actual.height == expected.height


def test_every_cell_of_the_cohorts_equals_the_truth(
    sample: BuiltWorld, stages: pl.DataFrame
) -> None:
    """Cohort month x channel x stage x months since, in each channel and in total."""
    expected = cohort_conversion(stages, sample.log.as_of_date)
    assert expected["reached"].sum() > 100_000
    same_rows(expected, published(sample, "kpi_cohort_conversion"))
    totals = expected.group_by("cohort_month", "stage_id", "months_since", "is_mature").agg(
        pl.col("leads", "reached").sum()
    )
    same_rows(totals, published(sample, "kpi_cohort_conversion_total"))


def test_every_step_between_stages_equals_the_truth(
    sample: BuiltWorld, stages: pl.DataFrame
) -> None:
    expected = stage_conversion(stages)
    assert expected["skipped"].sum() > 100
    same_rows(expected, published(sample, "stage_conversion_by_cohort"))
    totals = expected.group_by("cohort_month", "from_stage_id", "to_stage_id").agg(
        pl.col("leads", "reached_from", "converted", "skipped").sum()
    )
    same_rows(totals, published(sample, "stage_conversion_by_cohort_total"))


@pytest.mark.parametrize(
    ("mart", "part", "whole"),
    [
        ("kpi_cohort_conversion", "reached", "leads"),
        ("kpi_cohort_conversion_total", "reached", "leads"),
        ("stage_conversion_by_cohort", "converted", "reached_from"),
        ("stage_conversion_by_cohort_total", "converted", "reached_from"),
    ],
)
def test_rates_have_wilsons_interval_or_a_reason(
    sample: BuiltWorld, mart: str, part: str, whole: str
) -> None:
    rows = published(sample, mart)
    nothing = rows.filter(pl.col(whole) == 0)
    assert nothing.select(pl.col("rate", "ci_low", "ci_high").is_null().all()).row(0) == (True,) * 3
    if "rate_reason" in rows.columns:
        assert (nothing["rate_reason"] == "no_cases").all()
        assert rows.filter(pl.col(whole) > 0)["rate_reason"].is_null().all()
    assert (rows["is_small_sample"] == (rows[whole] < SMALL_SAMPLE_BELOW)).all()
    assert rows["is_small_sample"].any() or mart == "kpi_cohort_conversion_total"
    cases = rows.filter(pl.col(whole) > 0).select(part, whole, "rate", "ci_low", "ci_high").unique()
    assert cases.height > 100
    for reached, leads, rate, low, high in cases.rows():
        assert math.isclose(rate, reached / leads, rel_tol=1e-12)
        expected_low, expected_high = wilson(reached, leads)
        assert math.isclose(low, expected_low, abs_tol=1e-9)
        assert math.isclose(high, expected_high, abs_tol=1e-9)


def test_steps_settle_by_the_days_of_their_stage(sample: BuiltWorld) -> None:
    rows = sample.query(
        "select pairs.cohort_month, stages.maturity_days, pairs.is_mature "
        "from marts.stage_conversion_by_cohort as pairs "
        "inner join seeds.funnel_stages as stages on pairs.to_stage_id = stages.stage_id"
    )
    seen = set()
    for cohort_month, maturity_days, is_mature in rows:
        settled = month_end(cohort_month) + dt.timedelta(days=maturity_days)
        assert is_mature == (settled <= sample.log.as_of_date)
        seen.add((maturity_days, is_mature))
    assert len(seen) >= 6


def test_both_bases_and_what_lies_between_equal_the_truth(sample: BuiltWorld) -> None:
    """Every KPI x channel x month: both values, each flow, and the cause."""
    truth = basis_differences(events_as_agreed(sample.log))
    columns = [part.format(side) for side in SIDES for part in PARTS]
    assert truth.select(pl.col(columns).sum() > 0).row(0) == (True,) * len(columns)
    keys = ["kpi_id", "channel_id", "month_start"]
    expected = {row[:3]: row for row in truth.select(*keys, "is_ratio", *columns).rows()}
    maturity = dict(
        sample.query("select kpi_id, maturity_days from marts.dim_kpis where is_current")
    )
    rows = published(sample, "conversion_period_and_cohort").rows(named=True)
    assert len(rows) == len({tuple(row[key] for key in keys) for row in rows})
    causes = set()
    for row in rows:
        key = tuple(row[name] for name in keys)
        is_ratio = row["event_denominator"] is not None
        wanted = expected.pop(key, (*key, is_ratio, *[0] * len(columns)))
        parts = dict(zip(columns, map(Fraction, wanted[4:]), strict=True))
        assert is_ratio == wanted[3], key
        for column, quantity in parts.items():
            shown = row[column]
            assert (shown is None) == (not is_ratio and "denominator" in column), (key, column)
            assert abs(Fraction(shown or 0) - quantity) < Fraction(1, 200), (key, column)
        settled = month_end(row["month_start"]) + dt.timedelta(days=maturity[row["kpi_id"]])
        assert row["is_mature"] == (settled <= sample.log.as_of_date), key
        assert row["main_cause"] == main_cause(parts, is_mature=row["is_mature"]), key
        causes.add(row["main_cause"])
        values = [
            value_of(parts[f"{basis}_numerator"], parts[f"{basis}_denominator"], is_ratio)
            for basis in ("event", "cohort")
        ]
        assert (row["difference_reason"] == "no_cases") == (None in values), key
        assert close(row["event_value"], values[0]), key
        assert close(row["cohort_value"], values[1]), key
        gap = None if None in values else values[0] - values[1]
        assert close(row["difference"], gap), key
    assert not expected, f"months that are not published: {list(expected)[:5]}"
    known = {row[0] for row in sample.query("select cause_id from seeds.basis_difference_causes")}
    assert causes == known


def test_cohorts_hold_every_lead_once(sample: BuiltWorld) -> None:
    """The acquired of the last month are the leads of fct_leads."""
    leads = sample.query("select count(*) from marts.fct_leads")[0][0]
    acquired = sample.query(
        f"select sum(leads) from (select distinct {', '.join(COHORT)}, leads "
        "from marts.kpi_cohort_conversion where stage_id = 'acquired')"
    )[0][0]
    assert leads > 1_000
    assert acquired == leads


def month_end(month_start: dt.date) -> dt.date:
    return (month_start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def value_of(numerator: Fraction, denominator: Fraction, is_ratio: bool) -> Fraction | None:
    """R1: the quotient, or the count itself; None over nothing."""
    if not is_ratio:
        return numerator
    return numerator / denominator if denominator else None


def close(shown: float | None, expected: Fraction | None) -> bool:
    if shown is None or expected is None:
        return shown is expected
    return math.isclose(shown, expected, rel_tol=1e-9, abs_tol=1e-9)
