"""The changes and their causes against the same from the world's log (decision 0032)."""

from __future__ import annotations

import csv
import datetime as dt
import random

import duckdb
import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.agreements import events_as_agreed
from kpi_warehouse.truth.changes import (
    AMOUNT_STAGES,
    UNEXPLAINED,
    Cell,
    Changes,
    amount_effects,
    changes,
    rate_effects,
)
from kpi_warehouse.truth.kpis import KPIS, truth_of_spells

KEYS = ["basis", "comparison", "period_grain", "period_start"]
EFFECTS = ["mix_effect", "performance_effect", "unmatched_effect"]
# a part of the KPI's largest effect, or of 1
TOLERANCE = 1e-11
# effects are rounded as running totals of yen with two decimals
YEN = 0.0101
# days before which a period has a business day for sure
LONGEST_HOLIDAYS = 14
BEFORE, NOW = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
AMOUNT_TREE = PROJECT_DIR / "seeds" / "registry" / "amount_tree.csv"

_FLAGS = """is_definition_changed is_complete is_previous_complete is_previous_covered is_mature
    is_previous_mature"""
_PERIODS = """basis comparison period_grain period_start period_end previous_period_start
    previous_period_end"""
_KPI = f"""{_PERIODS} {_FLAGS} kpi_id change_kind change_reason split_reason numerator denominator
    value previous_numerator previous_denominator previous_value change mix_effect
    performance_effect unmatched_effect definition_version previous_definition_version
    is_small_sample is_previous_small_sample"""
_AMOUNT = f"""{_PERIODS} {_FLAGS} factor_id factor_name_ja factor_name_en value previous_value
    value_reason effect_jpy effect_reason sort_order"""
PUBLISHED = {
    "kpi_change": f"{_KPI} entering_channels leaving_channels",
    "kpi_change_by_channel": f"""{_KPI} channel_id share previous_share effect is_entering
        is_leaving""",
    "won_amount_change": f"{_AMOUNT} within_channels_jpy mix_jpy",
    "won_amount_change_by_channel": f"{_AMOUNT} channel_id",
}


@pytest.fixture(scope="module")
def expected(sample: BuiltWorld) -> Changes:
    """Every change of the true values; statistics are no sums and have no parts."""
    seed = PROJECT_DIR / "seeds" / "mappings" / "channels.csv"
    with seed.open(encoding="utf-8", newline="") as file:
        channels = [row["channel_id"] for row in csv.DictReader(file)]
    return changes(truth_of_spells(events_as_agreed(sample.log)), channels)


def published(
    world: BuiltWorld, mart: str, columns: list[str], where: str = "true"
) -> pl.DataFrame:
    """Some columns of a mart; decimals as floating point numbers."""
    with world.connect() as connection:
        rows = connection.sql(f"select {', '.join(columns)} from marts.{mart} where {where}")
        return pl.from_arrow(rows.to_arrow_table()).with_columns(
            pl.col(pl.Decimal).cast(pl.Float64)
        )


