{#-
    Grain: one row per event of a mail that says what became of it.
    Its sending is the mail itself (stg_sendgrid__emails); a delay says nothing yet.
-#}
with

events as (

    select * from {{ ref('base_sendgrid__message_event') }}
    where event not in ('processed', 'deferred')

),

final as (

    select
        -- ids
        event_id,
        message_id,

        -- texts
        recipient,
        event,
        user_agent,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- booleans
        is_machine,

        -- dates
        occurred_at
    from events

)

select * from final
