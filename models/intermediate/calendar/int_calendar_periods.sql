{#-
    Grain: one row per calendar day and period grain.
    Which week, month, quarter, half and fiscal year a day belongs to, for every roll-up.
-#}
with

days as (

    select * from {{ ref('int_calendar_days') }}

),

starts as (

    select date_day, 'day' as period_grain, date_day as period_start from days
    {% for grain in ['week', 'month', 'quarter', 'half', 'fiscal_year'] %}
    union all
    select
        date_day,
        '{{ grain }}' as period_grain,
        {{ grain }}_start as period_start
    from days
    {% endfor %}

),

final as (

    select
        starts.period_grain,
        starts.date_day,
        starts.period_start,
        cast(
            {{ dbt.dateadd('day', -1, "case starts.period_grain
                when 'day' then " ~ dbt.dateadd('day', 1, 'starts.period_start') ~ "
                when 'week' then " ~ dbt.dateadd('day', 7, 'starts.period_start') ~ "
                when 'month' then " ~ dbt.dateadd('month', 1, 'starts.period_start') ~ "
                when 'quarter' then " ~ dbt.dateadd('month', 3, 'starts.period_start') ~ "
                when 'half' then " ~ dbt.dateadd('month', 6, 'starts.period_start') ~ "
                else " ~ dbt.dateadd('month', 12, 'starts.period_start') ~ "
            end") }} as date
        ) as period_end
    from starts

)

select * from final
