"""What the published marts are expected to hold, after a build and before anybody reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from kpi_warehouse.quality import limits
from kpi_warehouse.quality.checks import Batch, check, percent
from kpi_warehouse.quality.published_profile import (
    profile_funnel,
    profile_marts,
    profile_periods,
    profile_registry,
    profile_values,
    profile_volumes,
)


def published_batches(
    connection: duckdb.DuckDBPyConnection, kpi_definitions: Path, as_of_date: dt.date
) -> Iterator[Batch]:
    """The profiles of a warehouse with their suites, each made when it is asked for.

    A warehouse that lacks a promised table or column is profiled no further than that.
    """
    tables = marts_batch(connection)
    yield tables
    if tables.frame["is_published"].all() and not tables.frame["missing_columns"].any():
        yield registry_batch(connection, kpi_definitions)
        yield values_batch(connection)
        yield periods_batch(connection, as_of_date)
        yield funnel_batch(connection)
        yield volumes_batch(connection)


def marts_batch(connection: duckdb.DuckDBPyConnection) -> Batch:
    """Every promised table is there, with its columns, types and keys, and without persons."""
    return Batch(
        "published.marts",
        "公開テーブル",
        "Published tables",
        ("mart",),
        profile_marts(connection),
        _marts(),
    )


def registry_batch(connection: duckdb.DuckDBPyConnection, kpi_definitions: Path) -> Batch:
    """Every KPI of the registry is published where it has to be."""
    return Batch(
        "published.registry",
        "定義台帳とKPI",
        "The registry's KPIs",
        ("kpi_id", "basis"),
        profile_registry(connection, kpi_definitions),
        _registry(),
    )


def values_batch(connection: duckdb.DuckDBPyConnection) -> Batch:
    """Values keep the rules of arithmetic."""
    return Batch(
        "published.values",
        "KPIの値",
        "Values of the KPIs",
        ("mart", "kpi_id", "basis"),
        profile_values(connection),
        _values(),
    )


def periods_batch(connection: duckdb.DuckDBPyConnection, as_of_date: dt.date) -> Batch:
    """Periods are without holes, up to the as-of date."""
    return Batch(
        "published.periods",
        "期間",
        "Periods",
        ("period_grain",),
        profile_periods(connection, as_of_date),
        _periods(),
    )


def funnel_batch(connection: duckdb.DuckDBPyConnection) -> Batch:
    """The wide funnel says what the KPI marts say."""
    return Batch(
        "published.funnel",
        "ファネル",
        "The funnel",
        ("kpi_id",),
        profile_funnel(connection),
        _funnel(),
    )


def volumes_batch(connection: duckdb.DuckDBPyConnection) -> Batch:
    """The last complete month is like those before it."""
    return Batch(
        "published.volumes",
        "月次件数",
        "Monthly volumes",
        ("kpi_id", "month"),
        profile_volumes(connection),
        _volumes(),
    )


def _marts() -> tuple[Expectation, ...]:
    return (
        _is_true("mart_missing", "is_published"),
        check(
            "mart_empty",
            gxe.ExpectColumnValuesToBeBetween,
            "rows",
            column="rows",
            min_value=1,
        ),
        _is_blank("mart_columns_missing", "missing_columns", "every promised column"),
        _is_blank("mart_types_changed", "changed_types", "the promised types"),
        _none("mart_keys_repeated", "repeated_keys"),
        _none("mart_keys_empty", "empty_keys"),
        _is_blank("personal_data", "personal_columns", "names of reps and no other personal data"),
    )


def _registry() -> tuple[Expectation, ...]:
    return (
        _is_true("kpi_undefined", "is_defined"),
        _is_blank("kpi_missing", "missing_in", "a row in every mart the registry names"),
    )


def _values() -> tuple[Expectation, ...]:
    return (
        _none("rate_out_of_range", "rates_out_of_range"),
        _none("numerator_exceeds", "numerators_too_large"),
        _none("count_negative", "negative_counts"),
        _none("value_not_quotient", "wrong_quotients"),
        _none("interval_wrong", "wrong_intervals"),
    )


def _periods() -> tuple[Expectation, ...]:
    return (
        _none("periods_missing", "holes"),
        check(
            "periods_behind",
            gxe.ExpectColumnValuesToBeBetween,
            f"periods up to {limits.DAILY_WORK_DAYS} days before the as-of date, or later",
            column="days_behind",
            max_value=limits.DAILY_WORK_DAYS,
        ),
        _none("periods_open", "wrongly_open"),
    )


def _funnel() -> tuple[Expectation, ...]:
    return (
        _is_true("funnel_kpi_missing", "has_column"),
        _none("funnel_differs", "differing_cells"),
        _none("funnel_sum_differs", "largest_gap"),
    )


def _volumes() -> tuple[Expectation, ...]:
    low, high = limits.VOLUME_RATIO_FROM, limits.VOLUME_RATIO_TO
    return (
        check(
            "volume_unusual",
            gxe.ExpectColumnValuesToBeBetween,
            f"{percent(low)} to {percent(high)} of the months before",
            column="volume_ratio",
            min_value=low,
            max_value=high,
        ),
    )


def _none(rule_id: str, column: str) -> Expectation:
    return check(rule_id, gxe.ExpectColumnValuesToBeBetween, "none", column=column, max_value=0)


def _is_true(rule_id: str, column: str) -> Expectation:
    return check(rule_id, gxe.ExpectColumnValuesToBeInSet, "yes", column=column, value_set=[True])


def _is_blank(rule_id: str, column: str, expected: str) -> Expectation:
    return check(rule_id, gxe.ExpectColumnValuesToBeInSet, expected, column=column, value_set=[""])
