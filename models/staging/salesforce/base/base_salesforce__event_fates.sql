{#-
    Grain: one row per accepted event.
    The only model that decides which calendar entry is an appointment: fate is the rule
    by which one is none, and empty for an appointment. Type says it, else the subtype;
    what neither knows is an appointment, and its Type is reported.
-#}
with

events as (

    select
        *,
        coalesce(booked_at, created_date) as first_booked_at,
        {{ code_key('type') }} as type_code,
        {{ code_key('event_subtype') }} as event_subtype_code
    from {{ ref('base_salesforce__event') }}
    where is_accepted

),

codes as (

    select * from {{ ref('activity_types') }}

),

final as (

    select
        -- ids
        events.id,
        events.who_id,
        case when events.what_id like '006%' then events.what_id end as opportunity_id,
        events.created_by_id,
        events.owner_id,
        events.rescheduled_from_id,

        -- texts
        events.source_system,
        events.source_object,
        events.source_file,
        case
            when coalesce(events.is_deleted, false) then 'deleted_in_source'
            when coalesce(events.is_child, false) then 'invitee_copy'
            when coalesce(events.is_recurrence, false) then 'recurrence_series'
            when
                coalesce(type_codes.record_kind, event_subtype_codes.record_kind)
                = 'no_customer_meeting'
                then 'no_customer_meeting'
        end as fate,
        events.type_code,
        events.outcome,
        events.judgement,
        events.judgement_reason,

        -- numerics
        events.source_row,

        -- booleans
        events.type_code is not null and type_codes.record_kind is null
            as is_type_unmapped,

        -- dates
        events.first_booked_at as booked_at,
        coalesce(
            events.start_date_time,
            events.activity_date_time,
            {{ business_day_start('events.activity_date') }}
        ) as starts_at,
        events.judged_at
    from events
    {%- for column in ['type', 'event_subtype'] %}
    -- many-to-one
    left join codes as {{ column }}_codes
        on {{ column }}_codes.activity_code
        = 'event.{{ column }}=' || events.{{ column }}_code
        and {{ is_valid_on(column ~ '_codes', business_date('events.first_booked_at')) }}
    {%- endfor %}

)

select * from final
