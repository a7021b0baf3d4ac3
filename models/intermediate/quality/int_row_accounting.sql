{#-
    Grain: one row per object and file of the extracts and fate of its rows.
    Where every landed row went: into a fact or another table, folded into another row's
    fact, excluded by a rule, or rejected with a finding. The fates of a file add up to
    its records.
-#}
{%- set used_objects = [
    'lead_status_history',
    'opportunity_stage_history',
    'email_events',
    'permissions',
    'users',
    'accounts',
] -%}
{%- set file = 'source_system, source_object, source_file' -%}
with

call_legs as (

    select
        legs.source_system,
        legs.source_object,
        legs.source_file,
        legs.call_id as leg_id,
        folded.call_id
    from {{ ref('int_unioned_calls') }} as legs
    -- one-to-one
    inner join {{ ref('int_call_legs') }} as folded on legs.call_id = folded.leg_id

),

-- a call of several legs is its first leg, which is not folded
calls_of_legs as (

    select
        calls.source_system,
        calls.source_object,
        calls.source_file
    from {{ ref('int_logged_calls') }} as calls
    where calls.call_id in (select call_legs.call_id from call_legs)

),

bookings as (

    select
        *,
        {{ business_date('booked_at') }} > {{ as_of_date() }} as is_after_as_of_date
    from {{ ref('int_unioned_appointments') }}

),

opportunities as (

    select
        stated.source_system,
        stated.source_object,
        stated.source_file,
        case
            when counted.opportunity_id is not null then 'in_fact'
            when coalesce(stated.is_deleted, false) then 'deleted'
            when {{ business_date('stated.created_at') }} > {{ as_of_date() }}
                then 'after_as_of_date'
        end as fate
    from {{ ref('int_unioned_opportunities') }} as stated
    -- one-to-one
    left join {{ ref('int_opportunities') }} as counted
        on stated.opportunity_id = counted.opportunity_id

),

fates as (

    select
        {{ file }},
        case
            when is_merged then 'merged'
            when lead_id is not null then 'in_fact'
            when is_after_as_of_date then 'after_as_of_date'
            else 'deleted'
        end as fate,
        1 as row_count
    from {{ ref('int_lead_identities') }}

    union all

    select
        {{ file }},
        fate,
        1 as row_count
    from opportunities

    union all

    {% for model in ['int_calls', 'int_emails', 'int_touches', 'int_appointments'] %}
    select
        {{ file }},
        coalesce(exclusion_rule, 'in_fact') as fate,
        count(*) as row_count
    from {{ ref(model) }}
    group by {{ file }}, coalesce(exclusion_rule, 'in_fact')

    union all

    {% endfor %}
    {% for whole, part, fate in [
        ('call_legs', 'calls_of_legs', 'folded_leg'),
        (ref('int_unioned_emails'), ref('int_emails'), 'logged_twice'),
        (
            '(select * from bookings where not is_after_as_of_date) as booked',
            ref('int_appointments'),
            'folded_reschedule',
        ),
    ] %}
    -- the rows beyond the first one of each
    select
        {{ file }},
        '{{ fate }}' as fate,
        count(*) as row_count
    from {{ whole }}
    group by {{ file }}

    union all

    select
        {{ file }},
        '{{ fate }}' as fate,
        -count(*) as row_count
    from {{ part }}
    group by {{ file }}

    union all

    {% endfor %}
    select
        {{ file }},
        'after_as_of_date' as fate,
        count(*) as row_count
    from bookings
    where is_after_as_of_date
    group by {{ file }}

    union all

    select
        records.source_system,
        records.source_object,
        records.source_file,
        'logged_twice' as fate,
        count(*) as row_count
    from {{ ref('int_call_duplicates') }} as duplicates
    -- one-to-one
    inner join {{ ref('int_logged_calls') }} as records
        on duplicates.duplicate_call_id = records.call_id
    group by records.source_system, records.source_object, records.source_file

    union all

    {% for object in used_objects %}
    select
        {{ file }},
        'used' as fate,
        count(*) as row_count
    from {{ ref('int_unioned_' ~ object) }}
    group by {{ file }}

    union all

    {% endfor %}
    select
        {{ file }},
        fate,
        row_count
    from {{ ref('int_unioned_row_account') }}

    union all

    -- what did not even land; a line that is no data goes under what it is
    select
        {{ file }},
        case fate when 'excluded' then rule else fate end as fate,
        row_count
    from {{ ref('stg_landing__row_findings') }}
    where fate is not null

),

final as (

    select
        source_system,
        source_object as object,
        source_file as file,
        fate,
        cast(sum(row_count) as bigint) as row_count
    from fates
    -- what is derived from a row that another object accounts for names no file
    where source_file is not null
    group by source_system, source_object, source_file, fate
    having sum(row_count) <> 0

)

select * from final
