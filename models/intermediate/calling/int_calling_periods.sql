{#-
    Grain: one row per calendar day up to the as-of date and period by which calls are
    compared.
    The periods of var calling_grains, and the window of the last months, which ends on
    the as-of date wherever that is in a month.
-#}
{%- set window_months = var('calling_window_months') -%}
{%- set day_before = dbt.dateadd('month', -window_months, as_of_date()) -%}
{%- set window_start = 'cast(' ~ dbt.dateadd('day', 1, day_before) ~ ' as date)' -%}
{%- set grains = "'" ~ var('calling_grains') | join("', '") ~ "'" -%}
with

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}
    where
        period_grain in ({{ grains }})
        and date_day <= {{ as_of_date() }}

),

window_days as (

    select * from {{ ref('int_calendar_days') }}
    where date_day between {{ window_start }} and {{ as_of_date() }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

periods as (

    select
        period_grain,
        date_day,
        period_start,
        period_end,
        -- the day whose policies the period is held against, as in the KPI tables
        case
            when period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else period_end
        end as label_day
    from calendar_periods

    union all

    select
        'last_{{ window_months }}_months' as period_grain,
        date_day,
        {{ window_start }} as period_start,
        {{ as_of_date() }} as period_end,
        {{ as_of_date() }} as label_day
    from window_days

),

final as (

    select
        -- texts
        periods.period_grain,

        -- numerics
        agreements.small_sample_below,

        -- dates
        periods.date_day,
        periods.period_start,
        periods.period_end
    from periods
    -- many-to-one
    inner join agreements on periods.label_day = agreements.date_day

)

select * from final
