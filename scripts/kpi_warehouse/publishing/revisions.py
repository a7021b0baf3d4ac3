"""Which values of past months changed since the publication before, by how much, and why.

Both publications are attached to one connection, read-only: `earlier` (published marts) and
`built` (the warehouse that is to be published). All is SQL on these two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from kpi_warehouse.definitions.registry import read_csv
from kpi_warehouse.publishing.agreement import Differences
from kpi_warehouse.publishing.facts import FACTS, Fact
from kpi_warehouse.settings import PROJECT_DIR, business_utc_offset
from kpi_warehouse.yaml_file import read_yaml

TABLE = "kpi_revisions"
TOTAL = "all"
CONTRACT = PROJECT_DIR / "models" / "marts" / "publishing" / "_publishing__sources.yml"
REASONS = "revision_reasons"
# what the rules below give; the seed says in which order and in which words
REASON_IDS = (
    *("new_definition", "policy", "new_mapping", "late_rows", "corrected_rows", "removed_rows"),
    *("later_events", "unknown"),
)
_SQL_TYPES = {"string": "varchar"}
# the same statistic of the same cases, summed up in another order
_SAME = "1e-9"
# kinds of change of a fact's row that are counted as they are
_LATE, _CORRECTED, _REMOVED, _LATER = "late", "corrected", "removed", "later"
# by the mappings: its codes, or only its channel, mean something else
_RECLASSIFIED, _MOVED = "reclassified", "moved"
# only what follows from other rows
_SHIFTED = "shifted"


@dataclass(frozen=True)
class Comparison:
    """Two publications: when they were made, as of which day, what changed in the agreement.

    Attributes:
        months_first_published: first day of a month, ISO -> when it was first published as over
    """

    version: str
    previous_version: str
    published_at: datetime
    previous_published_at: datetime
    as_of: date
    previous_as_of: date
    months_first_published: Mapping[str, str]
    agreement: Differences


def contract() -> dict[str, str]:
    """Column -> SQL type of kpi_revisions, in the order of its columns."""
    (source,) = read_yaml(CONTRACT)["sources"]
    (table,) = (each for each in source["tables"] if each["name"] == TABLE)
    return {
        column["name"]: _SQL_TYPES.get(column["data_type"], column["data_type"])
        for column in table["columns"]
    }


def create_table(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Make an empty kpi_revisions in schema marts of a catalog."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in contract().items())
    connection.execute(f"create table {catalog}.marts.{TABLE} ({columns})")


def carry_over(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Copy the rows of the publication before, with the columns that it had."""
    known = _columns(connection, "earlier", TABLE)
    names = ", ".join(name for name in contract() if name in known)
    if names:
        connection.execute(
            f"insert into {catalog}.marts.{TABLE} by name select {names} from earlier.marts.{TABLE}"
        )


def add_revisions(
    connection: duckdb.DuckDBPyConnection, catalog: str, comparison: Comparison, registry: Path
) -> dict[str, int]:
    """Add what changed since the publication before; returns the number of values per reason.

    Args:
        connection: has both publications attached.
        catalog: the one that is being written.
        comparison: what is known of both.
        registry: the folder of seed revision_reasons.
    """
    days = {"as_of": comparison.as_of, "previous_as_of": comparison.previous_as_of}
    connection.execute(f"create or replace temp table revised as {_REVISED}", days)
    (count,) = connection.execute("select count(*) from revised").fetchone() or (0,)
    if count == 0:
        return {}
    _load_agreement(connection, comparison.agreement)
    _load_reasons(connection, registry)
    _load_months(connection, comparison.months_first_published)
    connection.execute(_CHANGES_DDL)
    facts = {fact for _, fact in comparison.agreement.facts}
    for fact in FACTS:
        if fact.name in facts:
            _compare_fact(connection, fact, days)
    connection.execute(_LEADS if _has(connection, "fct_leads") else _NO_LEADS)
    connection.execute(_TOUCHED)
    connection.execute(_COUNTS)
    connection.execute(_FOUND, {"is_computed_anew": comparison.agreement.is_computed_anew})
    connection.execute(
        _INSERT.format(target=f"{catalog}.marts.{TABLE}"),
        {
            **days,
            "version": comparison.version,
            "previous_version": comparison.previous_version,
            "published_at": comparison.published_at.replace(tzinfo=None),
            "previous_published_at": comparison.previous_published_at.replace(tzinfo=None),
        },
    )
    rows = connection.execute(
        f"""
        select reason, count(*)
        from {catalog}.marts.{TABLE}
        where version = $version
        group by reason
        order by count(*) desc, reason
        """,
        {"version": comparison.version},
    ).fetchall()
    return dict(rows)


