"""The same world through generic, and through Salesforce + MiiTel + SendGrid: the same KPI marts.

What the native formats truly cannot say is listed in `native_limits`, with what it changes in
`CHANGED_BY`; decision 0023 says why.
"""

from __future__ import annotations

import polars as pl
import pytest

from integration.conftest import BuiltWorld, land_extracts, land_world
from kpi_warehouse.truth.agreements import truth_as_agreed
from kpi_warehouse.truth.compare import compare
from kpi_warehouse.truth.kpis import keys
from kpi_warehouse.world import WorldOptions, simulate
from kpi_warehouse.world.writers.crm_ids import user_ids
from kpi_warehouse.world.writers.generic import write_generic
from kpi_warehouse.world.writers.native_files import Encoding
from kpi_warehouse.world.writers.native_limits import LIMITS, Limit, carried_natively
from kpi_warehouse.world.writers.planning import write_planning

WORLD = WorldOptions(seed=20251, activities=12_000)
MARTS = (
    "kpi_by_channel_period",
    "kpi_by_period",
    "kpi_by_rep_period",
    "kpi_by_team_period",
    "funnel_by_channel_period",
)
MARTS_OF_MONEY = (
    "pipeline_velocity",
    "pipeline_coverage",
    "deal_loss_reasons",
    "meeting_rejection_reasons",
)
COMPARED = (*MARTS, *MARTS_OF_MONEY, "fct_activities")
DIMENSIONS = ("total", "channel", "rep", "team")
EVERYWHERE = set(DIMENSIONS)
CHANGED_BY = {
    # whose team and department it was on the day: also what counts as inside sales' part in a deal
    "team_history": EVERYWHERE,
}
"""The dimensions of the KPI marts that may differ because of each limit, by its name."""


@pytest.fixture(scope="module")
def generic(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    """The world as generic extracts, less what the native ones cannot say."""
    folder = tmp_path_factory.mktemp("generic")
    log = carried_natively(simulate(WORLD))
    write_generic(log, folder / "extracts")
    write_planning(log, folder / "extracts")
    world = land_extracts(folder, log)
    world.build_quickly(*COMPARED)
    return world


@pytest.fixture(scope="module", params=["utf-8", "cp932"])
def native(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    """The same world as Salesforce, MiiTel and SendGrid export it, in either encoding."""
    encoding: Encoding = request.param
    folder = tmp_path_factory.mktemp(encoding)
    world = land_world(folder, WORLD, sample_format="native", encoding=encoding)
    world.build_quickly(*COMPARED)
    return world


def mart(world: BuiltWorld, name: str) -> pl.DataFrame:
    """All rows of a published table."""
    with world.connect() as connection:
        return pl.DataFrame(connection.sql(f"select * from marts.{name}").to_arrow_table())


def under_log_ids(rows: pl.DataFrame, world: BuiltWorld) -> pl.DataFrame:
    """The rows with the log's ids of the reps in the place of Salesforce's."""
    if "rep_id" not in rows.columns:
        return rows
    of_log = dict(user_ids(world.log).select("id", "key").rows())
    return rows.with_columns(pl.col("rep_id").replace(of_log))


def unlike(expected: pl.DataFrame, actual: pl.DataFrame) -> str:
    """What differs between two tables, by KPI where they have it; empty if nothing does."""
    columns = expected.columns
    if columns != actual.columns:
        return f"columns {columns} and {actual.columns}"
    lost = expected.join(actual, on=columns, how="anti", nulls_equal=True)
    new = actual.join(expected, on=columns, how="anti", nulls_equal=True)
    if not (lost.height or new.height or expected.height != actual.height):
        return ""
    by = "kpi_id" if "kpi_id" in columns else columns[0]
    counts = lost[by].value_counts(sort=True).rows()[:12]
    return f"{lost.height} rows are lost, {new.height} new; by {by}: {counts}"


@pytest.mark.parametrize("name", MARTS)
def test_every_mart_is_the_same_row_by_row(
    generic: BuiltWorld, native: BuiltWorld, name: str
) -> None:
    expected, actual = mart(generic, name), under_log_ids(mart(native, name), native)
    assert expected.height > 500
    assert unlike(expected, actual) == ""


@pytest.mark.parametrize("name", MARTS_OF_MONEY)
def test_the_marts_of_money_are_the_same(
    generic: BuiltWorld, native: BuiltWorld, name: str
) -> None:
    """Reasons too, which each system keeps in a field of its own."""
    expected, actual = mart(generic, name), mart(native, name)
    assert expected.height > 50
    assert unlike(expected, actual) == ""


def test_the_generic_side_is_what_truly_happened(generic: BuiltWorld) -> None:
    """So that both sides cannot be wrong in the same way."""
    expected = truth_as_agreed(generic.log)
    rows = mart(generic, "kpi_by_rep_period")
    assert len(compare(expected.by_rep, rows, keys("rep"))) == 0


def test_native_facts_have_a_lead_in_every_way_there_is(native: BuiltWorld) -> None:
    """The comparison proves nothing of a way to find the lead that was never gone."""
    methods = dict(
        native.query(
            "select coalesce(lead_match_method, 'none'), count(*) "
            "from marts.fct_activities group by 1"
        )
    )
    ways = {"id", "crm_record", "phone", "email", "account_phone", "none"}
    assert ways <= set(methods), methods


def test_the_list_names_every_limit() -> None:
    assert {limit.name for limit in LIMITS} == set(CHANGED_BY)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_changes_what_is_listed_and_no_more(limit: Limit) -> None:
    """With everything else taken out, taking out this one moves the listed dimensions."""
    log = simulate(WORLD)
    for other in LIMITS:
        if other.name != limit.name:
            log = other.without(log)
    with_fact, without = truth_as_agreed(log), truth_as_agreed(limit.without(log))
    changed = {
        dimension
        for dimension in DIMENSIONS
        if len(
            compare(
                getattr(with_fact, f"by_{dimension}"),
                getattr(without, f"by_{dimension}"),
                keys(dimension),
            )
        )
    }
    assert changed, "the world has no such fact, so that the limit proves nothing"
    assert changed <= CHANGED_BY[limit.name]
