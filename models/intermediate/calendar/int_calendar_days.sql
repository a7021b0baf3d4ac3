{#-
    Grain: one row per calendar day.
    The only model that knows fiscal years, ISO weeks and business days.
-#}
with

national_holidays as (

    select * from {{ ref('national_holidays') }}

),

company_holidays as (

    select * from {{ ref('stg_planning__company_holidays') }} where is_accepted

),

days as (

    {{ date_spine(var('calendar_start'), var('calendar_end')) }}

),

fiscal as (

    select
        date_day,
        cast(extract(year from date_day) as integer) as calendar_year,
        cast(extract(month from date_day) as integer) as calendar_month,
        -- months since the fiscal year began, 0 to 11
        cast(
            (extract(month from date_day) + 12 - {{ var('fiscal_year_start_month') }})
            as integer
        ) % 12 as fiscal_month_index,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start
    from days

),

starts as (

    select
        *,
        -- a fiscal year is named by the calendar year it begins in
        case
            when calendar_month < {{ var('fiscal_year_start_month') }}
                then calendar_year - 1
            else calendar_year
        end as fiscal_year,
        cast(
            {{ dbt.dateadd('month', '-(fiscal_month_index % 3)', 'month_start') }}
            as date
        ) as quarter_start,
        cast(
            {{ dbt.dateadd('month', '-(fiscal_month_index % 6)', 'month_start') }}
            as date
        ) as half_start,
        cast(
            {{ dbt.dateadd('month', '-fiscal_month_index', 'month_start') }}
            as date
        ) as fiscal_year_start,
        -- the Thursday decides to which ISO year a week belongs
        cast({{ dbt.dateadd('day', 3, 'week_start') }} as date) as week_thursday,
        cast(
            {{ dbt.datediff('week_start', 'date_day', 'day') }}
            as integer
        ) + 1 as iso_weekday
    from fiscal

),

final as (

    select
        -- numerics
        cast(extract(year from starts.week_thursday) as integer) as iso_year,
        cast(
            floor(
                {{ dbt.datediff(
                    dbt.date_trunc('year', 'starts.week_thursday'),
                    'starts.week_thursday',
                    'day'
                ) }} / 7.0
            ) as integer
        ) + 1 as iso_week,
        starts.iso_weekday,
        starts.calendar_year,
        starts.calendar_month,
        starts.fiscal_year,
        cast(floor(starts.fiscal_month_index / 3.0) as integer) + 1 as fiscal_quarter,
        cast(floor(starts.fiscal_month_index / 6.0) as integer) + 1 as fiscal_half,

        -- texts
        national_holidays.name_ja as national_holiday_name,
        company_holidays.name as company_holiday_name,
        -- a holiday is none of its weekday's, whichever weekday it falls on
        case
            when national_holidays.holiday_date is not null then 'national_holiday'
            when company_holidays.date is not null then 'company_holiday'
            else cast(starts.iso_weekday as {{ dbt.type_string() }})
        end as day_class,

        -- booleans
        starts.iso_weekday <= 5
        and national_holidays.holiday_date is null
        and company_holidays.date is null as is_business_day,

        -- dates
        starts.date_day,
        starts.week_start,
        starts.month_start,
        starts.quarter_start,
        starts.half_start,
        starts.fiscal_year_start
    from starts
    left join national_holidays on starts.date_day = national_holidays.holiday_date
    left join company_holidays on starts.date_day = company_holidays.date

)

select * from final