# What was final then and is not the same now. By cohort a month goes on until it is mature.
_REVISED = f"""
with

old_values as (

    select kpi_id, basis, '{TOTAL}' as channel_id, period_start, period_end, numerator,
        denominator, value, definition_version, is_mixed_version
    from earlier.marts.kpi_by_period
    where period_grain = 'month' and is_complete and is_mature

    union all

    select kpi_id, basis, channel_id, period_start, period_end, numerator, denominator, value,
        definition_version, is_mixed_version
    from earlier.marts.kpi_by_channel_period
    where period_grain = 'month' and is_complete and is_mature

),

new_values as (

    select kpi_id, basis, '{TOTAL}' as channel_id, period_start, numerator, denominator, value,
        definition_version, is_mixed_version, is_complete and is_mature as is_final
    from built.marts.kpi_by_period
    where period_grain = 'month'

    union all

    select kpi_id, basis, channel_id, period_start, numerator, denominator, value,
        definition_version, is_mixed_version, is_complete and is_mature as is_final
    from built.marts.kpi_by_channel_period
    where period_grain = 'month'

)

select
    old_values.kpi_id,
    old_values.basis,
    old_values.channel_id,
    old_values.period_start as month,
    old_values.period_end as month_end,
    old_values.numerator as old_numerator,
    new_values.numerator as new_numerator,
    old_values.denominator as old_denominator,
    new_values.denominator as new_denominator,
    old_values.value as old_value,
    new_values.value as new_value,
    old_values.definition_version as old_definition_version,
    new_values.definition_version as new_definition_version,
    old_values.is_mixed_version or coalesce(new_values.is_mixed_version, false) as is_mixed,
    old_values.is_mixed_version <> new_values.is_mixed_version as is_mixed_anew,
    new_values.kpi_id is null as is_gone
from old_values
-- one-to-one
left join new_values
    on old_values.kpi_id = new_values.kpi_id
    and old_values.basis = new_values.basis
    and old_values.channel_id = new_values.channel_id
    and old_values.period_start = new_values.period_start
where
    -- an earlier as-of date takes months away without changing them
    old_values.period_end <= $as_of
    and (new_values.is_final or (new_values.kpi_id is null and $as_of >= $previous_as_of))
    -- a period without anything can end or begin, as the first event of all does; nothing changes
    and not (
        new_values.kpi_id is null
        and coalesce(old_values.numerator, 0) = 0
        and coalesce(old_values.denominator, 0) = 0
    )
    and (
        old_values.numerator is distinct from new_values.numerator
        or old_values.denominator is distinct from new_values.denominator
        or (old_values.value is null) <> (new_values.value is null)
        or abs(old_values.value - new_values.value)
            > {_SAME} * greatest(1, abs(old_values.value), abs(new_values.value))
    )
"""

_CHANGES_DDL = """
create or replace temp table changes (
    fact varchar,
    row_key varchar,
    kind varchar,
    leads varchar[],
    channels varchar[],
    months date[]
)
"""

# the months in which a lead counts by cohort
_LEADS = """
create or replace temp table lead_months as
select distinct lead_id, cast(date_trunc('month', day) as date) as month
from (
    select lead_id, unnest([acquired_date, handed_over_date]) as day from earlier.marts.fct_leads
    union all
    select lead_id, unnest([acquired_date, handed_over_date]) as day from built.marts.fct_leads
) as days
where day is not null and lead_id in (select unnest(leads) from changes)
"""
_NO_LEADS = "create or replace temp table lead_months (lead_id varchar, month date)"

