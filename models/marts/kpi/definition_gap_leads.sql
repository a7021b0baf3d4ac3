{#-
    Grain: one row per lead and engagement cycle with a meeting by either definition.
    When each definition counts it, so that the departments can settle the single case.
-#}
with

meetings as (

    select * from {{ ref('int_meetings') }}
    where meeting_basis <> 'agreed' and lead_id is not null

),

by_lead as (

    select
        {% for basis in ['first_appointment', 'proposal_stage'] %}
        max(case when meeting_basis = '{{ basis }}' then rep_id end)
            as {{ basis }}_rep_id,
        max(case when meeting_basis = '{{ basis }}' then meeting_date end)
            as {{ basis }}_date,
        {% endfor %}
        lead_id,
        channel_id,
        cycle_number
    from meetings
    group by lead_id, channel_id, cycle_number

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        first_appointment_rep_id,
        proposal_stage_rep_id,

        -- texts
        case
            when proposal_stage_date is null then 'first_appointment'
            when first_appointment_date is null then 'proposal_stage'
            else 'both'
        end as counted_by,

        -- numerics
        cast(cycle_number as integer) as cycle_number,
        cast(
            {{ dbt.datediff('first_appointment_date', 'proposal_stage_date', 'day') }}
            as integer
        ) as days_between,

        -- dates
        first_appointment_date,
        proposal_stage_date
    from by_lead

)

select * from final
