{#-
    Grain: one row per kpi_id, channel_id and month_start.
    Each KPI of a month by when it happened (event) beside the same KPI by when the lead
    was acquired (cohort), and the events that make the difference. Of numerator and
    denominator alike: event - carried_in - without_cohort + carried_out = cohort.
-#}
{%- set sides = ['numerator', 'denominator'] -%}
{%- set flows = {
    'carried_in': 'earlier_cohorts',
    'carried_out': 'later_events',
    'without_cohort': 'no_cohort',
} -%}
{#- how much of both sides a flow moves, the sides on one scale; exact in whole numbers -#}
{%- set weight = {} -%}
{%- for flow in flows -%}
    {%- do weight.update({flow:
        'abs(numerator_' ~ flow ~ ') * denominator_scale + '
        ~ 'abs(denominator_' ~ flow ~ ') * numerator_scale'
    }) -%}
{%- endfor -%}
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
    where is_published and has_event_basis and has_cohort_basis and has_channel

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
        versions.kpi_id,
        moved.channel_id,
        moved.month_start,
        {%- for side in sides %}
        {%- set outer_last = loop.last %}
        {%- for flow in flows %}
        sum(
            case
                when moved.measure_id = versions.{{ side }}_measure_id
                    then moved.{{ flow }}
                else 0
            end
        ) as {{ side }}_{{ flow }}{{ ',' if not (outer_last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
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

{% for basis in ['event', 'cohort'] %}
on_{{ basis }} as (

    select * from kpis
    where
        basis = '{{ basis }}'
        and exists (select 1 from versions where versions.kpi_id = kpis.kpi_id)

),
{% endfor %}

-- one-to-one; a month has no row on a basis that has nothing before or after it
side_by_side as (

    select
        coalesce(on_event.kpi_id, on_cohort.kpi_id) as kpi_id,
        coalesce(on_event.channel_id, on_cohort.channel_id) as channel_id,
        coalesce(on_event.period_start, on_cohort.period_start) as month_start,
        coalesce(on_event.denominator, on_cohort.denominator) is not null as is_ratio,
        {%- for basis in ['event', 'cohort'] %}
        {%- for side in sides %}
        coalesce(on_{{ basis }}.{{ side }}, 0) as {{ basis }}_{{ side }},
        {%- endfor %}
        on_{{ basis }}.value as {{ basis }}_value,
        {%- endfor %}
        -- who has no leads has none to wait for
        coalesce(on_cohort.is_mature, true) as is_mature,
        coalesce(on_event.is_complete, on_cohort.is_complete) as is_complete
    from on_event
    full outer join on_cohort
        on on_event.kpi_id = on_cohort.kpi_id
        and on_event.channel_id = on_cohort.channel_id
        and on_event.period_start = on_cohort.period_start

),

joined as (

    select
        side_by_side.*,
        {%- for side in sides %}
        {%- for flow in flows %}
        cast(
            coalesce(moved_by_kpi.{{ side }}_{{ flow }}, 0) as decimal(18, 2)
        ) as {{ side }}_{{ flow }},
        {%- endfor %}
        cast(
            coalesce(
                nullif(
                    side_by_side.event_{{ side }} + side_by_side.cohort_{{ side }}, 0
                ), 1
            ) as decimal(20, 2)
        ) as {{ side }}_scale,
        {%- endfor %}
        {%- for basis in ['event', 'cohort'] %}
        -- a count over no period is a zero, a ratio is nothing
        case
            when not side_by_side.is_ratio
                then cast(side_by_side.{{ basis }}_numerator as {{ type_double() }})
            else side_by_side.{{ basis }}_value
        end as {{ basis }}_shown
        {{- ',' if not loop.last }}
        {%- endfor %}
    from side_by_side
    -- one-to-one
    left join moved_by_kpi
        on side_by_side.kpi_id = moved_by_kpi.kpi_id
        and side_by_side.channel_id = moved_by_kpi.channel_id
        and side_by_side.month_start = moved_by_kpi.month_start

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
            {%- for flow, cause in flows.items() %}
            {%- if not loop.last %}
            when
                {%- for other in flows if other != flow %}
                {{ 'and ' if not loop.first }}{{ weight[flow] }}
                >= {{ weight[other] }}
                {%- endfor %}
                then '{{ cause }}'
            {%- else %}
            else '{{ cause }}'
            {%- endif %}
            {%- endfor %}
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
        {%- for flow in flows %}
        numerator_{{ flow }},
        {%- endfor %}
        {%- for flow in flows %}
        case when is_ratio then denominator_{{ flow }} end as denominator_{{ flow }},
        {%- endfor %}

        -- booleans
        is_mature,
        is_complete,

        -- dates
        month_start
    from joined

)

select * from final