# Each changed row in each basis, month and channel that it is counted in; and what only follows
# from other rows, by the changed rows of its leads.
_TOUCHED = f"""
create or replace temp table touched as
with

placed as (

    select fact, row_key, kind, leads, channels, 'event' as basis, unnest(months) as month
    from changes

    union all

    select changes.fact, changes.row_key, changes.kind, changes.leads, changes.channels,
        'cohort' as basis, lead_months.month
    from (select *, unnest(leads) as lead_id from changes) as changes
    inner join lead_months on changes.lead_id = lead_months.lead_id

),

in_channels as (

    select fact, row_key, kind, leads, basis, month, unnest(channels) as channel_id
    from placed

    union all

    -- what only moves from one channel to another stays in the total
    select fact, row_key, kind, leads, basis, month, '{TOTAL}' as channel_id
    from placed
    where kind <> '{_MOVED}'

),

by_lead as (

    select distinct fact, row_key, kind, unnest(leads) as lead_id
    from changes
    where kind <> '{_SHIFTED}'

),

direct as (

    select distinct fact, row_key, kind, basis, month, channel_id, true as is_direct
    from in_channels
    where kind <> '{_SHIFTED}'

),

-- many-to-many: the rows of a lead that follow from others, and the others
indirect as (

    select distinct
        by_lead.fact, by_lead.row_key, by_lead.kind, shifted.basis, shifted.month,
        shifted.channel_id, false as is_direct
    from (select *, unnest(leads) as lead_id from in_channels) as shifted
    inner join by_lead on shifted.lead_id = by_lead.lead_id
    where shifted.kind in ('{_SHIFTED}', '{_MOVED}')

)

select * from direct
union all
select * from indirect
"""

# The rows behind each revised value: those of its month, and only if there are none those of other
# months by way of the lead.
_COUNTS = """
create or replace temp table counts as
with

counted as (

    select
        revised.kpi_id, revised.basis, revised.channel_id, revised.month, touched.is_direct,
        touched.kind, count(*) as row_count
    from revised
    inner join kpi_facts on revised.kpi_id = kpi_facts.kpi_id
    -- many-to-many
    inner join touched
        on kpi_facts.fact = touched.fact
        and revised.basis = touched.basis
        and revised.month = touched.month
        and revised.channel_id = touched.channel_id
    group by all

)

select
    kpi_id, basis, channel_id, month,
    coalesce(sum(row_count) filter (kind = 'late'), 0) as late,
    coalesce(sum(row_count) filter (kind = 'corrected'), 0) as corrected,
    coalesce(sum(row_count) filter (kind = 'removed'), 0) as removed,
    coalesce(sum(row_count) filter (kind = 'later'), 0) as later,
    coalesce(sum(row_count) filter (kind = 'reclassified'), 0) as reclassified,
    coalesce(sum(row_count) filter (kind = 'moved'), 0) as moved
from (
    select *, max(is_direct) over (partition by kpi_id, basis, channel_id, month) as has_direct
    from counted
) as counted
where is_direct = has_direct
group by kpi_id, basis, channel_id, month
"""

