{#-
    Hours and classes of days added up are the KPIs connection_rate and
    target_connection_rate of the period and channel, the latter with what was reached by
    other ways than the phone. Of periods that one version counts, by these measures.
-#}
{%- set grains = "'" ~ var('calling_grains') | join("', '") ~ "'" -%}
with

definitions as (

    select * from {{ ref('dim_kpis') }}
    where
        (
            kpi_id = 'connection_rate'
            and numerator_measure_id = 'calls_connected'
            and denominator_measure_id = 'calls_made'
        )
        or (
            kpi_id = 'target_connection_rate'
            and numerator_measure_id = 'target_connections'
            and denominator_measure_id = 'approaches_to_targets'
        )

),

kpis as (

    select kpis.*
    from {{ ref('kpi_by_channel_period') }} as kpis
    -- many-to-one
    inner join definitions
        on kpis.kpi_id = definitions.kpi_id
        and kpis.definition_version = definitions.version
    where
        kpis.basis = 'event'
        and not kpis.is_mixed_version
        and kpis.period_grain in ({{ grains }})

),

hours as (

    select
        period_grain,
        period_start,
        channel_id,
        sum(calls_made) as calls_made,
        sum(calls_connected) as calls_connected,
        sum(calls_to_targets) as calls_to_targets,
        sum(target_connections) as target_connections
    from {{ ref('connection_by_hour') }}
    group by period_grain, period_start, channel_id

),

other_ways as (

    select
        periods.period_grain,
        periods.period_start,
        activities.channel_id,
        sum({{ one_if('activities.is_approach_to_target') }}) as approaches,
        sum({{ one_if('activities.is_target_connected') }}) as connections
    from {{ ref('fct_activities') }} as activities
    -- one-to-many: a day is in one period of each grain
    inner join {{ ref('int_calendar_periods') }} as periods
        on activities.activity_date = periods.date_day
    where activities.activity_type <> 'call'
    group by periods.period_grain, periods.period_start, activities.channel_id

),

compared as (

    select
        kpis.kpi_id,
        kpis.period_grain,
        kpis.period_start,
        kpis.channel_id,
        kpis.numerator,
        kpis.denominator,
        case kpis.kpi_id
            when 'connection_rate' then coalesce(hours.calls_connected, 0)
            else
                coalesce(hours.target_connections, 0)
                + coalesce(other_ways.connections, 0)
        end as added_numerator,
        case kpis.kpi_id
            when 'connection_rate' then coalesce(hours.calls_made, 0)
            else
                coalesce(hours.calls_to_targets, 0) + coalesce(other_ways.approaches, 0)
        end as added_denominator
    from kpis
    -- many-to-one; left, as a channel may have no call
    left join hours
        on kpis.period_grain = hours.period_grain
        and kpis.period_start = hours.period_start
        and kpis.channel_id = hours.channel_id
    -- many-to-one; left, as a channel may have calls only
    left join other_ways
        on kpis.period_grain = other_ways.period_grain
        and kpis.period_start = other_ways.period_start
        and kpis.channel_id = other_ways.channel_id

),

seen as (

    select max(added_denominator) as most_cases from compared

),

wanted as (

    select max(denominator) as most_cases from kpis

)

select
    kpi_id,
    period_grain,
    period_start,
    channel_id
from compared
where numerator <> added_numerator or denominator <> added_denominator

union all

select
    'every one' as kpi_id,
    'nothing was compared' as period_grain,
    cast(null as date) as period_start,
    cast(null as {{ dbt.type_string() }}) as channel_id
from seen
cross join wanted
where coalesce(seen.most_cases, 0) = 0 and wanted.most_cases > 0
