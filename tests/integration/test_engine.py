"""What the engine gets wrong by itself, and the profile's setting that prevents it."""

from __future__ import annotations

import duckdb
import pytest
import yaml

from kpi_warehouse.settings import PROJECT_DIR

# Two sums over a left join with an empty, twice-read CTE: one row each, none of them lost.
_QUERY = """
    with reps as (select * from empty_reps),
    first as (select events.*, reps.team from events left join reps on events.rep = reps.rep),
    second as (select events.*, reps.team from events left join reps on events.rep = reps.rep),
    final as (
        select * from (
            with sums as (
                select day, team, sum(case when kind = 'a' then 1 else 0 end) as n
                from first group by day, team
            )
            select 'first' as name, day, n from sums where n <> 0
        ) as one
        union all
        select * from (
            with sums as (
                select day, team,
                    sum(case when kind = 'a' then 1 else 0 end) as n,
                    sum(case when kind = 'b' then 1 else 0 end) as m
                from second group by day, team
            )
            select 'second' as name, day, n from sums where n <> 0
            union all
            select 'third' as name, day, m as n from sums where m <> 0
        ) as two
    )
    select name from final order by name
"""


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table empty_reps (rep varchar, team varchar)")
    connection.execute(
        "create table events as select date '2026-04-10' as day, 'R1' as rep, kind "
        "from (values ('a'), ('b')) as kinds (kind)"
    )
    return connection


def test_default_optimizer_still_loses_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """If this fails, DuckDB is mended: drop the profile's setting, and decision 0012."""
    assert len(connection.execute(_QUERY).fetchall()) < 3


def test_profile_settings_keep_every_row(connection: duckdb.DuckDBPyConnection) -> None:
    profile = yaml.safe_load((PROJECT_DIR / "profiles" / "profiles.yml").read_text("utf-8"))
    settings = profile["inside_sales_kpis"]["outputs"]["duckdb"]["settings"]
    connection.execute("set disabled_optimizers = ?", [settings["disabled_optimizers"]])
    rows = connection.execute(_QUERY).fetchall()
    assert rows == [("first",), ("second",), ("third",)]
