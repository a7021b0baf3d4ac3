"""The KGI tree and its levers against the same worked back in fractions (decision 0035)."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import math
import random
from dataclasses import replace
from fractions import Fraction

import duckdb
import polars as pl
import pytest

from integration.conftest import BuiltWorld
from integration.goals_against_truth import (
    LEVER_KEY,
    TREE,
    TREE_KEY,
    assert_equal,
    by_key,
    plan_of,
    published,
)
from integration.quick_build import compiled, run_models
from kpi_warehouse.pipeline import REGISTRY
from kpi_warehouse.truth.goals import (
    ALL,
    Goal,
    Plan,
    Rate,
    Row,
    Staff,
    forward,
    lever_rows,
    path_to,
    tree_rows,
)

KPI_NODES = [node for node in TREE if node.kpi_id]
# months of generated cases, two each: the window and the goal's own
CASES = 600
FIRST_MONTH = dt.date(2000, 1, 1)

LEVERS = """month channel_id node lever name_ja name_en lever_kind limited_by current_value
    needed_value change change_share history_max is_possible is_within_history"""


@pytest.fixture(scope="module")
def plan(sample: BuiltWorld) -> Plan:
    """The sample's goals, targets and true values."""
    return plan_of(sample)


@pytest.fixture(scope="module")
def expected(plan: Plan) -> dict[tuple, Row]:
    return tree_rows(plan)


def test_tree_equals_the_truth(sample: BuiltWorld, expected: dict[tuple, Row]) -> None:
    """Every month, channel and node, and every number of it."""
    actual = published(sample, "kgi_kpi_tree", TREE_KEY)
    assert_equal(actual, expected)
    numbers = set(next(iter(actual.values()))) - set(TREE_KEY)
    texts = {"parent", "kpi_id", "rate_kpi_id", "name_ja", "name_en", "reason_ja", "reason_en"}
    compared = {column for row in expected.values() for column in row}
    assert numbers - texts - {"sort_order"} <= compared
    seed = {row["node"]: row for row in rows_of("kgi_tree")}
    for (_, _, node), row in actual.items():
        for column in ("parent", "kpi_id", "rate_kpi_id", "name_ja", "name_en"):
            assert (row[column] or "") == seed[node][column]
        assert row["sort_order"] == int(seed[node]["sort_order"])
    # what is not there proves nothing
    for column, minimum in (("required", 500), ("capacity", 20), ("supply", 50)):
        assert sum(row.get(column) is not None for row in expected.values()) >= minimum
    assert {row["reason"] for row in expected.values()} >= {
        None,
        "no_cases",
        "zero_rate",
        "above_supply",
        "above_capacity",
        "above_history",
    }
    assert {row["is_rate_of_total"] for row in expected.values()} == {True, False}


def test_the_goal_out_of_reach_is_found_and_none_else(sample: BuiltWorld) -> None:
    """The planted one, four times the usual; beside it only the start, when nobody had won yet."""
    rows = sample.query(
        "select month, node from marts.kgi_kpi_tree "
        "where channel_id = 'all' and not is_feasible order by month"
    )
    planned = sample.query("select max(month) from intermediate.int_goals")[0][0]
    started = dt.date(2025, 9, 1)
    assert {month for month, _ in rows if month >= started} == {planned}
    assert {node for month, node in rows if month == planned} == {node.node for node in KPI_NODES}
    assert max(month for month, _ in rows if month < started) == dt.date(2025, 8, 1)


def test_levers_equal_the_truth(sample: BuiltWorld, plan: Plan, expected: dict[tuple, Row]) -> None:
    actual = published(sample, "kgi_levers", LEVER_KEY)
    levers = lever_rows(plan, expected)
    assert_equal(actual, levers)
    assert {row["limited_by"] for row in levers.values()} == {"supply", "capacity", "history"}
    assert {row["is_possible"] for row in levers.values()} == {True, False}
    assert {row["is_within_history"] for row in levers.values()} >= {True, False}
    names = {node.node: node.names for node in TREE}
    limits = {row["limited_by"]: row for row in rows_of("tree_reasons")}
    for (*_, lever), row in actual.items():
        for language in ("ja", "en"):
            if row["lever_kind"] == "limit":
                name = limits[lever][f"limit_name_{language}"]
            else:
                column = "rate_name" if row["lever_kind"] == "rate" else "name"
                name = names[lever][f"{column}_{language}"]
            assert row[f"name_{language}"] == name


