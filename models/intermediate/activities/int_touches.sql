{#-
    Grain: one row per approach that is neither a call nor a mail: dm, form, sns, sms,
    letter, web meeting, visit. The log of approaches: what does not say its direction
    went out.
-#}
with

touches as (

    select * from {{ ref('int_unioned_touches') }}

),

final as (

    select
        -- ids
        touch_id,
        lead_id as source_lead_id,
        rep_id,

        -- texts
        case
            when {{ code_key('activity_channel') }} in (
                'dm', 'form', 'sns', 'sms', 'letter', 'web_meeting', 'visit'
            ) then {{ code_key('activity_channel') }}
            else 'unmapped'
        end as activity_channel,
        case {{ code_key('direction') }}
            when 'inbound' then 'inbound'
            else 'outbound'
        end as direction,
        source_system,
        source_object,
        source_file,
        case
            when {{ business_date('occurred_at') }} > {{ as_of_date() }}
                then 'after_as_of_date'
        end as exclusion_rule,

        -- booleans
        coalesce({{ business_date('replied_at') }} <= {{ as_of_date() }}, false)
            as is_replied,
        coalesce(information_exchanged, false) as information_exchanged,
        coalesce(need_recorded, false) as need_recorded,

        -- dates
        occurred_at,
        {{ business_date('occurred_at') }} as occurred_date
    from touches

)

select * from final
