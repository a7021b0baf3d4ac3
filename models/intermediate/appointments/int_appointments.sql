{#-
    Grain: one row per appointment, its reschedules folded (R12).
    It is the first booking's: id, booker, time of booking. It ends as the last booking
    ends. An appointment that starts after the as-of date has not ended, whatever the
    extract says.
-#}
with

bookings as (

    select * from {{ ref('int_unioned_appointments') }}
    where {{ business_date('booked_at') }} <= {{ as_of_date() }}

),

outcomes as (

    select * from {{ ref('meeting_outcomes') }}

),

judgements as (

    select * from {{ ref('meeting_judgements') }}

),

chains as (

    {{ resolve_chain('bookings', 'appointment_id', 'rescheduled_from_id') }}

),

rooted as (

    select
        bookings.*,
        coalesce(chains.root_id, bookings.appointment_id) as root_id
    from bookings
    -- one-to-one
    left join chains
        on bookings.appointment_id = chains.id and not chains.is_cycle

),

-- most appointments are never moved, so only the moved ones are ranked
moved as (

    select
        root_id,
        count(*) as booking_count
    from rooted
    group by root_id
    having count(*) > 1

),

ranked as (

    select
        rooted.*,
        row_number() over (
            partition by rooted.root_id
            order by
                case when rooted.appointment_id = rooted.root_id then 0 else 1 end,
                rooted.booked_at,
                rooted.appointment_id
        ) as booking_number,
        row_number() over (
            partition by rooted.root_id
            order by rooted.booked_at desc, rooted.appointment_id desc
        ) as booking_number_from_last,
        moved.booking_count
    from rooted
    -- many-to-one
    inner join moved on rooted.root_id = moved.root_id

),

first_bookings as (

    select
        rooted.appointment_id,
        rooted.root_id
    from rooted
    left join moved on rooted.root_id = moved.root_id
    where moved.root_id is null

    union all

    select
        appointment_id,
        root_id
    from ranked
    where booking_number = 1

),

last_bookings as (

    select
        rooted.appointment_id,
        rooted.root_id,
        1 as booking_count
    from rooted
    left join moved on rooted.root_id = moved.root_id
    where moved.root_id is null

    union all

    select
        appointment_id,
        root_id,
        booking_count
    from ranked
    where booking_number_from_last = 1

),

folded as (

    select
        first_bookings.root_id as appointment_id,
        coalesce(first_booking.lead_id, last_booking.lead_id) as source_lead_id,
        coalesce(last_booking.opportunity_id, first_booking.opportunity_id)
            as opportunity_id,
        first_booking.booked_by_id,
        first_booking.booked_at,
        first_booking.source_system,
        first_booking.source_object,
        first_booking.source_file,
        last_booking.starts_at,
        last_bookings.booking_count,
        coalesce(
            {{ business_date('last_booking.starts_at') }} > {{ as_of_date() }}, false
        ) as is_ahead,
        {{ code_key('last_booking.outcome') }} as outcome_code,
        {{ code_key('last_booking.judgement') }} as judgement_code,
        {{ code_key('last_booking.judgement_reason') }} as judgement_reason_code,
        coalesce(
            {{ business_date('last_booking.judged_at') }} > {{ as_of_date() }}, false
        ) as has_later_judgement,
        case
            when {{ business_date('last_booking.judged_at') }} <= {{ as_of_date() }}
                then last_booking.judged_at
        end as judged_at
    from first_bookings
    inner join bookings as first_booking
        on first_bookings.appointment_id = first_booking.appointment_id
    inner join last_bookings on first_bookings.root_id = last_bookings.root_id
    inner join bookings as last_booking
        on last_bookings.appointment_id = last_booking.appointment_id

),

ended as (

    select
        folded.*,
        case
            when folded.is_ahead or folded.outcome_code is null then 'pending'
            -- moved, and the new date is in no extract yet
            when outcomes.outcome = 'rescheduled' then 'pending'
            else coalesce(outcomes.outcome, 'unmapped')
        end as outcome,
        case
            when folded.judgement_code is not null
                then coalesce(judgements.judgement, 'unmapped')
        end as stated_judgement
    from folded
    left join outcomes
        on folded.outcome_code = outcomes.outcome_code
        and {{ is_valid_on(
            'outcomes', business_date('coalesce(folded.starts_at, folded.booked_at)')
        ) }}
    left join judgements
        on folded.judgement_code = judgements.judgement_code
        and {{ is_valid_on(
            'judgements',
            business_date('coalesce(folded.judged_at, folded.starts_at, folded.booked_at)')
        ) }}

),

final as (

    select
        -- ids
        appointment_id,
        source_lead_id,
        opportunity_id,
        booked_by_id,

        -- texts
        outcome,
        -- a judgement counts from its date; without one it has not been made
        case when outcome = 'held' and judged_at is not null then stated_judgement end
            as judgement,
        outcome_code as source_outcome_code,
        judgement_code as source_judgement_code,
        judgement_reason_code as source_judgement_reason_code,
        source_system,
        source_object,
        source_file,
        cast(null as {{ dbt.type_string() }}) as exclusion_rule,

        -- numerics
        cast(booking_count as bigint) as booking_count,

        -- booleans
        has_later_judgement or is_ahead as is_judgement_ahead,

        -- dates
        booked_at,
        case when outcome = 'held' then coalesce(starts_at, booked_at) end as held_at,
        case when outcome = 'held' and stated_judgement is not null then judged_at end
            as judged_at,
        -- the day on which it took place, or was to take place after its last move
        case
            when outcome in ('held', 'no_show', 'cancelled')
                then coalesce(starts_at, booked_at)
        end as ended_at,
        {{ business_date('booked_at') }} as booked_date
    from ended

)

select * from final
