{#- Grain: one row per approach, inbound call or appointment. -#}
with

activities as (

    select * from {{ ref('int_activities') }}

),

match_methods as (

    select * from {{ ref('match_methods') }}

),

final as (

    select
        -- ids
        activities.activity_id,
        activities.source_id,
        activities.lead_id,
        activities.account_id,
        activities.opportunity_id,
        activities.rep_id,
        activities.channel_id,

        -- texts
        activities.activity_type,
        activities.activity_channel,
        activities.direction,
        activities.source_system,
        activities.outcome_code,
        activities.lead_match_method,
        match_methods.confidence as lead_match_confidence,

        -- numerics
        activities.touch_number,
        activities.duration_seconds,

        -- booleans
        activities.is_approach_to_target,
        activities.is_follow_up,
        activities.is_connected,
        activities.is_target_connected,
        activities.is_connector,
        activities.is_effective_conversation,
        activities.is_delivered,
        activities.is_bounced,
        activities.is_opened,
        activities.is_machine_opened,
        activities.is_clicked,
        activities.is_replied,
        activities.is_manual,

        -- dates
        activities.occurred_at,
        activities.activity_date
    from activities
    -- many-to-one
    left join match_methods
        on activities.lead_match_method = match_methods.match_method

)

select * from final
