{#-
    Grain: one row per object, file and fate of the landed rows of sendgrid that reach no
    common object.
    A delay ends in a delivery or a bounce, which is its own event; a mail that was
    announced again is the same mail.
-#}
with

not_accepted as (

    {{ staged_row_account({'event': 'base_sendgrid__event'}) }}

),

left_out as (

    select
        source_object,
        source_file,
        case event
            when 'deferred' then 'deferred_delivery'
            else 'announced_again'
        end as fate,
        count(*) as row_count
    from {{ ref('base_sendgrid__message_event') }}
    where event = 'deferred' or (event = 'processed' and occurrence > 1)
    group by
        source_object,
        source_file,
        case event
            when 'deferred' then 'deferred_delivery'
            else 'announced_again'
        end

),

final as (

    select * from not_accepted

    union all

    select * from left_out

)

select * from final
