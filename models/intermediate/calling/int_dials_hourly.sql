{#-
    Grain: one row per business date, hour, channel and class of attempts.
    Dials and what came of them, by when they were made and as which attempt at their
    lead. The attempt is the number of the dial among those of the engagement cycle;
    mails and other approaches between them are none, and a lead that is deleted or in no
    extract is an unknown one (R10).
-#}
with

dials as (

    select * from {{ ref('int_activities') }}
    where activity_type = 'call' and direction = 'outbound'

),

calendar_days as (

    select * from {{ ref('int_calendar_days') }}

),

attempt_classes as (

    select * from {{ ref('attempt_classes') }}

),

numbered as (

    select
        channel_id,
        activity_date,
        {{ business_hour('occurred_at') }} as hour_of_day,
        case
            when lead_id is not null
                then row_number() over (
                    partition by lead_key, cycle_number
                    order by occurred_at, activity_id
                )
        end as attempt_number,
        is_connected,
        is_approach_to_target,
        is_target_connected,
        lead_id is not null
        and is_connected
        and coalesce(
            max({{ one_if('is_connected') }}) over (
                partition by lead_key, cycle_number
                order by occurred_at, activity_id
                rows between unbounded preceding and 1 preceding
            ), 0
        ) = 0 as is_first_connection
    from dials

),

final as (

    select
        -- ids
        numbered.channel_id,

        -- texts
        calendar_days.day_class,
        coalesce(attempt_classes.attempt_class, 'unknown') as attempt_class,

        -- numerics
        numbered.hour_of_day,
        count(*) as calls_made,
        sum({{ one_if('numbered.is_connected') }}) as calls_connected,
        sum({{ one_if('numbered.is_approach_to_target') }}) as calls_to_targets,
        sum({{ one_if('numbered.is_target_connected') }}) as target_connections,
        sum({{ one_if('numbered.is_first_connection') }}) as first_connections,

        -- dates
        numbered.activity_date as call_date
    from numbered
    -- many-to-one
    inner join calendar_days on numbered.activity_date = calendar_days.date_day
    -- many-to-one: classes do not overlap; left, as a call may have no lead
    left join attempt_classes
        on numbered.attempt_number >= attempt_classes.first_attempt
        and (
            numbered.attempt_number <= attempt_classes.last_attempt
            or attempt_classes.last_attempt is null
        )
    group by
        numbered.channel_id,
        calendar_days.day_class,
        coalesce(attempt_classes.attempt_class, 'unknown'),
        numbered.hour_of_day,
        numbered.activity_date

)

select * from final
