{#- Grain: one row per calendar day. -#}
with

days as (

    select * from {{ ref('int_calendar_days') }}

),

final as (

    select
        -- numerics
        calendar_year,
        calendar_month,
        iso_year,
        iso_week,
        iso_weekday,
        fiscal_year,
        fiscal_half,
        fiscal_quarter,

        -- texts
        national_holiday_name,
        company_holiday_name,
        day_class,

        -- booleans
        is_business_day,

        -- dates
        date_day,
        week_start,
        month_start,
        quarter_start,
        half_start,
        fiscal_year_start
    from days

)

select * from final