_FOUND = """
create or replace temp table found as
with

mapped as (

    select
        revised.kpi_id, revised.basis, revised.channel_id, revised.month,
        bool_or(not is_of_channel) as has_codes,
        bool_or(is_of_channel) as has_channels,
        bool_or(makes_rows) as makes_rows
    from revised
    inner join mapping_changes
        on revised.kpi_id = mapping_changes.kpi_id
        and mapping_changes.last_day >= revised.month
        -- what becomes of a cohort happens later
        and (mapping_changes.first_day <= revised.month_end or revised.basis = 'cohort')
    group by all

),

ruled as (

    select distinct revised.kpi_id, revised.basis, revised.channel_id, revised.month
    from revised
    inner join policy_changes
        on revised.kpi_id = policy_changes.kpi_id
        and policy_changes.last_day >= revised.month
        and (policy_changes.first_day <= revised.month_end or revised.basis = 'cohort')

),

numbers as (

    select
        revised.*,
        coalesce(counts.late, 0) as late,
        coalesce(counts.removed, 0) as removed,
        coalesce(counts.later, 0) as later,
        case when mapped.has_codes then coalesce(counts.reclassified, 0) else 0 end
        + case when mapped.has_channels then coalesce(counts.moved, 0) else 0 end as reclassified,
        coalesce(counts.corrected, 0)
        + case when mapped.has_codes then 0 else coalesce(counts.reclassified, 0) end
        + case when mapped.has_channels then 0 else coalesce(counts.moved, 0) end as corrected,
        coalesce(mapped.makes_rows, false) as makes_rows,
        ruled.kpi_id is not null as is_ruled,
        revised.is_gone
        or revised.is_mixed_anew
        or revised.old_definition_version <> revised.new_definition_version
        or exists (
            select 1
            from definition_changes
            where
                definition_changes.kpi_id = revised.kpi_id
                and (
                    revised.is_mixed
                    or definition_changes.version
                        in (revised.old_definition_version, revised.new_definition_version)
                )
        ) as is_defined_anew
    from revised
    left join counts using (kpi_id, basis, channel_id, month)
    left join mapped using (kpi_id, basis, channel_id, month)
    left join ruled using (kpi_id, basis, channel_id, month)

),

reasons as (

    select kpi_id, basis, channel_id, month, 'new_definition' as reason_id, 0 as weight
    from numbers where is_defined_anew
    union all
    select kpi_id, basis, channel_id, month, 'policy', 0 from numbers where is_ruled
    union all
    select kpi_id, basis, channel_id, month, 'new_mapping', 0 from numbers
    where reclassified > 0 or (makes_rows and late + removed > 0)
    union all
    select kpi_id, basis, channel_id, month, 'late_rows', late from numbers where late > 0
    union all
    select kpi_id, basis, channel_id, month, 'corrected_rows', corrected from numbers
    where corrected > 0
    union all
    select kpi_id, basis, channel_id, month, 'removed_rows', removed from numbers
    where removed > 0
    union all
    select kpi_id, basis, channel_id, month, 'later_events', 0 from numbers where later > 0

),

-- what nothing else explains
remaining as (

    select numbers.kpi_id, numbers.basis, numbers.channel_id, numbers.month,
        case when $is_computed_anew then 'new_definition' else 'unknown' end as reason_id,
        0 as weight
    from numbers
    left join reasons using (kpi_id, basis, channel_id, month)
    where reasons.kpi_id is null

),

ranked as (

    select
        all_reasons.*,
        row_number() over (
            partition by kpi_id, basis, channel_id, month
            order by
                case
                    when words.reason_id in ('late_rows', 'corrected_rows', 'removed_rows')
                    then (
                        select min(sort_order) from words
                        where reason_id in ('late_rows', 'corrected_rows', 'removed_rows')
                    )
                    else words.sort_order
                end,
                all_reasons.weight desc,
                words.sort_order
        ) as rank
    from (select * from reasons union all select * from remaining) as all_reasons
    inner join words on all_reasons.reason_id = words.reason_id

),

summarised as (

    select
        kpi_id, basis, channel_id, month,
        any_value(reason_id) filter (rank = 1) as reason,
        string_agg(reason_id, ' ' order by rank) as reasons
    from ranked
    group by kpi_id, basis, channel_id, month

)

select numbers.*, summarised.reason, summarised.reasons
from numbers
inner join summarised using (kpi_id, basis, channel_id, month)
"""

_INSERT = """
insert into {target} by name
select
    $version as version,
    $previous_version as previous_version,
    found.kpi_id,
    found.basis,
    found.channel_id,
    found.reason,
    words.name_ja as reason_name_ja,
    words.name_en as reason_name_en,
    found.reasons,
    found.old_numerator,
    found.new_numerator,
    found.old_denominator,
    found.new_denominator,
    found.old_value,
    found.new_value,
    found.new_value - found.old_value as difference,
    found.old_definition_version,
    found.new_definition_version,
    cast(found.late as bigint) as late_rows,
    cast(found.corrected as bigint) as corrected_rows,
    cast(found.removed as bigint) as removed_rows,
    cast(found.reclassified as bigint) as reclassified_rows,
    cast(found.later as bigint) as later_rows,
    found.month,
    cast($as_of as date) as as_of_date,
    cast($previous_as_of as date) as previous_as_of_date,
    coalesce(first_months.published_at, $previous_published_at) as first_published_at,
    $previous_published_at as previous_published_at,
    $published_at as published_at
from found
inner join words on found.reason = words.reason_id
left join first_months on found.month = first_months.month
order by month, kpi_id, basis, channel_id
"""


