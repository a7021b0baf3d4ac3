"""Attainment and the KGI tree of a world, held against what truly happened in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.pipeline import REGISTRY
from kpi_warehouse.semantic_layer.definitions import published_definitions
from kpi_warehouse.truth.agreements import events_as_agreed, truth_as_agreed
from kpi_warehouse.truth.attainment import Attainments, Target
from kpi_warehouse.truth.goals import Plan, Row, plan_of_world, read_tree

TREE = read_tree(REGISTRY / "kgi_tree.csv")
TREE_KEY = ["month", "channel_id", "node"]
LEVER_KEY = [*TREE_KEY, "lever"]
# doubles of quotients of counts and yen; limits pass through logarithms
TOLERANCE = 1e-9

_ATTAINED = (
    *("actual", "attainment", "expected_to_date", "pace", "projected", "status"),
    *("supported_target", "supported_months", "business_days", "business_days_elapsed"),
)


def attainments(world: BuiltWorld) -> list[dict]:
    """The rows of kpi_attainment."""
    with world.connect() as connection:
        found = connection.sql("from marts.kpi_attainment").to_arrow_table()
    return pl.from_arrow(found).to_dicts()


def unlike_truth(world: BuiltWorld) -> list[tuple]:
    """KPI, month, column and both values wherever kpi_attainment is not as in truth."""
    truth = Attainments(
        truth_as_agreed(world.log),
        published_definitions(REGISTRY),
        world.log.company_holidays["date"],
        world.log.as_of_date,
    )
    wrong = []
    for row in attainments(world):
        key = (row[name] for name in ("department", "kpi_id", "channel_id", "month"))
        expected = truth.of(Target(*key, Decimal(row["target"])))
        interval = (row["projected_low"], row["projected_high"])
        pairs = [(name, row[name], getattr(expected, name)) for name in _ATTAINED]
        pairs += zip(("low", "high"), interval, expected.interval or (None, None), strict=True)
        wrong += [(row["kpi_id"], row["month"], *pair) for pair in pairs if _differs(*pair[1:])]
    return wrong


def _differs(actual: object, wanted: object) -> bool:
    if isinstance(actual, float) and isinstance(wanted, float):
        return actual != pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE)
    return actual != wanted


def plan_of(world: BuiltWorld) -> Plan:
    """The goals and targets that a world's extracts hold, with its true values."""

    def read(name: str, **types: pl.DataType) -> pl.DataFrame:
        path = world.folder / "extracts" / "planning" / f"{name}.csv"
        return pl.read_csv(path, schema_overrides=types, infer_schema=False)

    amount = pl.Decimal(24, 6)
    return plan_of_world(
        world.log,
        events_as_agreed(world.log),
        TREE,
        read("kgi", fiscal_year=pl.Int64, won_amount=amount, average_deal=amount),
        read("targets", target_value=amount, agreed_on=pl.Date),
    )


def published(world: BuiltWorld, mart: str, key: list[str]) -> dict[tuple, dict]:
    """The rows of a mart by their key."""
    with world.connect() as connection:
        rows = pl.from_arrow(connection.sql(f"from marts.{mart}").to_arrow_table())
    return by_key(rows, key)


def by_key(rows: pl.DataFrame, key: list[str]) -> dict[tuple, dict]:
    """Rows by their key, which no two of them share."""
    found = {tuple(row[column] for column in key): row for row in rows.iter_rows(named=True)}
    assert len(found) == rows.height
    return found


def assert_equal(actual: dict[tuple, dict], expected: dict[tuple, Row]) -> None:
    """Every row is there, no other is, and each column that is expected is as expected."""
    assert set(actual) == set(expected)
    wrong = [
        (key, *difference)
        for key, row in expected.items()
        for difference in _differing(actual[key], row)
    ]
    assert not wrong, f"{len(wrong)} cells, first: {wrong[:5]}"


def _differing(actual: dict, expected: Row) -> Iterator[tuple[str, object, object]]:
    for column, wanted in expected.items():
        if column not in actual:
            continue
        shown = actual[column]
        if wanted is None or shown is None or isinstance(wanted, bool | str):
            is_same = shown == wanted
        elif isinstance(shown, float):
            is_same = math.isclose(shown, wanted, rel_tol=TOLERANCE, abs_tol=1e-12)
        else:
            is_same = Fraction(shown) == wanted
        if not is_same:
            yield column, shown, wanted
