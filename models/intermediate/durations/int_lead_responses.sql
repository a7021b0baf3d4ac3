{#-
    Grain: one row per surviving lead.
    How long it waited for the first outbound approach, by the clock and in business
    hours. A lead that nobody has approached is observed to the end of the as-of date; one
    that was approached before it was acquired did not wait.
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

days as (

    select * from {{ ref('int_business_time') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

ended as (

    select
        lead_id,
        channel_id,
        rep_id,
        first_touched_at is not null as is_touched,
        created_at,
        acquired_date,
        case
            when first_touched_at is null then {{ end_of_observation() }}
            when first_touched_at < created_at then created_at
            else first_touched_at
        end as ended_at
    from leads

),

timed as (

    select
        ended.*,
        {{ business_date('ended.ended_at') }} as ended_date
    from ended

),

final as (

    select
        -- ids
        timed.lead_id,
        timed.channel_id,
        timed.rep_id,

        -- texts
        coalesce(reps_at_acquisition.team, 'unknown') as team_at_acquisition,
        coalesce(reps_at_touch.team, 'unknown') as team_at_touch,

        -- numerics
        cast(
            {{ epoch_seconds('timed.ended_at') }}
            - {{ epoch_seconds('timed.created_at') }} as {{ type_double() }}
        ) as seconds,
        cast(
            {{ business_seconds_at('days_of_end', 'timed.ended_at') }}
            - {{ business_seconds_at('days_of_start', 'timed.created_at') }}
            as {{ type_double() }}
        ) as business_seconds,

        -- booleans
        timed.is_touched,

        -- dates
        timed.acquired_date,
        case when timed.is_touched then timed.ended_date end as touched_date
    from timed
    -- all many-to-one; the calendar has every date that can be read
    inner join days as days_of_start
        on {{ business_date('timed.created_at') }} = days_of_start.date_day
    inner join days as days_of_end on timed.ended_date = days_of_end.date_day
    left join reps as reps_at_acquisition
        on timed.rep_id = reps_at_acquisition.rep_id
        and timed.acquired_date
        between reps_at_acquisition.valid_from and reps_at_acquisition.valid_to
    left join reps as reps_at_touch
        on timed.rep_id = reps_at_touch.rep_id
        and timed.is_touched
        and timed.ended_date between reps_at_touch.valid_from and reps_at_touch.valid_to

)

select * from final
