{#-
    Grain: one row per surviving lead.
    How often it was approached, when first and when with a connection, over all of its
    engagement cycles. An inbound call is no approach: a lead that only called is
    untouched.
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

approaches as (

    select * from {{ ref('int_activities') }}
    where is_approach and lead_id is not null

),

-- each cycle has a first approach; the lead's is that of its earliest cycle
first_approaches as (

    select
        lead_id,
        rep_id,
        team,
        activity_date,
        row_number() over (partition by lead_id order by cycle_number) as cycle_rank
    from approaches
    where touch_number = 1

),

connections as (

    select
        lead_id,
        rep_id,
        team,
        activity_date,
        occurred_at,
        row_number() over (
            partition by lead_id order by occurred_at, activity_id
        ) as connection_number
    from approaches
    where is_connected

),

first_connections as (

    select * from connections where connection_number = 1

),

attempts as (

    select
        approaches.lead_id,
        count(*) as attempts_to_first_connection
    from approaches
    -- many-to-one
    inner join first_connections
        on approaches.lead_id = first_connections.lead_id
        and approaches.occurred_at <= first_connections.occurred_at
    group by approaches.lead_id

),

final as (

    select
        -- ids
        leads.lead_id,
        leads.channel_id,
        leads.rep_id,
        first_approaches.rep_id as first_approach_rep_id,
        first_connections.rep_id as first_connection_rep_id,

        -- texts
        first_approaches.team as first_approach_team,
        first_connections.team as first_connection_team,

        -- numerics
        leads.touch_count,
        cast(attempts.attempts_to_first_connection as bigint)
            as attempts_to_first_connection,
        case
            when leads.touch_count = 0
                then cast(
                    {{ dbt.datediff('leads.acquired_date', as_of_date(), 'day') }}
                    as bigint
                )
        end as untouched_days,

        -- booleans
        leads.touch_count = 0 as is_untouched,

        -- dates
        leads.acquired_date,
        first_approaches.activity_date as first_approach_date,
        first_connections.activity_date as first_connection_date
    from leads
    -- all one-to-one
    left join first_approaches
        on leads.lead_id = first_approaches.lead_id
        and first_approaches.cycle_rank = 1
    left join first_connections on leads.lead_id = first_connections.lead_id
    left join attempts on leads.lead_id = attempts.lead_id

)

select * from final
