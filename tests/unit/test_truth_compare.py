"""Holding KPI values against each other: what is a difference and what is none."""

import polars as pl
import pytest

from kpi_warehouse.truth.compare import compare, describe


def values_of(*rows: tuple[str, float | None, float | None, float | None]) -> pl.DataFrame:
    schema = {
        "kpi_id": pl.String,
        "numerator": pl.Float64,
        "denominator": pl.Float64,
        "value": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_compare__agreement_is_no_rows() -> None:
    values = values_of(("a", 1, 2, 0.5), ("b", 3, None, 3), ("c", 1, 0, None))
    found = compare(values, values.reverse(), ["kpi_id"])
    assert found.is_empty()
    assert describe(found, ["kpi_id"]) == "no differences"


def test_compare__decimals_agree_with_floats() -> None:
    exact = values_of(("a", 0.1, None, 0.1)).cast({"numerator": pl.Decimal(38, 6)})
    assert compare(exact, values_of(("a", 0.1, None, 0.1)), ["kpi_id"]).is_empty()


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (values_of(("a", 1, 2, 0.5)), values_of(("a", 1, 2, 0.5), ("b", 0, 0, None))),
        (values_of(("a", 1, 2, 0.5)), values_of(("a", 1, 2, 0.5), ("b", 0, None, 0))),
        (values_of(("a", 1, 3, 1 / 3)), values_of(("a", 1, 3, 0.33333333333))),
    ],
)
def test_compare__an_absent_row_is_zero_and_rounding_is_no_difference(
    expected: pl.DataFrame, actual: pl.DataFrame
) -> None:
    assert compare(expected, actual, ["kpi_id"]).is_empty()


@pytest.mark.parametrize(
    ("actual", "difference"),
    [
        (("a", 2, 2, 1.0), "numerator, value"),
        (("a", 1, 3, 1 / 3), "denominator, value"),
        (("a", 1, 2, 0.500000001), "value"),
        (("a", 1, 2, None), "value"),
        (("a", 1, 2, float("nan")), "value"),
        (("a", 1, 2, float("inf")), "value"),
        (("a", 1, None, 0.5), "denominator"),
    ],
)
def test_compare__names_what_differs(
    actual: tuple[str, float | None, float | None, float | None], difference: str
) -> None:
    found = compare(values_of(("a", 1, 2, 0.5)), values_of(actual), ["kpi_id"])
    assert found["difference"].to_list() == [difference]


def test_compare__a_zero_denominator_published_as_zero_is_a_difference() -> None:
    expected = values_of(("a", 1, 2, 0.5))
    found = compare(expected, values_of(("a", 1, 2, 0.5), ("b", 0, 0, 0.0)), ["kpi_id"])
    assert found.select("kpi_id", "difference").rows() == [("b", "value")]


def test_compare__one_count_in_a_billion_is_a_difference() -> None:
    found = compare(
        values_of(("a", 1_000_000_000, None, 1e9)),
        values_of(("a", 1_000_000_001, None, 1e9 + 1)),
        ["kpi_id"],
    )
    assert found["difference"].to_list() == ["numerator"]


def test_compare__a_missing_row_is_a_difference_and_is_described() -> None:
    found = compare(values_of(("a", 1, 2, 0.5), ("b", 3, None, 3)), values_of(), ["kpi_id"])
    text = describe(found, ["kpi_id"], first=1)
    assert text.splitlines() == [
        "2 differences: a 1, b 1",
        "  a: numerator expected 1 but is 0; denominator expected 2 but is 0;"
        " value expected 0.5 but is NULL",
        "  … and 1 more",
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        (values_of(), values_of(), "agreement would mean nothing"),
        (values_of(("a", 1, 1, 1)), values_of(("a", 1, 1, 1), ("a", 1, 1, 1)), "share a key"),
        (values_of(("a", 1, 1, 1)), values_of(("a", 1, 1, 1)).drop("value"), "no column value"),
        (values_of(("a", 1, 1, 1)), values_of((None, 1, 1, 1)), "NULL in its key"),
    ],
)
def test_compare__refuses_what_would_prove_nothing(
    expected: pl.DataFrame, actual: pl.DataFrame, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare(expected, actual, ["kpi_id"])
