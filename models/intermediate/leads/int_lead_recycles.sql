{#-
    Grain: one row per surviving lead and recycle.
    Which engagement cycle it ended, after how many approaches, and whether these were
    fewer than policy recycle_minimum_approaches asks for on its day.
-#}
with

cycles as (

    select * from {{ ref('int_lead_cycles') }}

),

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

approaches as (

    select * from {{ ref('int_activities') }}
    where is_approach and lead_id is not null

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

recycles as (

    select
        leads.lead_id,
        leads.channel_id,
        leads.rep_id,
        leads.acquired_date,
        cycles.cycle_number - 1 as ended_cycle_number,
        cycles.started_at as recycled_at,
        {{ business_date('cycles.started_at') }} as recycled_date
    from cycles
    -- many-to-one; inner, as only a lead that survives is counted as a lead
    inner join leads on cycles.lead_key = leads.lead_id

),

counted as (

    select
        recycles.lead_id,
        recycles.ended_cycle_number,
        count(approaches.activity_id) as approach_count
    from recycles
    -- one-to-many
    left join approaches
        on recycles.lead_id = approaches.lead_id
        and recycles.ended_cycle_number = approaches.cycle_number
    group by recycles.lead_id, recycles.ended_cycle_number

),

final as (

    select
        -- ids
        recycles.lead_id,
        recycles.channel_id,
        recycles.rep_id,

        -- texts
        reps.team,

        -- numerics
        recycles.ended_cycle_number,
        counted.approach_count,

        -- booleans
        counted.approach_count < agreements.recycle_minimum_approaches as is_too_early,

        -- dates
        recycles.recycled_at,
        recycles.recycled_date,
        recycles.acquired_date
    from recycles
    -- one-to-one
    inner join counted
        on recycles.lead_id = counted.lead_id
        and recycles.ended_cycle_number = counted.ended_cycle_number
    -- many-to-one
    left join agreements on recycles.recycled_date = agreements.date_day
    left join reps
        on recycles.rep_id = reps.rep_id
        and recycles.recycled_date between reps.valid_from and reps.valid_to

)

select * from final
