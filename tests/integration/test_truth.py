"""The warehouse against what truly happened, to the last count (decision 0011)."""

from __future__ import annotations

import datetime as dt
import math

from integration.conftest import (
    BuiltWorld,
    differences,
)
from kpi_warehouse.truth.agreements import truth_as_agreed
from kpi_warehouse.truth.intervals import wilson
from kpi_warehouse.truth.kpis import KPIS

# traps whose planting the comparison would prove nothing without
MINIMUM_TRAPS = 60


def test_sample_equals_the_truth(sample: BuiltWorld) -> None:
    """Every KPI x channel, rep, team and total x day to fiscal year, on both bases."""
    planted = [name for name, count in sample.log.traps.items() if count > 0]
    assert len(planted) >= MINIMUM_TRAPS
    expected = truth_as_agreed(sample.log)
    seen = set(expected.by_total.filter(expected.by_total["numerator"] > 0)["kpi_id"])
    assert seen == {kpi.kpi_id for kpi in KPIS}, "a KPI that never occurs proves nothing"
    assert differences(sample, expected) == []


def test_the_truth_needs_no_matching_by_number_or_address(sample: BuiltWorld) -> None:
    """The log knows every lead: no number or address in the world may mean another one.

    Numbers and addresses are a lead's own, and nobody without a lead has one of them. So finding a
    lead by them leads to the lead of the log, in whatever format the extracts are.
    """
    leads = sample.log.leads
    assert leads.height > 1_000
    for column in ("phone", "email"):
        assert leads[column].n_unique() == leads.height
    ways = dict(
        sample.query(
            "select lead_match_method, count(*) from marts.fct_activities "
            "group by lead_match_method"
        )
    )
    assert set(ways) == {"id", "crm_record", "none"}


def test_intervals_are_wilsons(sample: BuiltWorld) -> None:
    """Against the formula in Python, for every proportion of the totals."""
    rows = sample.query(
        "select numerator, denominator, ci_low, ci_high from marts.kpi_by_period "
        "where ci_low is not null"
    )
    assert len(rows) > 1_000
    for numerator, denominator, low, high in rows:
        expected_low, expected_high = wilson(float(numerator), float(denominator))
        assert math.isclose(low, expected_low, abs_tol=1e-9)
        assert math.isclose(high, expected_high, abs_tol=1e-9)


def test_periods_have_no_gaps(sample: BuiltWorld) -> None:
    """From week upwards every KPI x channel x period is a row, a zero too."""
    counts = sample.query(
        """
        select basis, period_grain, count(*), count(distinct kpi_id),
            count(distinct channel_id), count(distinct period_start)
        from marts.kpi_by_channel_period
        where period_grain <> 'day'
        group by basis, period_grain
        """
    )
    assert len(counts) == 10
    for basis, grain, rows, kpis, channels, periods in counts:
        assert rows == kpis * channels * periods, (basis, grain)
        assert channels == 21
    zeros = sample.query(
        "select count(*), count(value) from marts.kpi_by_channel_period where denominator = 0"
    )
    assert zeros[0][0] > 0
    assert zeros[0][1] == 0, "R1: over nothing a rate is NULL"


def test_complete_and_mature_follow_the_as_of_date(sample: BuiltWorld) -> None:
    as_of = sample.log.as_of_date
    rows = sample.query(
        """
        select kpis.basis, kpis.period_end, definitions.maturity_days,
            kpis.is_complete, kpis.is_mature
        from marts.kpi_by_period as kpis
        inner join marts.dim_kpis as definitions using (kpi_id)
        """
    )
    flags = set()
    for basis, period_end, maturity_days, is_complete, is_mature in rows:
        assert is_complete == (period_end <= as_of)
        settled = period_end + dt.timedelta(days=maturity_days) <= as_of
        assert is_mature == (basis == "event" or settled)
        flags.add((basis, is_complete, is_mature))
    assert len(flags) >= 4


def test_every_month_has_its_business_days(sample: BuiltWorld) -> None:
    """Company holidays of the sample are no business days, the weekdays around them are."""
    closed = {row["date"] for row in sample.log.company_holidays.iter_rows(named=True)}
    days = dict(sample.query("select date_day, is_business_day from marts.dim_dates"))
    assert closed
    assert not any(days[day] for day in closed)
    assert days[dt.date(2025, 12, 26)]


def test_iso_week_of_the_turn_of_the_year(sample: BuiltWorld) -> None:
    rows = sample.query(
        "select iso_year, iso_week, fiscal_year from marts.dim_dates "
        "where date_day = date '2025-12-29'"
    )
    assert rows == [(2026, 1, 2025)]
