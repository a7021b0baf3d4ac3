"""The KPI marts against the truth: values, and what is published beside them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date

import polars as pl

from kpi_warehouse.mutation.bench import Bench
from kpi_warehouse.truth.compare import compare
from kpi_warehouse.truth.intervals import Z_95
from kpi_warehouse.truth.kpis import KPIS, Truth, keys

MARTS = {
    "total": "kpi_by_period",
    "channel": "kpi_by_channel_period",
    "rep": "kpi_by_rep_period",
    "team": "kpi_by_team_period",
}
# cases of a rate over an amount: the deals that another rate is over
_CASES = {"win_rate_by_amount": "win_rate_of_closed"}
_FEWEST_CASES = 30
_TOLERANCE = 1e-9


def problems(
    bench: Bench, expected: Truth, as_of_date: date, changed: Container[str]
) -> Iterator[str]:
    """What is wrong in the marts named; a line per mart, the smallest mart first."""
    for dimension, mart in MARTS.items():
        if mart not in changed:
            continue
        actual = bench.frame(f"select * from marts.{mart}")
        try:
            found = compare(getattr(expected, f"by_{dimension}"), actual, keys(dimension))
        except ValueError as error:
            yield f"{mart} ({error})"
            continue
        if len(found):
            kpis = found["kpi_id"].unique().sort().to_list()
            yield f"{mart} ({len(found)} values of {_few(kpis)})"
        elif wrong := _wrong_companions(actual, bench, dimension, as_of_date):
            yield f"{mart} ({_few(wrong)})"


def _wrong_companions(rows: pl.DataFrame, bench: Bench, dimension: str, as_of: date) -> list[str]:
    """Names of the columns beside the values that are not what the values make them."""
    maturity = bench.frame(
        "select kpi_id, version as definition_version, maturity_days from marts.dim_kpis"
    )
    shares = pl.DataFrame(
        [(kpi.kpi_id, basis) for kpi in KPIS for basis in kpi.subset_bases],
        schema=["kpi_id", "basis"],
        orient="row",
    ).filter(~pl.col("kpi_id").is_in(list(_CASES)))
    settled = pl.col("period_end") + pl.duration(days="maturity_days") <= as_of
    low, high = _wilson(pl.col("value"), pl.col("denominator").cast(pl.Float64))
    few = pl.col("denominator").is_not_null() & (pl.col("cases") < _FEWEST_CASES)
    told = (
        rows.join(maturity, on=["kpi_id", "definition_version"], how="left")
        .join(shares.with_columns(is_share=pl.lit(value=True)), on=["kpi_id", "basis"], how="left")
        .join(_cases(rows, dimension), on=keys(dimension), how="left")
        .select(
            is_complete=pl.col("is_complete") == (pl.col("period_end") <= as_of),
            is_mature=pl.col("is_mature") == ((pl.col("basis") == "event") | settled),
            is_small_sample=pl.col("is_small_sample") == few,
            ci_low=_agree(pl.col("ci_low"), pl.when("is_share").then(low)),
            ci_high=_agree(pl.col("ci_high"), pl.when("is_share").then(high)),
        )
    )
    return [name for name in told.columns if not told[name].fill_null(value=False).all()]


def _cases(rows: pl.DataFrame, dimension: str) -> pl.DataFrame:
    """Of how many cases each row is: its denominator, or that of the rate that counts them."""
    own = rows.filter(~pl.col("kpi_id").is_in(list(_CASES)))
    borrowed = pl.concat(
        rows.filter(pl.col("kpi_id") == other).with_columns(kpi_id=pl.lit(kpi_id))
        for kpi_id, other in _CASES.items()
    )
    return pl.concat([own, borrowed]).select(*keys(dimension), cases="denominator")


def _wilson(share: pl.Expr, cases: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Wilson's interval of columns; null without cases. See `truth.intervals.wilson`."""
    cases = pl.when(cases != 0).then(cases)
    shrink = 1 + Z_95**2 / cases
    centre = (share + Z_95**2 / (2 * cases)) / shrink
    half = Z_95 * (share * (1 - share) / cases + Z_95**2 / (4 * cases**2)).sqrt() / shrink
    return centre - half, centre + half


def _agree(actual: pl.Expr, expected: pl.Expr) -> pl.Expr:
    both_null = actual.is_null() & expected.is_null()
    return both_null | ((actual - expected).abs() <= _TOLERANCE).fill_null(value=False)


def _few(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
