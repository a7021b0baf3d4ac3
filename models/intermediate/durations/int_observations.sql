{#-
    Grain: one row per distribution_id and case_id (the lead, appointment or deal).
    What each distribution of the registry is made of. A case that has not finished by
    the end of the as-of date is there with the time for which it was observed, so that a
    statistic can tell a fast team from one that leaves the slow half undone.
-#}
{%- set parts = ['speed_to_lead', 'time_to_judgement', 'deals'] -%}
with

final as (

    {% for part in parts %}
    select
        -- ids
        distribution_id,
        case_id,
        channel_id,
        rep_id,

        -- texts
        team,

        -- numerics
        observed_value,

        -- booleans
        is_finished,

        -- dates
        event_date,
        cohort_date
    from {{ ref('int_observations_' ~ part) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
