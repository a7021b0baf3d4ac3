{#-
    Grain: one row per accepted event of sendgrid, with the message it is about and what
    it is called in the common layout.
    A message's id stands before what the servers on its way added to it. Both kinds of
    bounce are one event, and so is a mail that SendGrid dropped because the address had
    bounced before. An event that is not listed keeps its name, and so shows up as
    unmapped.
-#}
{{ config(materialized='view') }}
{%- set events = {
    'processed': 'processed',
    'deferred': 'deferred',
    'delivered': 'delivered',
    'bounce': 'bounce',
    'dropped': 'bounce',
    'open': 'open',
    'click': 'click',
    'spamreport': 'unsubscribe',
    'unsubscribe': 'unsubscribe',
    'group_unsubscribe': 'unsubscribe',
} -%}
with

events as (

    select * from {{ ref('base_sendgrid__event') }} where is_accepted

),

named as (

    select
        *,
        case {{ code_key('event') }}
            {%- for name, common_name in events.items() %}
            when '{{ name }}' then '{{ common_name }}'
            {%- endfor %}
            else event
        end as common_event,
        {{ code_key('event') }} in ('{{ events | join("', '") }}') as is_known_event,
        {{ dbt.split_part(
            dbt.split_part('sg_message_id', "'.filter'", 1), "'.recv'", 1
        ) }} as message_id,
        lower(email) as recipient
    from events

),

final as (

    select
        -- ids
        sg_event_id as event_id,
        message_id,

        -- texts
        recipient,
        common_event as event,
        category,
        useragent as user_agent,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,
        -- the same mail may be announced twice, under two ids
        row_number() over (
            partition by message_id, recipient, common_event
            order by timestamp, sg_event_id
        ) as occurrence,

        -- booleans
        sg_machine_open as is_machine,
        is_known_event,

        -- dates
        timestamp as occurred_at
    from named

)

select * from final
