"""When calls are connected, against what truly happened, to the last call."""

from __future__ import annotations

import math

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.truth.calling import COUNTS, counts_by, dials, window
from kpi_warehouse.truth.intervals import wilson

SMALL_SAMPLE_BELOW = 30
CLEARLY_BETTER_Z = 3.29
PERIOD = ("period_grain", "period_start", "period_end")
CELLS = {
    "connection_by_hour": ["channel_id", "day_class", "hour_of_day"],
    "connection_by_hour_total": ["day_class", "hour_of_day"],
    "connection_by_attempt": ["channel_id", "attempt_class"],
    "connection_by_attempt_total": ["attempt_class"],
}
RATES = {
    "connection_rate": ("calls_connected", "calls_made"),
    "target_connection_rate": ("target_connections", "calls_to_targets"),
}


@pytest.fixture(scope="module")
def true_dials(sample: BuiltWorld) -> pl.DataFrame:
    """Every dial of the log, with its hour, class of days and attempt."""
    frame = dials(sample.log)
    assert frame.height > 50_000
    for column in ("day_class", "attempt_class"):
        assert frame[column].n_unique() > 8, "holidays, weekends and late attempts occur"
    assert {0, 9, 23} <= set(frame["hour_of_day"])
    return frame


def published(world: BuiltWorld, mart: str) -> pl.DataFrame:
    """All rows of a published table."""
    with world.connect() as connection:
        return pl.from_arrow(connection.sql(f"select * from marts.{mart}").to_arrow_table())


@pytest.mark.parametrize("mart", CELLS)
def test_every_cell_equals_the_truth(
    sample: BuiltWorld, true_dials: pl.DataFrame, mart: str
) -> None:
    """Each cell x channel x month to fiscal year, and the last twelve months: all counts."""
    keys = CELLS[mart]
    counts = [count for count in COUNTS if count != "first_connections" or "attempt" in mart]
    columns = [*PERIOD, *keys, *counts]
    expected = counts_by(true_dials, sample.log.as_of_date, keys).select(columns)
    actual = published(sample, mart).select(columns)
    assert expected["period_grain"].n_unique() == 5
    assert actual.height == expected.height
    assert set(actual.rows()) == set(expected.rows())


@pytest.mark.parametrize("mart", CELLS)
def test_rates_have_wilsons_interval_or_a_reason(sample: BuiltWorld, mart: str) -> None:
    reasons = set()
    for row in published(sample, mart).iter_rows(named=True):
        for rate, (numerator, denominator) in RATES.items():
            found = [row[rate], row[f"{rate}_ci_low"], row[f"{rate}_ci_high"]]
            cases = row[denominator]
            reason = row[f"{rate}_reason"]
            reasons.add(reason)
            if cases >= SMALL_SAMPLE_BELOW:
                wanted = [row[numerator] / cases, *wilson(row[numerator], cases)]
                assert reason is None
                for value, expected in zip(found, wanted, strict=True):
                    assert math.isclose(value, expected, abs_tol=1e-12)
            else:
                assert found == [None] * 3
                assert reason == ("too_few_cases" if cases else "no_cases")
        assert row["is_complete"] == (row["period_end"] <= sample.log.as_of_date)
    assert {None, "too_few_cases"} <= reasons


@pytest.mark.parametrize("mart", ["best_call_times", "best_call_times_total"])
def test_best_times_are_those_with_the_highest_lower_bound(
    sample: BuiltWorld, true_dials: pl.DataFrame, mart: str
) -> None:
    """Ranked anew from the true dials of the last twelve months."""
    channel = ["channel_id"] if mart == "best_call_times" else []
    recent = window(sample.log.as_of_date)
    inside = true_dials.filter(pl.col("call_date").is_between(recent.start, recent.end))
    cells = inside.group_by([*channel, "day_class", "hour_of_day"]).agg(pl.col(COUNTS).sum())
    order = [*"1234567", "national_holiday", "company_holiday"]
    expected = set()
    for rate, (numerator, denominator) in RATES.items():
        for whose, part in cells.group_by(channel) if channel else [((), cells)]:
            overall = part[numerator].sum() / part[denominator].sum()
            times = [
                (row["day_class"], row["hour_of_day"], row[numerator], row[denominator])
                for row in part.iter_rows(named=True)
                if row[denominator] >= SMALL_SAMPLE_BELOW
            ]
            # bounds of equal counts are equal; others differ by far more than rounding
            times.sort(
                key=lambda time: (
                    -round(wilson(time[2], time[3])[0], 12),
                    -time[3],
                    order.index(time[0]),
                    time[1],
                )
            )
            for rank, time in enumerate(times[:3], start=1):
                error = math.sqrt(overall * (1 - overall) / time[3])
                is_better = time[2] / time[3] - overall > CLEARLY_BETTER_Z * error
                expected.add((rate, *whose, rank, *time, is_better))
    columns = [
        *("kpi_id", *channel, "rank_number", "day_class", "hour_of_day"),
        *("numerator", "denominator", "is_clearly_better"),
    ]
    actual = published(sample, mart)
    assert len(expected) >= 6
    assert set(actual.select(columns).rows()) == expected
    assert actual.height == len(expected)


def test_every_class_has_its_words(sample: BuiltWorld) -> None:
    """Japanese and English, of weekdays, holidays and attempts."""
    words = dict(
        sample.query("select distinct day_class, day_class_name_ja from marts.connection_by_hour")
    )
    assert words["1"] == "月曜日"
    assert words["national_holiday"] == "祝日"
    assert None not in words.values()
    attempts = dict(
        sample.query(
            "select distinct attempt_class, attempt_class_name_en from marts.connection_by_attempt"
        )
    )
    assert set(attempts) == {*"123456789", "10+", "unknown"}
    assert None not in attempts.values()
