"""The marts of money against what truly happened, to the last count and yen."""

from __future__ import annotations

import math
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from integration.conftest import BuiltWorld
from kpi_warehouse.truth import money
from kpi_warehouse.truth.events import all_events
from kpi_warehouse.world.writers.generic_records import write_appointments, write_opportunities
from kpi_warehouse.world.writers.identities import make_doubles
from kpi_warehouse.world.writers.planning import make_plan

CELL = ["period_grain", "period_start", "channel_id"]
# doubles of sums of many yen
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def events(sample: BuiltWorld) -> pl.DataFrame:
    """The counted events of the sample."""
    return all_events(sample.log)


def published(world: BuiltWorld, sql: str) -> pl.DataFrame:
    """The rows of a query on the warehouse."""
    with world.connect() as connection:
        return pl.from_arrow(connection.sql(sql).to_arrow_table())


def test_velocity_equals_the_truth(sample: BuiltWorld, events: pl.DataFrame) -> None:
    """For every month, quarter, half and fiscal year, every channel and in total."""
    expected = money.velocity(events)
    actual = published(
        sample,
        f"select {', '.join(CELL)}, opportunities_created, deals_closed, deals_won, "
        "velocity_jpy_per_day as velocity, velocity_reason from marts.pipeline_velocity",
    )
    # a period without a deal has a row there, and none in the truth
    idle = actual.join(expected, on=CELL, how="anti")
    assert set(idle["velocity_reason"]) <= {"no_deals_closed"}
    assert idle.select("opportunities_created", "deals_closed").sum().row(0) == (0, 0)
    assert_frame_equal(
        actual.join(expected, on=CELL, how="semi").select(expected.columns),
        expected,
        check_row_order=False,
        rel_tol=TOLERANCE,
    )
    assert expected["velocity"].count() > 300
    reasons = set(expected["velocity_reason"].drop_nulls())
    assert reasons >= {"no_deals_closed", "no_deals_won"}, "an undefined one proves its reason"
    is_defined = actual["velocity"].is_not_null()
    assert (is_defined == actual["velocity_reason"].is_null()).all()


def test_coverage_equals_the_truth(sample: BuiltWorld, events: pl.DataFrame) -> None:
    log = sample.log
    plan = make_plan(log)
    targets = plan.targets.filter(kpi_id="won_amount")
    assert targets["channel"].null_count() == targets.height == plan.kgi.height
    months = targets["month"].str.to_date("%Y-%m")
    amounts = dict(zip(months, targets["target_value"], strict=True))
    expected = money.coverage(log, events, amounts)
    actual = {
        (row["period_grain"], row["channel_id"]): row
        for row in published(sample, "from marts.pipeline_coverage").iter_rows(named=True)
    }
    assert set(expected) <= set(actual)
    assert expected["month", "all"]["open_deals"] > 50
    assert any(row["coverage"] for row in expected.values())
    for key, row in actual.items():
        wanted = expected.get(key)
        if wanted is None:
            assert (row["open_deals"], row["won_amount"]) == (0, Decimal(0)), key
            continue
        for name, value in wanted.items():
            if isinstance(value, float):
                assert math.isclose(row[name], value, rel_tol=TOLERANCE), (key, name)
            else:
                assert row[name] == value, (key, name)


def test_loss_reasons_equal_the_truth(sample: BuiltWorld) -> None:
    """Every day to fiscal year, channel and reason."""
    _, (records, _), _ = write_opportunities(sample.log, make_doubles(sample.log))
    stated = records.select("opportunity_id", reason="loss_reason")
    expected = money.loss_reasons(sample.log, stated)
    actual = published(
        sample,
        f"select {', '.join(CELL)}, reason_id, deals_lost as cases, cast(amount_lost as double) "
        "as amount, deals_lost_all_reasons as all_cases, share from marts.deal_loss_reasons",
    )
    assert set(expected["reason_id"]) >= set(money.REASONS.values())
    assert expected.height > 1_000
    assert_frame_equal(
        actual.select(expected.columns), expected, check_row_order=False, rel_tol=TOLERANCE
    )


def test_rejection_reasons_equal_the_truth(sample: BuiltWorld) -> None:
    """Of a rescheduled appointment its last booking says why."""
    bookings, _ = write_appointments(sample.log, make_doubles(sample.log))
    stated = bookings.filter(pl.col("judgement_reason").is_not_null()).select(
        pl.col("appointment_id").str.replace(r"-R\d$", ""), reason="judgement_reason"
    )
    expected = money.rejection_reasons(sample.log, stated).drop("amount")
    actual = published(
        sample,
        f"select {', '.join(CELL)}, reason_id, meetings_rejected as cases, "
        "meetings_rejected_all_reasons as all_cases, share from marts.meeting_rejection_reasons",
    )
    assert set(expected["reason_id"]) >= set(money.REASONS.values())
    assert expected.height > 1_000
    assert_frame_equal(
        actual.select(expected.columns), expected, check_row_order=False, rel_tol=TOLERANCE
    )


def test_costs_add_up_to_the_extract(sample: BuiltWorld) -> None:
    """Of every channel and month that is over, to the yen."""
    over = sample.log.campaign_costs.filter(
        pl.col("month").dt.month_end() <= sample.log.as_of_date
    ).rename({"cost": "extract"})
    spread = published(
        sample,
        "select channel_id, cast(date_trunc('month', cost_date) as date) as month, "
        "cast(sum(cost) as decimal(18, 2)) as published from marts.fct_campaign_costs group by all",
    )
    both = over.join(spread, on=["channel_id", "month"], how="left")
    assert both.height > 100
    assert (both["extract"] == both["published"]).all()


def test_no_text_of_a_reason_reaches_a_mart(sample: BuiltWorld) -> None:
    """Marts hold ids of reasons, and their names from the seed."""
    names = published(sample, "select distinct reason_id, name_ja, name_en from seeds.reasons")
    for mart in ("deal_loss_reasons", "meeting_rejection_reasons"):
        shown = published(sample, f"select distinct reason_id, name_ja, name_en from marts.{mart}")
        assert shown.join(names, on=shown.columns, how="anti").is_empty()
        assert shown.height > 1
