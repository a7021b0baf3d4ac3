{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    Leads that were first approached in time, dated and credited as leads_acquired is, so
    that they are a part of it.
-#}
with

responses as (

    select * from {{ ref('int_lead_responses') }}

),

final as (

    {{ daily_measures(
        relation='responses',
        event_date='acquired_date',
        cohort_date='acquired_date',
        team='team_at_acquisition',
        measures={
            'leads_touched_within_5_min': one_if(
                'is_touched and seconds <= 60 * ' ~ var('speed_to_lead_5_min')
            ),
            'leads_touched_within_1_hour': one_if(
                'is_touched and seconds <= 60 * ' ~ var('speed_to_lead_1_hour')
            ),
            'leads_touched_within_5_min_business': one_if(
                'is_touched and business_seconds <= 60 * ' ~ var('speed_to_lead_5_min')
            ),
            'leads_touched_within_1_hour_business': one_if(
                'is_touched and business_seconds <= 60 * ' ~ var('speed_to_lead_1_hour')
            ),
        },
    ) }}

)

select * from final
