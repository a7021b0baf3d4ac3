"""Small warehouses to publish, each another one than before and able to tell if it is torn."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from kpi_warehouse.publishing import Build, Published, Store, publishing

AS_OF = date(2026, 9, 30)
_ROWS = 20_000
_TABLES = """
create schema marts;
create schema seeds;
create schema staging;
create table marts.torture as
select {number}::bigint as number, {rows}::bigint as activities, {number}::decimal(18, 2) as total;
create table marts.fct_activities as
select
    'a' || id as activity_id, 'r' || id % 8 as rep_id, 'L' || id % 500 as lead_id,
    if(id % 2 = 0, 'dm', 'webinar') as channel_id, id % 600 as duration_seconds,
    date '2026-01-01' + cast(id % 270 as integer) as activity_date,
    cast(date '2026-01-01' + cast(id % 270 as integer) as timestamp) as occurred_at,
    'talked' as outcome_code, id % 3 = 0 as is_connected,
    cast({number} as decimal(18, 2)) as weight
from range({rows}) as ids (id);
create table marts.kpi_by_channel_period as
select
    'calls_made' as kpi_id, channel_id, 'event' as basis, 'month' as period_grain,
    cast(date_trunc('month', activity_date) as date) as period_start,
    cast(last_day(activity_date) as date) as period_end,
    cast(count(*) as decimal(18, 2)) as numerator, cast(null as decimal(18, 2)) as denominator,
    cast(count(*) as double) as value, 1 as definition_version, false as is_mixed_version,
    last_day(activity_date) <= date '2026-09-30' as is_complete, true as is_mature
from marts.fct_activities
group by all;
create table marts.kpi_by_period as
select
    * exclude (channel_id, numerator, value),
    cast(sum(numerator) as decimal(18, 2)) as numerator, sum(value) as value
from marts.kpi_by_channel_period
group by all;
"""


def write_warehouse(path: Path, number: int) -> Path:
    """Write the warehouse of this number: it says its number, and how many activities it has."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for statement in _TABLES.format(number=number, rows=_ROWS + number).split(";\n"):
            if statement.strip():
                connection.execute(statement)
    return path


def publish_number(folder: Path, work: Path, number: int, keep: int = 3) -> Published:
    """Publish the warehouse of a number into a folder of versions."""
    database = write_warehouse(work / f"built-{number}.duckdb", number)
    store = Store(folder)
    try:
        with store.writing(), publishing(store, Build(database, AS_OF), keep) as show:
            return show()
    finally:
        database.unlink()
