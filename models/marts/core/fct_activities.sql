{#- Grain: one row per approach, inbound call or appointment. -#}
with

activities as (

    select * from {{ ref('int_activities') }}

),

final as (

    select
        -- ids
        activity_id,
        source_id,
        lead_id,
        account_id,
        opportunity_id,
        rep_id,
        channel_id,

        -- texts
        activity_type,
        activity_channel,
        direction,
        source_system,
        outcome_code,

        -- numerics
        touch_number,
        duration_seconds,

        -- booleans
        is_approach_to_target,
        is_follow_up,
        is_connected,
        is_target_connected,
        is_connector,
        is_effective_conversation,
        is_delivered,
        is_bounced,
        is_opened,
        is_machine_opened,
        is_clicked,
        is_replied,
        is_manual,

        -- dates
        occurred_at,
        activity_date
    from activities

)

select * from final
