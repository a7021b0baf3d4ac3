{#-
    Grain: one row per meeting basis, event that is counted (counted_at), lead key and
    engagement cycle that has a meeting.
    A meeting is the first event of its cycle: the first appointment booked, or the
    first opportunity that becomes a proposal. `agreed` repeats the rows of the basis that
    policy meeting_counts_at names on their day; both bases are always there, to be held
    against each other. A lead that has its appointment under one policy and its proposal
    under the next one is counted by both, each on its day.
-#}
with

appointments as (

    select * from {{ ref('int_lead_appointments') }} where lead_key is not null

),

opportunities as (

    select * from {{ ref('int_opportunities') }}
    where lead_key is not null and proposal_at is not null

),

cycles as (

    select * from {{ ref('int_lead_cycles') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

events as (

    select
        'first_appointment' as meeting_basis,
        appointment_id as event_id,
        lead_key,
        lead_id,
        channel_id,
        booked_by_id as rep_id,
        cycle_number,
        booked_at as meeting_at,
        acquired_date
    from appointments

    union all

    select
        'proposal_stage' as meeting_basis,
        opportunities.opportunity_id as event_id,
        opportunities.lead_key,
        opportunities.lead_id,
        opportunities.channel_id,
        opportunities.proposal_owner_id as rep_id,
        coalesce(cycles.cycle_number, 1) as cycle_number,
        opportunities.proposal_at as meeting_at,
        opportunities.acquired_date
    from opportunities
    -- many-to-one: cycles of a lead do not overlap
    left join cycles
        on opportunities.lead_key = cycles.lead_key
        and opportunities.proposal_at >= cycles.started_at
        and (opportunities.proposal_at < cycles.ended_at or cycles.ended_at is null)

),

sequenced as (

    select
        *,
        row_number() over (
            partition by meeting_basis, lead_key, cycle_number
            order by meeting_at, event_id
        ) as event_number
    from events

),

firsts as (

    select
        *,
        {{ business_date('meeting_at') }} as meeting_date
    from sequenced
    where event_number = 1

),

final as (

    select
        meeting_basis,
        meeting_basis as counted_at,
        event_id,
        lead_key,
        lead_id,
        channel_id,
        rep_id,
        cycle_number,
        meeting_at,
        meeting_date,
        acquired_date
    from firsts

    union all

    select
        'agreed' as meeting_basis,
        firsts.meeting_basis as counted_at,
        firsts.event_id,
        firsts.lead_key,
        firsts.lead_id,
        firsts.channel_id,
        firsts.rep_id,
        firsts.cycle_number,
        firsts.meeting_at,
        firsts.meeting_date,
        firsts.acquired_date
    from firsts
    -- many-to-one
    inner join agreements
        on firsts.meeting_date = agreements.date_day
        and firsts.meeting_basis = agreements.meeting_counts_at

)

select * from final