def _compare_fact(
    connection: duckdb.DuckDBPyConnection, fact: Fact, days: Mapping[str, date]
) -> None:
    """Add the rows of a fact that are new, gone or not the same to `changes`."""
    before, now = (_columns(connection, catalog, fact.name) for catalog in ("earlier", "built"))
    shared = {name for name in before if name in now}
    if not shared >= {*fact.key, fact.day}:
        return
    derived = sorted(shared - set(fact.named))
    hours = int(business_utc_offset().total_seconds()) // 3600

    def day_of(name: str) -> str:
        return f"cast({name} + interval {hours} hour as date)" if name.endswith("_at") else name

    def digest(names: Sequence[str]) -> str:
        present = [name for name in names if name in shared]
        return f"hash({', '.join(present)})" if present else "0"

    dates = ", ".join(day_of(name) for name in fact.dates if name in shared)
    key = " || ' ' || ".join(f"cast({name} as varchar)" for name in fact.key)

    def side(catalog: str) -> str:
        return f"""
            select
                {key} as row_key,
                {fact.day} as day,
                {"lead_id" if fact.has_lead else "cast(null as varchar)"} as lead_id,
                {"channel_id" if fact.has_channel else "cast(null as varchar)"} as channel_id,
                [{dates}] as days,
                {digest(fact.own)} as own,
                {digest(fact.progress)} as progress,
                {digest(fact.classes)} as classes,
                {digest([*derived, "lead_id"])} as derived
            from {catalog}.marts.{fact.name}
        """

    connection.execute(
        f"""
        insert into changes
        with

        before as ({side("earlier")}),

        now as ({side("built")})

        select
            '{fact.name}',
            coalesce(now.row_key, before.row_key),
            case
                when before.row_key is null
                    then case when now.day > $previous_as_of then '{_LATER}' else '{_LATE}' end
                when now.row_key is null then '{_REMOVED}'
                -- another meaning of its code can change what is kept of a row, its duration too
                when before.own <> now.own and before.classes <> now.classes
                    then '{_RECLASSIFIED}'
                when before.own <> now.own then '{_CORRECTED}'
                when before.progress <> now.progress
                    -- a new date up to the as-of date of then is no event after it
                    then case
                        when
                            $as_of > $previous_as_of
                            and len(list_filter(
                                now.days,
                                lambda each: each <= $previous_as_of
                                and not list_contains(before.days, each)
                            )) = 0
                            then '{_LATER}'
                        else '{_CORRECTED}'
                    end
                when before.classes <> now.classes then '{_RECLASSIFIED}'
                when before.channel_id is distinct from now.channel_id then '{_MOVED}'
                else '{_SHIFTED}'
            end,
            list_distinct([before.lead_id, now.lead_id]),
            list_distinct([before.channel_id, now.channel_id]),
            list_distinct(list_transform(
                list_concat(before.days, now.days),
                lambda each: cast(date_trunc('month', each) as date)
            ))
        from before
        -- one-to-one
        full outer join now on before.row_key = now.row_key
        where
            (
                before.row_key is null
                or now.row_key is null
                or before.own <> now.own
                or before.progress <> now.progress
                or before.classes <> now.classes
                or before.derived <> now.derived
                or before.channel_id is distinct from now.channel_id
            )
            -- what an earlier as-of date leaves out is not gone
            and not (now.row_key is null and before.day > $as_of)
        """,
        days,
    )


def _load_agreement(connection: duckdb.DuckDBPyConnection, agreement: Differences) -> None:
    tables: dict[str, tuple[str, frozenset]] = {
        "definition_changes": ("kpi_id varchar, version integer", agreement.definitions),
        "policy_changes": ("kpi_id varchar, first_day date, last_day date", agreement.policies),
        "mapping_changes": (
            "kpi_id varchar, is_of_channel boolean, makes_rows boolean, first_day date, "
            "last_day date",
            agreement.mappings,
        ),
        "kpi_facts": ("kpi_id varchar, fact varchar", agreement.facts),
    }
    for name, (columns, rows) in tables.items():
        connection.execute(f"create or replace temp table {name} ({columns})")
        _insert(connection, name, sorted(rows))


def _load_reasons(connection: duckdb.DuckDBPyConnection, registry: Path) -> None:
    connection.execute(
        "create or replace temp table words "
        "(reason_id varchar, name_ja varchar, name_en varchar, sort_order integer)"
    )
    rows = [
        (cells["reason_id"], cells["name_ja"], cells["name_en"], int(cells["sort_order"]))
        for _, cells in read_csv(registry / f"{REASONS}.csv")
    ]
    _insert(connection, "words", rows)


def _load_months(connection: duckdb.DuckDBPyConnection, months: Mapping[str, str]) -> None:
    connection.execute(
        "create or replace temp table first_months (month date, published_at timestamp)"
    )
    _insert(connection, "first_months", sorted(months.items()))


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into {table} values ({marks})", rows)


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    needed = {"lead_id", "acquired_date", "handed_over_date"}
    return all(
        needed <= set(_columns(connection, catalog, table)) for catalog in ("earlier", "built")
    )


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str, table: str) -> list[str]:
    rows = connection.execute(
        """
        select column_name
        from duckdb_columns()
        where database_name = $catalog and schema_name = 'marts' and table_name = $name
        order by column_index
        """,
        {"catalog": catalog, "name": table},
    ).fetchall()
    return [name for (name,) in rows]
