{#-
    Grain: one row per calendar day.
    How many business seconds have passed since the calendar began when the day begins.
    With the position within a day (macro business_seconds_at) any two moments are a
    subtraction apart, however many weekends and holidays lie between them.
-#}
with

days as (

    select * from {{ ref('int_calendar_days') }}

),

lengths as (

    select
        date_day,
        is_business_day,
        case
            when is_business_day
                then 3600 * (
                    {{ var('business_day_end_hour') }}
                    - {{ var('business_day_start_hour') }}
                )
            else 0
        end as business_seconds
    from days

),

final as (

    select
        -- numerics
        cast(
            sum(business_seconds) over (
                order by date_day rows unbounded preceding
            ) - business_seconds as bigint
        ) as business_seconds_before,
        cast(business_seconds as bigint) as business_seconds,

        -- booleans
        is_business_day,

        -- dates
        date_day
    from lengths

)

select * from final
