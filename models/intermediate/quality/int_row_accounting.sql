{#-
    Grain: one row per object of the extracts and fate of its rows.
    Where every landed row went: into a fact or another table, folded into another row's
    fact, excluded by a rule, or rejected with a finding. The fates of an object add up
    to its landed rows.
-#}
{%- set folded_objects = [
    'leads', 'opportunities', 'calls', 'emails', 'touches', 'appointments'
] -%}
{%- set plain_objects = {
    'generic': [
        'lead_status_history',
        'opportunity_stage_history',
        'email_events',
        'permissions',
        'users',
    ],
    'planning': [
        'attendance',
        'targets',
        'kgi',
        'company_holidays',
        'fx_rates',
        'campaign_costs',
    ],
} -%}
with

{% for object in folded_objects %}
staged_{{ object }} as (

    select * from {{ ref('stg_generic__' ~ object) }}

),
{% endfor %}
calls as (

    select * from {{ ref('int_calls') }}

),

call_duplicates as (

    select * from {{ ref('int_call_duplicates') }}

),

logged_calls as (

    select * from {{ ref('int_logged_calls') }}

),

emails as (

    select * from {{ ref('int_emails') }}

),

touches as (

    select * from {{ ref('int_touches') }}

),

appointments as (

    select * from {{ ref('int_appointments') }}

),

lead_fates as (

    select
        case
            when is_merged then 'merged'
            when lead_id is not null then 'in_fact'
            when is_after_as_of_date then 'after_as_of_date'
            else 'deleted'
        end as fate
    from {{ ref('int_lead_identities') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

left_out_opportunities as (

    select
        case
            when coalesce(is_deleted, false) then 'deleted'
            else 'after_as_of_date'
        end as fate
    from staged_opportunities
    where
        is_accepted
        and (
            coalesce(is_deleted, false)
            or {{ business_date('created_at') }} > {{ as_of_date() }}
        )

),

fates as (

    {% for object in folded_objects %}
    select
        'generic' as source_system,
        '{{ object }}' as object,
        row_status as fate,
        count(*) as row_count
    from staged_{{ object }}
    where not is_accepted
    group by row_status

    union all
    {% endfor %}

    {% for system, objects in plain_objects.items() %}
    {% for object in objects %}
    select
        '{{ system }}' as source_system,
        '{{ object }}' as object,
        case when is_accepted then 'used' else row_status end as fate,
        count(*) as row_count
    from {{ ref('stg_' ~ system ~ '__' ~ object) }}
    group by case when is_accepted then 'used' else row_status end

    union all
    {% endfor %}
    {% endfor %}

    select
        'generic' as source_system,
        'calls' as object,
        coalesce(exclusion_rule, 'in_fact') as fate,
        count(*) as row_count
    from calls
    group by coalesce(exclusion_rule, 'in_fact')

    union all

    -- the legs of one call beyond the first
    select
        'generic' as source_system,
        'calls' as object,
        'folded_leg' as fate,
        sum(leg_count - 1) as row_count
    from logged_calls
    where leg_count > 1

    union all

    select
        'generic' as source_system,
        'calls' as object,
        'logged_twice' as fate,
        count(*) as row_count
    from call_duplicates

    union all

    select
        'generic' as source_system,
        'emails' as object,
        coalesce(exclusion_rule, 'in_fact') as fate,
        count(*) as row_count
    from emails
    group by coalesce(exclusion_rule, 'in_fact')

    union all

    select
        'generic' as source_system,
        'touches' as object,
        coalesce(exclusion_rule, 'in_fact') as fate,
        count(*) as row_count
    from touches
    group by coalesce(exclusion_rule, 'in_fact')

    union all

    select
        'generic' as source_system,
        'appointments' as object,
        'in_fact' as fate,
        count(*) as row_count
    from appointments

    union all

    select
        'generic' as source_system,
        'appointments' as object,
        'folded_reschedule' as fate,
        sum(booking_count - 1) as row_count
    from appointments
    where booking_count > 1

    union all

    select
        'generic' as source_system,
        'appointments' as object,
        'after_as_of_date' as fate,
        count(*) as row_count
    from staged_appointments
    where is_accepted and {{ business_date('booked_at') }} > {{ as_of_date() }}

    union all

    select
        'generic' as source_system,
        'leads' as object,
        fate,
        count(*) as row_count
    from lead_fates
    group by fate

    union all

    select
        'generic' as source_system,
        'opportunities' as object,
        'in_fact' as fate,
        count(*) as row_count
    from opportunities

    union all

    select
        'generic' as source_system,
        'opportunities' as object,
        fate,
        count(*) as row_count
    from left_out_opportunities
    group by fate

),

final as (

    select
        source_system,
        object,
        fate,
        cast(sum(row_count) as bigint) as row_count
    from fates
    where row_count > 0
    group by source_system, object, fate

)

select * from final
