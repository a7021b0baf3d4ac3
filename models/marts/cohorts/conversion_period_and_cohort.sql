{#-
    Grain: one row per kpi_id, channel_id and month_start.
    Each KPI of a month by when it happened (event) beside the same KPI by when the lead
    was acquired (cohort), and the events that make the difference. Of numerator and
    denominator alike: event - carried_in - without_cohort + carried_out = cohort.
-#}
{%- set sides = ['numerator', 'denominator'] -%}
{%- set flows = ['carried_in', 'carried_out', 'without_cohort'] -%}
with

kpis as (

    select * from {{ ref('kpi_by_channel_period') }} where period_grain = 'month'

),

versions as (

    select
        kpi_id,
        numerator_measure_id,
        denominator_measure_id,
        effective_from,
        coalesce(effective_to, cast('{{ var("calendar_end") }}' as date)) as last_day
    from {{ ref('dim_kpis') }}
    where
        is_published and has_event_basis and has_cohort_basis
        -- the cases of a median are not those of the other basis moved
        and statistic is null

),

measures as (

    select * from {{ ref('int_measures_daily') }}

),

-- an event that lies in the month of its cohort is counted there on both bases
moved as (

    select
        measure_id,
        regime_start,
        channel_id,
        cast({{ dbt.date_trunc('month', 'measure_date') }} as date) as month_start,
        sum(
            case
                when basis = 'event'
                    then quantity - quantity_same_month - quantity_no_cohort
                else 0
            end
        ) as carried_in,
        sum(case when basis = 'cohort' then quantity - quantity_same_month else 0 end)
            as carried_out,
        sum(case when basis = 'event' then quantity_no_cohort else 0 end)
            as without_cohort
    from measures
    group by
        measure_id,
        regime_start,
        channel_id,
        {{ dbt.date_trunc('month', 'measure_date') }}

),

moved_by_kpi as (

    select
        {% for flow in flows %}
        sum(
            case
                when moved.measure_id = versions.numerator_measure_id
                    then moved.{{ flow }}
                else 0
            end
        ) as numerator_{{ flow }},
        sum(
            case
                when moved.measure_id = versions.denominator_measure_id
                    then moved.{{ flow }}
                else 0
            end
        ) as denominator_{{ flow }},
        {% endfor %}
        versions.kpi_id,
        moved.channel_id,
        moved.month_start
    from moved
    -- many-to-many: a measure serves several KPIs, by the version of the events' regime
    inner join versions
        on (
            moved.measure_id = versions.numerator_measure_id
            or moved.measure_id = versions.denominator_measure_id
        )
        and moved.regime_start between versions.effective_from and versions.last_day
    group by versions.kpi_id, moved.channel_id, moved.month_start

),

on_both_bases as (

    select kpis.*
    from kpis
    where exists (select 1 from versions where versions.kpi_id = kpis.kpi_id)

),

-- a month has no row on a basis that has nothing before or after it
side_by_side as (

    select
        {% for basis in ['event', 'cohort'] %}
        max(case when basis = '{{ basis }}' then value end) as {{ basis }}_value,
        {% for side in sides %}
        coalesce(sum(case when basis = '{{ basis }}' then {{ side }} end), 0)
            as {{ basis }}_{{ side }},
        {% endfor %}
        {% endfor %}
        max(case when denominator is null then 0 else 1 end) = 1 as is_ratio,
        -- who has no leads has none to wait for
        min(case when basis = 'cohort' and not is_mature then 0 else 1 end) = 1
            as is_mature,
        min(case when is_complete then 1 else 0 end) = 1 as is_complete,
        kpi_id,
        channel_id,
        period_start as month_start
    from on_both_bases
    group by kpi_id, channel_id, period_start

),

joined as (

    select
        {% for side in sides %}
        {% for flow in flows %}
        cast(
            coalesce(moved_by_kpi.{{ side }}_{{ flow }}, 0) as decimal(18, 2)
        ) as {{ side }}_{{ flow }},
        {% endfor %}
        cast(
            side_by_side.event_{{ side }} + side_by_side.cohort_{{ side }}
            as decimal(20, 2)
        ) as {{ side }}_of_both,
        {% endfor %}
        side_by_side.*
    from side_by_side
    -- one-to-one
    left join moved_by_kpi
        on side_by_side.kpi_id = moved_by_kpi.kpi_id
        and side_by_side.channel_id = moved_by_kpi.channel_id
        and side_by_side.month_start = moved_by_kpi.month_start

),

-- what share of numerator and of denominator each flow moves, added up and brought to
-- one denominator, so that shares are compared exactly
weighed as (

    select
        *,
        {% for flow in flows %}
        abs(numerator_{{ flow }}) * coalesce(nullif(denominator_of_both, 0), 1)
        + abs(denominator_{{ flow }}) * coalesce(nullif(numerator_of_both, 0), 1)
            as weight_{{ flow }},
        {% endfor %}
        -- a count over no period is a zero, a ratio is nothing
        case
            when is_ratio then event_value
            else cast(event_numerator as {{ type_double() }})
        end as event_shown,
        case
            when is_ratio then cohort_value
            else cast(cohort_numerator as {{ type_double() }})
        end as cohort_shown
    from joined

),

final as (

    select
        -- ids
        kpi_id,
        channel_id,

        -- texts
        case
            when
                event_numerator = cohort_numerator
                and event_denominator = cohort_denominator
                then 'equal'
            when not is_mature then 'not_mature'
            when
                weight_carried_in >= weight_carried_out
                and weight_carried_in >= weight_without_cohort
                then 'earlier_cohorts'
            when weight_carried_out >= weight_without_cohort then 'later_events'
            else 'no_cohort'
        end as main_cause,
        case when event_shown is null or cohort_shown is null then 'no_cases' end
            as difference_reason,

        -- numerics
        cast(event_numerator as decimal(18, 2)) as event_numerator,
        cast(case when is_ratio then event_denominator end as decimal(18, 2))
            as event_denominator,
        event_shown as event_value,
        cast(cohort_numerator as decimal(18, 2)) as cohort_numerator,
        cast(case when is_ratio then cohort_denominator end as decimal(18, 2))
            as cohort_denominator,
        cohort_shown as cohort_value,
        event_shown - cohort_shown as difference,
        {% for flow in flows %}
        numerator_{{ flow }},
        case when is_ratio then denominator_{{ flow }} end as denominator_{{ flow }},
        {% endfor %}

        -- booleans
        is_mature,
        is_complete,

        -- dates
        month_start
    from weighed

)

select * from final
