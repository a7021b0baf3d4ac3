{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in the approach phase: one line per measure.
-#}
with

activities as (

    select * from {{ ref('int_activities') }}

),

final as (

    {{ daily_measures(
        relation='activities',
        event_date='activity_date',
        cohort_date='acquired_date',
        measures={
            'calls_made': one_if("activity_type = 'call' and direction = 'outbound'"),
            'inbound_calls': one_if("activity_type = 'call' and direction = 'inbound'"),
            'calls_connected': one_if(
                "activity_type = 'call' and direction = 'outbound' and is_connected"
            ),
            'emails_sent': one_if("activity_type = 'email'"),
            'emails_delivered': one_if("activity_type = 'email' and is_delivered"),
            'emails_opened': one_if("activity_type = 'email' and is_opened"),
            'emails_opened_human': one_if(
                "activity_type = 'email' and is_opened and not is_machine_opened"
            ),
            'emails_opened_machine': one_if(
                "activity_type = 'email' and is_machine_opened"
            ),
            'approaches_to_targets': one_if('is_approach_to_target'),
            'target_connections': one_if('is_target_connected'),
            'follow_ups': one_if('is_follow_up'),
            'connectors': one_if('is_connector'),
            'effective_conversations': one_if('is_effective_conversation'),
            'approaches_to_leads': one_if('is_approach and lead_id is not null'),
        },
    ) }}

)

select * from final
