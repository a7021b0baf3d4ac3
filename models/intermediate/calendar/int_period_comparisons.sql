{#-
    Grain: one row per comparison, period_grain and period_start.
    With which earlier period each period is compared: the one before, and the same one
    of the year before. Only the grains of var `compared_grains`.
-#}
{#- weeks keep their weekdays: 52 of them, not a date -#}
{%- set year_before = {'week': ('day', -364)} -%}
with

days as (

    select * from {{ ref('int_calendar_days') }}

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}
    where
        period_grain in (
            {% for grain in var('compared_grains') -%}
            '{{ grain }}'{{ ',' if not loop.last }}
            {% endfor -%}
        )

),

periods as (

    select
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end,
        min(case when days.is_business_day then days.date_day end)
            as first_business_day,
        cast({{ dbt.dateadd('day', -1, 'calendar_periods.period_start') }} as date)
            as day_before,
        case calendar_periods.period_grain
            {%- for grain, (part, length) in year_before.items() %}
            when '{{ grain }}'
                then cast(
                    {{ dbt.dateadd(part, length, 'calendar_periods.period_start') }}
                    as date
                )
            {%- endfor %}
            else cast(
                {{ dbt.dateadd('year', -1, 'calendar_periods.period_start') }} as date
            )
        end as start_a_year_before
    from calendar_periods
    -- one-to-one
    inner join days on calendar_periods.date_day = days.date_day
    group by
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end

),

final as (

    {% for comparison, (later_day, earlier_day) in {
        'previous_period': ('day_before', 'period_end'),
        'previous_year': ('start_a_year_before', 'period_start'),
    }.items() %}
    select
        -- texts
        '{{ comparison }}' as comparison,
        periods.period_grain,

        -- dates
        periods.period_start,
        periods.period_end,
        earlier.period_start as previous_period_start,
        earlier.period_end as previous_period_end,
        coalesce(earlier.first_business_day, earlier.period_start)
            as previous_first_business_day
    from periods
    -- one-to-one; a period without an earlier one in the calendar has no row
    inner join periods as earlier
        on periods.period_grain = earlier.period_grain
        and periods.{{ later_day }} = earlier.{{ earlier_day }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
