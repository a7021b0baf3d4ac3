"""Tiny warehouses to publish: one KPI or two, their facts, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from kpi_warehouse.publishing import Build, Published, Store, publishing

AS_OF = date(2026, 9, 15)
NOON = datetime(2026, 9, 16, 3, 0, tzinfo=UTC)

# id, rep, day, seconds, outcome, is_connected, is_opened, channel, lead
Call = tuple[str, str, str, int, str, bool, bool, str, str]
CALLS: tuple[Call, ...] = (
    ("c1", "r1", "2026-07-03", 60, "talked", True, False, "webinar", "L1"),
    ("c2", "r1", "2026-07-04", 0, "no_answer", False, False, "webinar", "L1"),
    ("c3", "r2", "2026-08-05", 30, "talked", True, False, "dm", "L2"),
    ("c4", "r2", "2026-08-06", 0, "unmapped", False, False, "dm", "L2"),
    ("c5", "r2", "2026-09-02", 10, "talked", True, False, "dm", "L2"),
)
_FACT = """
create table marts.fct_activities as
select
    col0 as activity_id, col1 as rep_id, cast(col2 as date) as activity_date,
    cast(col2 as timestamp) as occurred_at, col3 as duration_seconds,
    col4 as outcome_code, col5 as is_connected, col6 as is_opened,
    col7 as channel_id, col8 as lead_id, row_number() over () as touch_number
from (values {rows})
where cast(col2 as date) <= date '{as_of}'
"""
_LEADS = """
create table marts.fct_leads as
select
    lead_id, any_value(channel_id) as channel_id, min(occurred_at) as created_at,
    min(activity_date) as acquired_date, null::date as handed_over_date, true as is_target,
    count(*) as touch_count
from marts.fct_activities
group by lead_id
"""
_KPI = """
create table marts.{mart} as
with counted as (
    select
        {channel} as channel_id, basis, cast(date_trunc('month', day) as date) as period_start,
        count(*) as calls, count(*) filter (is_connected) as connected
    from (
        select activities.*, 'event' as basis, activity_date as day
        from marts.fct_activities as activities
        union all
        select activities.*, 'cohort' as basis, leads.acquired_date as day
        from marts.fct_activities as activities
        inner join marts.fct_leads as leads on activities.lead_id = leads.lead_id
    )
    group by all
)
select
    kpi_id, channel_id, basis, 'month' as period_grain, period_start,
    cast(last_day(period_start) as date) as period_end,
    cast(if(kpi_id = 'calls_made', calls, connected) as decimal(18, 2)) as numerator,
    cast(if(kpi_id = 'calls_made', null, calls) as decimal(18, 2)) as denominator,
    if(kpi_id = 'calls_made', calls, connected / calls)::double as value,
    {version} as definition_version, false as is_mixed_version,
    last_day(period_start) <= date '{as_of}' as is_complete,
    basis = 'event' or last_day(period_start) + interval 30 day <= date '{as_of}' as is_mature
from counted
cross join (values ('calls_made'), ('connection_rate')) as kpis (kpi_id)
"""


def warehouse(
    path: Path, calls: Sequence[Call] = CALLS, as_of: date = AS_OF, version: int = 1
) -> Path:
    """A file with the marts of some calls: connection_rate and calls_made, on both bases."""
    path.unlink(missing_ok=True)
    rows = ", ".join(str(call) for call in calls)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create schema seeds; create schema staging")
        connection.execute("create table seeds.kpi_departments as select 1 as department_id")
        connection.execute("create table staging.stg_secret as select 'not for readers' as memo")
        connection.execute(_FACT.format(rows=rows, as_of=as_of))
        connection.execute(_LEADS)
        for mart, channel in (("kpi_by_period", "'x'"), ("kpi_by_channel_period", "channel_id")):
            connection.execute(
                _KPI.format(mart=mart, channel=channel, version=version, as_of=as_of)
            )
    return path


def publish(
    store: Store, database: Path, as_of: date = AS_OF, days: int = 0, keep: int = 5, **how: object
) -> Published:
    """Publish a file so many days after the first one."""
    build = Build(database, as_of, **how)
    moment = NOON + timedelta(days=days)
    with store.writing(), publishing(store, build, keep, moment) as show:
        return show()
