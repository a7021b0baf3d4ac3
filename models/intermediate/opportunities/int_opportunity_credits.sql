{#-
    Grain: one row per opportunity of a lead that inside sales approached or booked
    before.
    Who of inside sales influenced it: the latest approach within the influence window
    before its creation, and the booker of the latest appointment before it.
-#}
with

opportunities as (

    select * from {{ ref('int_opportunity_leads') }} where lead_key is not null

),

approaches as (

    select * from {{ ref('int_activities') }} where is_approach and is_inside_sales

),

bookings as (

    select * from {{ ref('int_activities') }} where activity_type = 'appointment'

),

outcomes as (

    select * from {{ ref('int_opportunity_outcomes') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

-- the window agreed on the day that counts the deal: its close, else the as-of date
windows as (

    select
        opportunities.*,
        {{ dbt.dateadd(
            'day', '-agreements.influence_window_days', 'opportunities.created_at'
        ) }} as influence_from
    from opportunities
    -- one-to-one
    left join outcomes on opportunities.opportunity_id = outcomes.opportunity_id
    -- many-to-one
    left join agreements
        on coalesce(outcomes.closed_date, {{ as_of_date() }}) = agreements.date_day

),

influences as (

    select
        windows.opportunity_id,
        approaches.rep_id,
        row_number() over (
            partition by windows.opportunity_id
            order by approaches.occurred_at desc, approaches.activity_id desc
        ) as approach_number_from_last
    from windows
    -- one-to-many
    inner join approaches
        on windows.lead_key = approaches.lead_key
        and approaches.occurred_at <= windows.created_at
        and approaches.occurred_at >= windows.influence_from

),

booked_before as (

    select
        opportunities.opportunity_id,
        bookings.rep_id,
        row_number() over (
            partition by opportunities.opportunity_id
            order by bookings.occurred_at desc, bookings.activity_id desc
        ) as booking_number_from_last
    from opportunities
    -- one-to-many
    inner join bookings
        on opportunities.lead_key = bookings.lead_key
        and bookings.occurred_at <= opportunities.created_at

),

final as (

    select
        opportunities.opportunity_id,
        influences.rep_id as influencing_rep_id,
        booked_before.rep_id as booking_rep_id,
        influences.opportunity_id is not null as is_influenced
    from opportunities
    left join influences
        on opportunities.opportunity_id = influences.opportunity_id
        and influences.approach_number_from_last = 1
    left join booked_before
        on opportunities.opportunity_id = booked_before.opportunity_id
        and booked_before.booking_number_from_last = 1

)

select * from final
