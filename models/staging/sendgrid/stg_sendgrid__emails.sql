{#-
    Grain: one row per message and recipient that SendGrid sent.
    A mail is sent when it was processed. Where that event is in no extract, any other
    one of the mail tells of it, and it was sent no later than the first of them: such a
    row is derived, and has no source row.
-#}
with

events as (

    select * from {{ ref('base_sendgrid__message_event') }} where is_known_event

),

kinds as (

    select * from {{ ref('email_kinds') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by message_id, recipient
            order by
                case when event = 'processed' then 0 else 1 end,
                occurred_at,
                event_id
        ) as event_rank
    from events

),

sent as (

    select * from ranked where event_rank = 1

),

categories as (

    select
        category,
        coalesce({{ code_key('category') }}, '(empty)') as category_code
    from sent
    group by category

),

-- a category alone, or an element of a JSON array of them, with its place in it
known_categories as (

    select
        categories.category,
        kinds.category_code,
        kinds.kind,
        kinds.valid_from,
        kinds.valid_to,
        {{ dbt.position(
            "'\"' || kinds.category_code || '\"'", 'categories.category_code'
        ) }} as place
    from categories
    inner join kinds
        on categories.category_code = kinds.category_code
        or (
            categories.category_code like '[%'
            and {{ dbt.position(
                "'\"' || kinds.category_code || '\"'", 'categories.category_code'
            ) }} > 0
        )

),

sent_kinds as (

    select
        sent.event_id,
        known_categories.kind,
        row_number() over (
            partition by sent.event_id
            order by known_categories.place, known_categories.category_code
        ) as kind_rank
    from sent
    inner join known_categories
        on sent.category is not distinct from known_categories.category
        and {{ is_valid_on('known_categories', business_date('sent.occurred_at')) }}

),

first_kinds as (

    select * from sent_kinds where kind_rank = 1

),

final as (

    select
        -- ids
        sent.message_id,

        -- texts
        sent.recipient,
        -- a category without a mapping shows up as a kind without one
        coalesce(first_kinds.kind, sent.category) as kind,
        'tool' as logged_by,
        sent.source_system,
        sent.source_object,
        case when sent.event = 'processed' then sent.source_file end as source_file,

        -- numerics
        case when sent.event = 'processed' then sent.source_row end as source_row,

        -- dates
        sent.occurred_at as sent_at
    from sent
    -- one-to-one; left, so that a mail without a known category stays
    left join first_kinds on sent.event_id = first_kinds.event_id

)

select * from final