def rows_of(seed: str) -> list[dict[str, str]]:
    with (REGISTRY / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def one_decimal(value: object) -> str:
    """Rounded half up, as decimals are."""
    return "" if value is None else f"{math.floor(value * 10 + Fraction(1, 2)) / 10:.1f}"


def test_reasons_are_sentences_with_their_numbers(
    sample: BuiltWorld, expected: dict[tuple, Row]
) -> None:
    sentences = {row["reason_id"]: row for row in rows_of("tree_reasons")}
    names = {node.node: node.names for node in TREE}
    actual = published(sample, "kgi_kpi_tree", TREE_KEY)
    seen = set()
    for key, row in expected.items():
        for language in ("ja", "en"):
            shown = actual[key][f"reason_{language}"]
            if row["reason"] is None:
                assert shown is None
                continue
            sentence = sentences[row["reason"]]
            limit = sentence["limited_by"]
            numbers = {
                "required": row["required"],
                "required_low": row["required_low"],
                "limit": row["history_max" if limit == "history" else limit] if limit else None,
                "months": row["history_months"],
                "rep_days": row["rep_days"],
            }
            broken = names.get(row["broken"], {})
            assert shown == sentence[f"sentence_{language}"].format(
                node=names[key[2]][f"name_{language}"],
                rate=broken.get(f"rate_name_{language}", ""),
                base=broken.get(f"name_{language}", ""),
                hours=one_decimal(row.get("hours")),
                per_hour=one_decimal(row.get("per_hour")),
                **{
                    name: "" if number is None else str(math.floor(number + Fraction(1, 2)))
                    for name, number in numbers.items()
                },
            )
            assert "{" not in shown
            seen.add(row["reason"])
    assert seen == set(sentences)


def test_channels_share_the_goal(sample: BuiltWorld) -> None:
    """To the yen, in every month in which anything was won before."""
    rows = sample.query(
        """
        select month, sum(required) filter (where channel_id <> 'all'),
            max(required) filter (where channel_id = 'all')
        from marts.kgi_kpi_tree where node = 'won_amount' group by month
        """
    )
    split = [row for row in rows if row[1] is not None]
    assert len(split) > 20
    assert all(parts == goal for _, parts, goal in split)


def test_the_tree_leads_forward_to_the_goal(sample: BuiltWorld, plan: Plan) -> None:
    """The published numbers at the same rates reach the goal, and one less of any does not."""
    goals = {goal.month: goal for goal in plan.goals}
    actual = published(sample, "kgi_kpi_tree", TREE_KEY)
    tested = 0
    for (month, channel, name), row in actual.items():
        node = next(node for node in TREE if node.node == name)
        if row["required"] is None or not node.parent:
            continue
        goal, path = goals[month], path_to(TREE, node)
        scope = ALL if row["is_rate_of_total"] else channel
        rates = []
        for above, below in itertools.pairwise(path):
            if below.rate_kind == "amount" and goal.average_deal:
                rates.append(Rate(goal.average_deal, Fraction(1)))
            else:
                sums = [
                    sum(
                        plan.values[scope, one.kpi_id][of][0]
                        for of in goal.window
                        if of in plan.values[scope, one.kpi_id]
                    )
                    for one in (above, below)
                ]
                rates.append(Rate(*sums))
        wanted = Fraction(actual[month, channel, path[0].node]["required"])
        required = Fraction(row["required"])
        assert forward(required, rates) >= wanted
        assert required == 0 or forward(required - 1, rates) < wanted
        tested += 1
    assert tested > 1_000


# generated worlds ------------------------------------------------------------------------------


def months(count: int) -> list[dt.date]:
    return [dt.date(FIRST_MONTH.year + number // 12, number % 12 + 1, 1) for number in range(count)]


def generated(seed: int) -> Plan:
    """Small goals, each with a window of its own: zeros anywhere, rates above 1, odd goals.

    Of three goals in a row the second is the first one enlarged, and the third is it with twice
    the deals of as many meetings.
    """
    chance = random.Random(seed)
    days = months(2 * CASES)
    goals, values, staff, supply = [], {}, {}, {}
    for node in KPI_NODES:
        values[ALL, node.kpi_id] = {}
        for channel in ("webinar", "referral"):
            values[channel, node.kpi_id] = {}
    values[ALL, "calls_per_hour"] = {}
    for number in range(0, CASES, 3):
        sizes = [chance.choice((0, 1, 2, 7, 40, 100, 100, 999)) for _ in KPI_NODES]
        amount = Fraction(
            chance.choice((0, 1, 1999, 34_140_000)) * 100 + chance.choice((0, 1)), 100
        )
        deal = chance.choice((None, Fraction(2_000_000), Fraction(33, 100)))
        parts = {
            channel: [chance.choice((0, 10, 30, 60)) for _ in KPI_NODES]
            for channel in ("webinar", "referral")
        }
        hours = chance.choice((0, 75, 160))
        rep_days = chance.choice((0, 3, 10))
        for variant in range(3):
            window, month = days[2 * (number + variant)], days[2 * (number + variant) + 1]
            goals.append(
                Goal(
                    month,
                    amount + (1_000_003 if variant == 1 else 0),
                    deal,
                    (window,),
                    (window,),
                )
            )
            for place, node in enumerate(KPI_NODES):
                size = sizes[place] * (2 if variant == 2 and place < 2 else 1)
                values[ALL, node.kpi_id][window] = Fraction(size), Fraction(0)
                for channel, of_channel in parts.items():
                    values[channel, node.kpi_id][window] = Fraction(of_channel[place]), Fraction(0)
            values[ALL, "calls_per_hour"][window] = Fraction(sizes[-2]), Fraction(hours)
            staff[window] = Staff(2, 5, rep_days, Fraction(hours))
            staff[month] = Staff(2, 5, chance.choice((rep_days, 0, 9)), Fraction(0))
            if chance.random() < 0.5:
                supply[month, ALL, "leads_acquired"] = Fraction(chance.choice((0, 10, 99, 5_000)))
            if chance.random() < 0.5:
                supply[month, "webinar", "leads_acquired"] = Fraction(7, 2)
    return Plan(TREE, goals, values, staff, supply)


def tables_of(plan: Plan) -> dict[str, pl.DataFrame]:
    """What the compiled models read."""
    amount = pl.Decimal(18, 2)
    kpis = pl.DataFrame(
        [
            (channel, kpi_id, month, float(numerator), float(denominator))
            for (channel, kpi_id), of_kpi in plan.values.items()
            for month, (numerator, denominator) in of_kpi.items()
        ],
        schema=["channel_id", "kpi_id", "period_start", "numerator", "denominator"],
        orient="row",
    ).with_columns(
        pl.col("numerator", "denominator").cast(amount),
        basis=pl.lit("event"),
        period_grain=pl.lit("month"),
        is_complete=pl.lit(value=True),
    )
    seeds = {
        f"seeds.{name}": pl.read_csv(REGISTRY / f"{name}.csv")
        for name in ("kgi_tree", "tree_reasons")
    }
    return seeds | {
        "marts.kpi_by_period": kpis.filter(channel_id=ALL).drop("channel_id"),
        "marts.kpi_by_channel_period": kpis.filter(pl.col("channel_id") != ALL),
        "intermediate.int_goals": pl.DataFrame(
            [
                (
                    goal.month,
                    float(goal.won_amount),
                    None if goal.average_deal is None else float(goal.average_deal),
                    goal.window[0],
                    goal.window[-1],
                    goal.history[0],
                )
                for goal in plan.goals
            ],
            schema={
                "month": pl.Date,
                "won_amount": pl.Float64,
                "average_deal": pl.Float64,
                "window_start": pl.Date,
                "window_end": pl.Date,
                "history_start": pl.Date,
            },
            orient="row",
        ).with_columns(pl.col("won_amount", "average_deal").cast(amount)),
        "intermediate.int_staffing": pl.DataFrame(
            [
                (month, one.reps, one.business_days, one.rep_days, float(one.hours))
                for month, one in plan.staff.items()
            ],
            schema=["month", "reps", "business_days", "rep_days", "working_hours"],
            orient="row",
        ).with_columns(pl.col("working_hours").cast(amount)),
        "intermediate.int_planned_supply": pl.DataFrame(
            [(*key, float(value)) for key, value in plan.supply.items()],
            schema=["month", "channel_id", "node", "supply"],
            orient="row",
        ).with_columns(pl.col("supply").cast(amount)),
    }


def run_on(sample: BuiltWorld, plan: Plan) -> tuple[dict[tuple, dict], dict[tuple, dict]]:
    """The compiled tree and levers on these tables instead of the warehouse's."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    for name, frame in tables_of(plan).items():
        connection.register("given", frame)
        connection.execute(f"create schema if not exists warehouse.{name.partition('.')[0]}")
        connection.execute(f"create table warehouse.{name} as select * from given")
    connection.execute(
        "create table warehouse.intermediate.int_agreements as select "
        f"{plan.small_sample_below} as small_sample_below, date '{sample.log.as_of_date}' "
        "as date_day"
    )
    keys = {"kgi_kpi_tree": TREE_KEY, "kgi_levers": LEVER_KEY}
    project = compiled()
    models = {name: project.models[name] for name in keys}
    connection.execute("use warehouse")
    run_models(connection, replace(project, models=models), sample.log.as_of_date)
    found = []
    for model, key in keys.items():
        rows = connection.sql(f"from warehouse.marts.{model}").to_arrow_table()
        found.append(by_key(pl.from_arrow(rows), key))
    return found[0], found[1]


def test_any_tree_is_worked_back_as_in_truth(sample: BuiltWorld) -> None:
    """Hundreds of small plans; and what must hold of each, whatever the numbers."""
    plan = generated(35)
    tree, levers = run_on(sample, plan)
    rows = tree_rows(plan)
    assert_equal(tree, rows)
    assert_equal(levers, lever_rows(plan, rows))
    assert len(tree) > 8 * CASES
    assert len(levers) > 100
    undefined = 0
    for row in tree.values():
        for column in ("required", "required_low", "required_high", "required_exact"):
            value = row[column]
            if value is None:
                assert row["reason"] in ("no_cases", "zero_rate")
                assert row["is_feasible"] is None
            else:
                assert 0 <= value < math.inf
        undefined += row["required"] is None
        if row["required"] is not None:
            assert row["required_low"] <= row["required"] <= row["required_high"]
    assert undefined > 100
    for row in levers.values():
        assert row["needed_value"] is None or 0 <= row["needed_value"] < math.inf
    for first in range(0, CASES, 3):
        small, large, better = (plan.goals[first + step].month for step in range(3))
        for node in KPI_NODES:
            of_goals = [tree[month, ALL, node.node]["required"] for month in (small, large, better)]
            if of_goals[0] is not None:
                assert of_goals[0] <= of_goals[1]
                assert of_goals[2] <= of_goals[0]


def test_contract_holds_the_published_columns(sample: BuiltWorld) -> None:
    """The interface as BI tools know it; that of the tree is with the other promised tables."""
    columns = sample.query(
        "select column_name from duckdb_columns() "
        "where schema_name = 'marts' and table_name = 'kgi_levers'"
    )
    assert {row[0] for row in columns} == set(LEVERS.split())
