"""Holding two sets of KPI values against each other, to the last count."""

from collections.abc import Sequence

import polars as pl

# Counts are whole and amounts and hours have 2 decimals: two that differ do so by 0.01 or more.
QUANTITY_TOLERANCE = 0.005
VALUE_RELATIVE_TOLERANCE = 1e-9

_COMPARED = ("numerator", "denominator", "value")


def compare(
    expected: pl.DataFrame,
    actual: pl.DataFrame,
    keys: Sequence[str],
    value_tolerance: float = VALUE_RELATIVE_TOLERANCE,
) -> pl.DataFrame:
    """Grain: one row per key at which expected and actual do not agree.

    A row that one side lacks is a zero: numerator 0, and a ratio's denominator 0 with value
    NULL (R1); of a statistic, which has no numerator, it is no cases and no value. A NULL agrees
    with nothing but a NULL.

    Args:
        expected: keys, numerator, denominator, value; further columns are ignored.
        actual: the same columns.
        keys: the columns that identify a row on both sides.
        value_tolerance: by what part of itself a value may differ.

    Returns: the keys, `difference` (what disagrees: numerator, denominator, value, comma
    separated), and expected_* and actual_* of the three. Empty when all agree.

    Raises:
        ValueError: a column is missing, a key is NULL or not unique, or nothing is expected, so
            that agreement would mean nothing.
    """
    keys = list(keys)
    for name, frame in (("expected", expected), ("actual", actual)):
        _check(name, frame, keys)
    if expected.is_empty():
        raise ValueError("there are no expected rows, so that agreement would mean nothing")
    joined = _side(expected, keys, "expected").join(
        _side(actual, keys, "actual"), on=keys, how="full", coalesce=True, validate="1:1"
    )
    filled = _absent_as_zero(_absent_as_zero(joined, "expected", "actual"), "actual", "expected")
    verdicts = [
        pl.when(~_agree(column, value_tolerance)).then(pl.lit(column)).alias(f"_{column}")
        for column in _COMPARED
    ]
    found = filled.with_columns(verdicts).with_columns(
        difference=pl.concat_str(
            [f"_{column}" for column in _COMPARED], separator=", ", ignore_nulls=True
        )
    )
    return (
        found.filter(pl.col("difference") != "")
        .select(
            *keys,
            "difference",
            *(f"{side}_{column}" for column in _COMPARED for side in ("expected", "actual")),
        )
        .sort(keys)
    )


def describe(differences: pl.DataFrame, keys: Sequence[str], first: int = 10) -> str:
    """The differences as text: how many, by kpi_id, and the first few, one per line."""
    if differences.is_empty():
        return "no differences"
    lines = [f"{differences.height} differences"]
    if "kpi_id" in differences.columns:
        counts = differences["kpi_id"].value_counts(sort=True)
        lines[0] += ": " + ", ".join(f"{kpi_id} {count}" for kpi_id, count in counts.iter_rows())
    for row in differences.head(first).iter_rows(named=True):
        where = " ".join(str(row[key]) for key in keys)
        what = "; ".join(
            f"{column} expected {_shown(row[f'expected_{column}'])}"
            f" but is {_shown(row[f'actual_{column}'])}"
            for column in row["difference"].split(", ")
        )
        lines.append(f"  {where}: {what}")
    if differences.height > first:
        lines.append(f"  … and {differences.height - first} more")
    return "\n".join(lines)


def _check(name: str, frame: pl.DataFrame, keys: list[str]) -> None:
    missing = [column for column in (*keys, *_COMPARED) if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} has no column {', '.join(missing)}")
    if frame.select(pl.any_horizontal(pl.col(keys).is_null().any())).item():
        raise ValueError(f"{name} has a NULL in its key {', '.join(keys)}")
    repeated = frame.filter(pl.struct(keys).is_duplicated())
    if not repeated.is_empty():
        raise ValueError(
            f"{name} has {repeated.height} rows that share a key with another,"
            f" the first {repeated.select(keys).row(0)}"
        )


def _side(frame: pl.DataFrame, keys: list[str], side: str) -> pl.DataFrame:
    columns = [pl.col(column).cast(pl.Float64).alias(f"{side}_{column}") for column in _COMPARED]
    return frame.select(*keys, *columns, pl.lit(value=True).alias(f"{side}_exists"))


def _absent_as_zero(frame: pl.DataFrame, side: str, other: str) -> pl.DataFrame:
    """Fill the rows this side lacks with the zero of what the other is: count, ratio, statistic."""
    is_over_cases = pl.col(f"{other}_denominator").is_not_null()
    is_counted = pl.col(f"{other}_numerator").is_not_null()
    zeros = {
        "numerator": pl.when(is_counted).then(0.0),
        "denominator": pl.when(is_over_cases).then(0.0),
        "value": pl.when(is_counted & ~is_over_cases).then(0.0),
    }
    return frame.with_columns(
        pl.when(pl.col(f"{side}_exists").is_null())
        .then(zero)
        .otherwise(pl.col(f"{side}_{column}"))
        .alias(f"{side}_{column}")
        for column, zero in zeros.items()
    )


def _agree(column: str, value_tolerance: float) -> pl.Expr:
    expected, actual = pl.col(f"expected_{column}"), pl.col(f"actual_{column}")
    if column == "value":
        tolerance = value_tolerance * expected.abs()
    else:
        tolerance = pl.lit(QUANTITY_TOLERANCE)
    close = ((expected - actual).abs() <= tolerance).fill_null(value=False)
    return close | (expected.is_null() & actual.is_null())


def _shown(value: float | None) -> str:
    return "NULL" if value is None else f"{value:.12g}"