def beside(expected: pl.DataFrame, actual: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Both side by side, the actual ones as …_right; every key is in both."""
    joined = expected.join(actual, on=keys, how="inner", validate="1:1", nulls_equal=True)
    assert len(joined) == len(expected) == len(actual)
    return joined


def disagreeing(
    joined: pl.DataFrame, effects: list[str], tolerance: float, relative_to: str | None = None
) -> pl.DataFrame:
    """The rows in which an effect differs, or is NULL on one side only.

    The tolerance is one part of the largest effect among the rows with the same `relative_to`,
    or of 1 where that is less: an effect is a difference of values of that size.
    """
    return joined.filter(
        pl.any_horizontal(
            (pl.col(effect).is_null() != pl.col(f"{effect}_right").is_null())
            | (
                (pl.col(effect) - pl.col(f"{effect}_right")).abs()
                > tolerance
                * (
                    pl.max_horizontal(1.0, pl.col(effect).abs().max().over(relative_to))
                    if relative_to
                    else 1.0
                )
            )
            for effect in effects
        )
    )


def test_rates_of_every_channel_are_split_as_in_truth(
    sample: BuiltWorld, expected: Changes
) -> None:
    """Mix, performance and unmatched, every KPI x channel x month to fiscal year."""
    keys = ["kpi_id", *KEYS, "channel_id"]
    actual = published(sample, "kpi_change_by_channel", [*keys, *EFFECTS], "change_kind = 'rate'")
    joined = beside(expected.rates, actual, keys)
    ratios = {kpi.kpi_id for kpi in KPIS if kpi.denominator and "channel" in kpi.dimensions}
    assert set(joined["kpi_id"]) == ratios
    for effect in EFFECTS:
        moved = joined.filter(pl.col(effect).abs() > TOLERANCE)
        assert len(moved) > 20, f"{effect} is zero everywhere, which proves nothing"
    assert disagreeing(joined, EFFECTS, TOLERANCE, "kpi_id").is_empty()


def test_rates_of_the_total_are_split_as_in_truth(sample: BuiltWorld, expected: Changes) -> None:
    keys = ["kpi_id", *KEYS]
    totals = expected.rates.group_by(keys).agg(
        pl.when(pl.col(effect).is_not_null().all()).then(pl.col(effect).sum()).alias(effect)
        for effect in EFFECTS
    )
    actual = published(sample, "kpi_change", [*keys, *EFFECTS], "change_kind = 'rate'")
    joined = beside(totals, actual, keys)
    assert disagreeing(joined, EFFECTS, TOLERANCE, "kpi_id").is_empty()


def test_counts_and_amounts_differ_as_in_truth(sample: BuiltWorld, expected: Changes) -> None:
    keys = ["kpi_id", *KEYS, "channel_id"]
    actual = published(sample, "kpi_change_by_channel", [*keys, "effect"], "change_kind = 'amount'")
    joined = beside(expected.differences, actual, keys)
    assert len(joined.filter(pl.col("effect") != 0)) > 1_000
    assert disagreeing(joined, ["effect"], 1e-5).is_empty()


@pytest.mark.parametrize("mart", ["won_amount_change", "won_amount_change_by_channel"])
def test_won_amount_is_explained_as_in_truth(
    sample: BuiltWorld, expected: Changes, mart: str
) -> None:
    """Every factor's effect: in total and by channel, month to fiscal year, both bases."""
    with AMOUNT_TREE.open(encoding="utf-8", newline="") as file:
        stages = {
            row["factor_id"]: row["stage_kpi_id"] or UNEXPLAINED for row in csv.DictReader(file)
        }
    assert tuple(stages.values()) == (*AMOUNT_STAGES, UNEXPLAINED)
    dimension = ["channel_id"] if mart.endswith("channel") else []
    of_mart = expected.amounts.filter(
        pl.col("channel_id").is_not_null() if dimension else pl.col("channel_id").is_null()
    )
    keys = [*KEYS, *dimension, "stage"]
    actual = published(sample, mart, [*KEYS, *dimension, "factor_id", "effect_jpy"]).with_columns(
        stage=pl.col("factor_id").replace_strict(stages)
    )
    joined = beside(of_mart, actual, keys)
    assert len(joined.filter(pl.col("effect_jpy").abs() > 1)) > 400
    assert disagreeing(joined, ["effect_jpy"], YEN).is_empty()


def test_odd_months_occur(sample: BuiltWorld) -> None:
    """Channels that come and go, amounts of zero, broken chains: else equality says little."""
    for condition in (
        "kpi_change_by_channel where is_entering and mix_effect <> 0",
        "kpi_change_by_channel where is_leaving and mix_effect <> 0",
        "kpi_change_by_channel where change_reason = 'no_cases_before'",
        "won_amount_change_by_channel where effect_reason = 'nothing_won'",
        "won_amount_change_by_channel where effect_reason = 'nothing_won_before'",
        "won_amount_change_by_channel where effect_reason = 'stage_without_cases'",
        # channels better than before on the whole, and the total worse all the same
        "kpi_change where performance_effect > 0 and change < 0",
    ):
        assert sample.query(f"select count(*) from marts.{condition}")[0][0] > 0, condition


def test_unfair_comparisons_are_marked(sample: BuiltWorld) -> None:
    """A period that is not over, and a first year that the data begin in."""
    rows = sample.query(
        """
        select distinct period_end, previous_period_start, previous_period_end,
            is_complete, is_previous_complete, is_previous_covered
        from marts.kpi_change where basis = 'event'
        """
    )
    as_of = sample.log.as_of_date
    first = sample.query(
        "select min(period_start) from marts.kpi_by_period "
        "where basis = 'event' and period_grain = 'day'"
    )[0][0]
    for end, previous_start, previous_end, is_complete, is_previous_complete, is_covered in rows:
        assert is_complete == (end <= as_of)
        assert is_previous_complete == (previous_end <= as_of)
        if previous_start >= first:
            assert is_covered
        if (first - previous_start).days > LONGEST_HOLIDAYS:
            assert not is_covered
    assert {row[3] for row in rows} == {row[5] for row in rows} == {True, False}


def run_on(sample: BuiltWorld, model: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The compiled SQL of a model on these tables instead of the warehouse's."""
    folder = sample.folder / "dbt/target/compiled/inside_sales_kpis/models/marts/changes"
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    for name, frame in tables.items():
        connection.register("given", frame)
        connection.execute(f"create schema if not exists warehouse.{name.partition('.')[0]}")
        connection.execute(f"create table warehouse.{name} as select * from given")
    rows = connection.sql((folder / f"{model}.sql").read_text("utf-8")).to_arrow_table()
    return pl.from_arrow(rows).with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def tables_of(values: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What the models read: two months of KPI values by channel, and their totals."""
    kpis = [{"period_grain": "month", **row} for row in values.to_dicts()]
    by_channel = pl.DataFrame(kpis, infer_schema_length=None).with_columns(
        pl.lit("event").alias("basis"),
        pl.lit(1).alias("definition_version"),
        *(pl.lit(value=True).alias(f"is_{flag}") for flag in ("complete", "mature")),
        *(pl.lit(value=False).alias(f"is_{flag}") for flag in ("small_sample", "mixed_version")),
        pl.col("period_start").dt.month_end().alias("period_end"),
        pl.col("numerator", "denominator").cast(pl.Decimal(18, 2)),
    )
    day = by_channel.head(1).with_columns(
        pl.lit("day").alias("period_grain"), pl.lit(BEFORE).alias("period_start")
    )
    by_channel = pl.concat([by_channel, day])
    period = [column for column in by_channel.columns if column not in ("channel_id", "value")]
    groups = [column for column in period if column not in ("numerator", "denominator")]
    sums = by_channel.group_by(groups).agg(
        pl.col("numerator").sum(),
        pl.when(pl.col("denominator").is_not_null().all()).then(pl.col("denominator").sum()),
    )
    ids = by_channel["kpi_id"].unique().sort()
    return {
        "marts.kpi_by_channel_period": by_channel.with_columns(value=_value()),
        "marts.kpi_by_period": sums.with_columns(value=_value()),
        "marts.dim_kpis": pl.DataFrame({"kpi_id": ids}).with_columns(
            version=1, has_channel=True, maturity_days=90, statistic=pl.lit(None, pl.String)
        ),
        "intermediate.int_definition_changes": pl.DataFrame(
            schema={"kpi_id": pl.String, "change_date": pl.Date}
        ),
        "intermediate.int_period_comparisons": pl.DataFrame(
            {
                "comparison": ["previous_period"],
                "period_grain": ["month"],
                "period_start": [NOW],
                "period_end": [dt.date(2026, 4, 30)],
                "previous_period_start": [BEFORE],
                "previous_period_end": [dt.date(2026, 3, 31)],
                "previous_first_business_day": [BEFORE],
            }
        ),
        "seeds.amount_tree": pl.read_csv(AMOUNT_TREE),
    }


def _value() -> pl.Expr:
    top, bottom = pl.col("numerator").cast(pl.Float64), pl.col("denominator").cast(pl.Float64)
    return pl.when(bottom.is_null()).then(top).when(bottom != 0).then(top / bottom)


def test_any_rates_are_split_as_in_truth(sample: BuiltWorld) -> None:
    """Two thousand small KPIs of up to four channels: no cases, results without any, above 1."""
    chance = random.Random(32)
    cases = {}
    for number in range(2_000):
        cases[f"kpi_{number}"] = [
            {
                channel: Cell(
                    float(chance.choice((0, 0, 1, 3, 8))), float(chance.choice((0, 0, 5)))
                )
                for channel in ("webinar", "referral", "partner", "sns")[: 1 + number % 4]
            }
            for _ in (BEFORE, NOW)
        ]
    values = pl.DataFrame(
        [
            (kpi, channel, day, cell.results, cell.cases)
            for kpi, periods in cases.items()
            for day, period in zip((BEFORE, NOW), periods, strict=True)
            for channel, cell in period.items()
        ],
        schema=["kpi_id", "channel_id", "period_start", "numerator", "denominator"],
        orient="row",
    )
    actual = {
        (row["kpi_id"], row["channel_id"]): row
        for row in run_on(sample, "kpi_change_by_channel", tables_of(values)).to_dicts()
    }
    assert len(actual) == 5_000
    undefined = 0
    for kpi, (before, now) in cases.items():
        effects = rate_effects(before, now)
        undefined += effects is None
        for channel in now:
            row = actual[kpi, channel]
            assert (row["split_reason"] is not None) == (effects is None)
            found = [row[effect] for effect in EFFECTS]
            if effects is None:
                assert found == [None] * 3
            else:
                one = effects[channel]
                assert found == pytest.approx([one.mix, one.performance, one.unmatched], abs=1e-12)
    assert 100 < undefined < 1_900


def test_any_amounts_are_explained_as_in_truth(sample: BuiltWorld) -> None:
    """Three thousand small chains, with zeros anywhere and now and then an amount below zero."""
    chance = random.Random(32)
    sizes = (0.0, 0.0, 1.0, 2.0, 7.0, 40.0)
    chains = {
        f"channel_{number}": [
            [
                *(chance.choice(sizes) for _ in AMOUNT_STAGES[:-1]),
                chance.choice((0.0, 100.0, 250.55, 1e9, 1e9 + 0.01, -5.0)),
            ]
            for _ in (BEFORE, NOW)
        ]
        for number in range(3_000)
    }
    values = pl.DataFrame(
        [
            (kpi, channel, day, value)
            for channel, periods in chains.items()
            for day, period in zip((BEFORE, NOW), periods, strict=True)
            for kpi, value in zip(AMOUNT_STAGES, period, strict=True)
        ],
        schema=["kpi_id", "channel_id", "period_start", "numerator"],
        orient="row",
    ).with_columns(denominator=pl.lit(None, pl.Float64))
    found = run_on(sample, "won_amount_change_by_channel", tables_of(values)).sort("sort_order")
    reasons = set()
    for (channel,), rows in found.group_by("channel_id", maintain_order=True):
        before, now = chains[channel]
        effects, unexplained = amount_effects(before, now)
        shown = rows["effect_jpy"].to_list()
        reasons |= set(rows["effect_reason"])
        assert [one is None for one in shown] == [one is None for one in [*effects, 0]], channel
        assert shown == pytest.approx([*effects, unexplained], abs=YEN, nan_ok=False), channel
        assert round(sum(one or 0 for one in shown), 2) == round(now[-1] - before[-1], 2)
    assert found["channel_id"].n_unique() == len(chains)
    assert len(reasons) == 5


@pytest.mark.parametrize("table", PUBLISHED)
def test_contract_holds_the_published_columns(sample: BuiltWorld, table: str) -> None:
    """The interface as BI tools know it; a change is a new version of the model."""
    columns = sample.query(
        "select column_name from duckdb_columns() "
        f"where schema_name = 'marts' and table_name = '{table}'"
    )
    assert {row[0] for row in columns} == set(PUBLISHED[table].split())
