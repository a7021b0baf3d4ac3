{#-
    Grain: one row per calendar day and period grain.
    Which week, month, quarter, half and fiscal year a day belongs to, for every
    roll-up.
-#}
{%- set grains = {
    'day': ('date_day', 'day', 1),
    'week': ('week_start', 'day', 7),
    'month': ('month_start', 'month', 1),
    'quarter': ('quarter_start', 'month', 3),
    'half': ('half_start', 'month', 6),
    'fiscal_year': ('fiscal_year_start', 'month', 12),
} -%}
with

days as (

    select * from {{ ref('int_calendar_days') }}

),

starts as (

    {% for grain, (first_day, part, length) in grains.items() %}
    select
        date_day,
        '{{ grain }}' as period_grain,
        {{ first_day }} as period_start,
        {{ dbt.dateadd(part, length, first_day) }} as next_start
    from days
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        starts.period_grain,
        starts.date_day,
        starts.period_start,
        cast({{ dbt.dateadd('day', -1, 'starts.next_start') }} as date) as period_end
    from starts

)

select * from final
