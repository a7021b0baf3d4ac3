{#-
    Grain: one row per distribution_id and surviving lead.
    Minutes from the acquisition of a lead to its first outbound approach, by the clock
    and in business hours. Untouched leads are in, as not finished.
-#}
with

responses as (

    select * from {{ ref('int_lead_responses') }}

),

final as (

    {% for distribution_id, seconds in {
        'speed_to_lead': 'seconds',
        'speed_to_lead_business': 'business_seconds',
    }.items() %}
    select
        '{{ distribution_id }}' as distribution_id,
        lead_id as case_id,
        channel_id,
        coalesce(rep_id, 'unknown') as rep_id,
        case when is_touched then team_at_touch else team_at_acquisition end as team,
        {{ seconds }} / 60.0 as observed_value,
        is_touched as is_finished,
        touched_date as event_date,
        acquired_date as cohort_date
    from responses
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
