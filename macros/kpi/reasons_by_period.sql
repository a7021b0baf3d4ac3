{#-
    A whole model: how many cases have which reason, by period and channel, and their
    share of all cases there. Rows only where there is a case, so that a share is never
    over nothing.

    relation     one row per case, with channel_id and reason_id
    event_date   column: the day on which the case counts
    cases        name of the column that counts them
    amount       column of the cases that is added up as well, or none
    amount_name  name of that sum
-#}
{% macro reasons_by_period(
    relation, event_date, cases, amount=none, amount_name=none
) -%}
{%- set keys = ['period_grain', 'period_start', 'channel_id'] -%}
with

events as (

    select * from {{ relation }}

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

reasons as (

    select * from {{ ref('reasons') }}

),

counted as (

    select
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end,
        events.channel_id,
        events.reason_id,
        {%- if amount %}
        coalesce(sum(events.{{ amount }}), 0) as {{ amount_name }},
        {%- endif %}
        count(*) as {{ cases }}
    from events
    -- one-to-many: a day is in one period of each grain
    inner join calendar_periods on events.{{ event_date }} = calendar_periods.date_day
    group by
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end,
        events.channel_id,
        events.reason_id

),

totalled as (

    select
        *,
        sum({{ cases }}) over (partition by {{ keys | join(', ') }}) as all_cases,
        case
            when period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else period_end
        end as label_day
    from counted

),

final as (

    select
        -- ids
        totalled.channel_id,
        totalled.reason_id,
        totalled.period_grain,

        -- texts
        reasons.name_ja,
        reasons.name_en,

        -- numerics
        cast(totalled.{{ cases }} as bigint) as {{ cases }},
        {%- if amount %}
        cast(totalled.{{ amount_name }} as decimal(18, 2)) as {{ amount_name }},
        {%- endif %}
        cast(totalled.all_cases as bigint) as {{ cases }}_all_reasons,
        cast(totalled.{{ cases }} as {{ type_double() }})
        / cast(totalled.all_cases as {{ type_double() }}) as share,

        -- booleans
        totalled.all_cases < agreements.small_sample_below as is_small_sample,
        totalled.period_end <= {{ as_of_date() }} as is_complete,

        -- dates
        totalled.period_start,
        totalled.period_end
    from totalled
    -- many-to-one
    left join agreements on totalled.label_day = agreements.date_day
    -- many-to-one
    left join reasons on totalled.reason_id = reasons.reason_id

)

select * from final
{%- endmacro %}
