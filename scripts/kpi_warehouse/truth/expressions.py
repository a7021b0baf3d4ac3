"""Small polars expressions and row choices that every fact is made with."""

from datetime import date

import polars as pl

from kpi_warehouse.truth.calendar import end_of_business_day


def has_passed(column: str, as_of: date) -> pl.Expr:
    """Whether a moment is over at the end of the as_of business day; null for no moment."""
    return pl.col(column) < end_of_business_day(as_of)


def has_come(column: str, as_of: date) -> pl.Expr:
    """Whether there is a moment and it is over by as_of; false for no moment."""
    return has_passed(column, as_of).fill_null(value=False)


def is_still_to_come(column: str, as_of: date) -> pl.Expr:
    """Whether there is a moment and it is after as_of; false for no moment."""
    return (~has_passed(column, as_of)).fill_null(value=False)


def if_passed(column: str, as_of: date) -> pl.Expr:
    """The moment itself, or null when it is still to come."""
    return pl.when(has_passed(column, as_of)).then(pl.col(column)).alias(column)


def is_true(column: str) -> pl.Expr:
    """Whether a flag is set; a missing flag is not."""
    return pl.col(column).fill_null(value=False)


def is_in(column: str, values: tuple[str, ...]) -> pl.Expr:
    """Whether the column is one of the values; a missing one is not."""
    return pl.any_horizontal(pl.col(column) == value for value in values).fill_null(value=False)


def first_of(frame: pl.LazyFrame, keys: str | list[str], order: list[str]) -> pl.LazyFrame:
    """The first row per key in that order; rows that tie keep their order in the frame."""
    return frame.sort(order, maintain_order=True).unique(
        subset=keys, keep="first", maintain_order=True
    )


def last_of(frame: pl.LazyFrame, keys: str | list[str], order: list[str]) -> pl.LazyFrame:
    """The last row per key in that order; rows that tie keep their order in the frame."""
    return frame.sort(order, maintain_order=True).unique(
        subset=keys, keep="last", maintain_order=True
    )
